/** What is wrong with a value of a run's files; the caller knows which line of which object it is. */
export class InvalidField extends Error {
  override readonly name = 'InvalidField';
}

export type Fields = Readonly<Record<string, unknown>>;

/** An object that has no other fields than these. */
export function objectOf(value: unknown, where: string, known: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw mismatch(where, value, 'an object');
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new InvalidField(`${where} has the field "${unknown}", expected ${known.join(', ')}`);
  }
  return value as Fields;
}

export function textIn(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string') throw mismatch(name, value, 'a text');
  return value;
}

/** A whole number from `least` on that is exact. */
export function numberIn(fields: Fields, name: string, least = 0): number {
  const value = fields[name];
  if (!Number.isSafeInteger(value) || Number(value) < least) {
    throw mismatch(name, value, `a whole number from ${least} to 2^53`);
  }
  return Number(value);
}

export function listIn(fields: Fields, name: string): readonly unknown[] {
  const value = fields[name];
  if (!Array.isArray(value)) throw mismatch(name, value, 'a list');
  return value;
}

export function textsIn(fields: Fields, name: string): readonly string[] {
  return listIn(fields, name).map((value) => {
    if (typeof value !== 'string') throw mismatch(name, value, 'a list of texts');
    return value;
  });
}

export function mismatch(where: string, value: unknown, expected: string): InvalidField {
  const got = value === undefined ? 'missing' : (JSON.stringify(value) ?? String(value)).slice(0, MAX_SHOWN);
  return new InvalidField(`${where} is ${got}, expected ${expected}`);
}

/** Characters of a wrong value that a message shows. */
const MAX_SHOWN = 100;
