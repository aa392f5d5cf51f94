/** Limits of S3 (user guide, "Categorizing your objects using tags"); characters are UTF-16 units there, as here. */
export const MAX_TAGS = 10;
const MAX_KEY = 128;
const MAX_VALUE = 256;

/** Letters, digits and spaces of any language, and these. */
const OTHER_CHARACTERS = /[^\p{L}\p{N}\p{Z}+\-=._:/@]/gu;

/** Why text cannot be the key of a tag; undefined if it can. */
export function tagKeyProblem(key: string): string | undefined {
  const got = `got "${key}"`;
  if (key === '' || key.length > MAX_KEY) return `expected 1-${MAX_KEY} characters, ${got}`;
  if (/^aws:/i.test(key)) return `the beginning "aws:" is AWS's own, ${got}`;
  return characterProblem(key);
}

/** Why text cannot be the value of a tag; undefined if it can. */
export function tagValueProblem(value: string): string | undefined {
  if (value.length > MAX_VALUE) return `expected ${MAX_VALUE} characters at most, got ${value.length}`;
  return characterProblem(value);
}

function characterProblem(text: string): string | undefined {
  const [bad] = text.match(OTHER_CHARACTERS) ?? [];
  if (bad === undefined) return undefined;
  return `expected letters, digits, spaces and + - = . _ : / @ only, got ${JSON.stringify(bad)} in "${text}"`;
}

/** Text as the value of a tag: `_` in the place of what S3 does not take, cut where it is too long. */
export function toTagValue(text: string): string {
  const value = text.replace(OTHER_CHARACTERS, '_').slice(0, MAX_VALUE);
  // Half of a character that takes two units.
  return value.isWellFormed() ? value : value.slice(0, -1);
}
