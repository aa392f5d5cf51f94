/** Text of HTML or SVG that may be written as it is. */
export interface Html {
  readonly html: string;
}

type Part = Html | string | number | readonly Html[];

/** HTML of a template: what is put in is escaped, unless it is HTML already. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  let text = strings[0] ?? '';
  for (const [index, part] of parts.entries()) text += toText(part) + (strings[index + 1] ?? '');
  return { html: text };
}

/** Nothing. */
export const NONE: Html = { html: '' };

function toText(part: Part): string {
  if (typeof part === 'string' || typeof part === 'number') return escapeText(String(part));
  return isHtml(part) ? part.html : part.map((each) => each.html).join('');
}

function isHtml(part: Html | readonly Html[]): part is Html {
  return 'html' in part;
}

/** Bytes of HTML that a text from outside may take. */
const DEFAULT_LENGTH = 240;

/**
 * A text from outside, isolated from the direction of what is around it, and cut so that its HTML has `max` bytes at
 * most, whatever is in it.
 */
export function outside(value: string, max = DEFAULT_LENGTH): Html {
  let text = '';
  let length = 0;
  for (const char of value) {
    const escaped = escapeText(char);
    length += Buffer.byteLength(escaped);
    if (length > max) return { html: `<bdi>${text}…</bdi>` };
    text += escaped;
  }
  return { html: `<bdi>${text}</bdi>` };
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** For the content and the quoted attributes of HTML and SVG. What cannot be seen, or turns the direction of text, is shown by its code. */
export function escapeText(text: string): string {
  return text
    .replace(/[&<>"']/g, (char) => ENTITIES[char] ?? '')
    .replace(UNSEEN, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`);
}

/** Control and format characters, line separators, halves of pairs; but not the two joiners, which words and emoji need. */
const UNSEEN = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
