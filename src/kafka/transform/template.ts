/** A part of a segment of a template: text, `{topic}`, or anything else in braces. */
export type TemplatePart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'topic' }
  | { readonly kind: 'expression'; readonly text: string };

/**
 * Cuts a template such as `bronze/{topic}` into segments and their parts. Braces and slashes within the braces and the
 * quotes of an expression are its own.
 *
 * Throws an Error for braces that do not match, and for segments that are empty, hidden (`.` or `_` at the start) or `..`.
 */
export function parseTemplate(template: string): readonly (readonly TemplatePart[])[] {
  const segments: TemplatePart[][] = [[]];
  let text = '';
  const endText = () => {
    if (text !== '') segments.at(-1)?.push({ kind: 'text', text });
    text = '';
  };
  for (let index = 0; index < template.length; index++) {
    const character = template.charAt(index);
    if (character === '/') {
      endText();
      segments.push([]);
    } else if (character === '{') {
      endText();
      const end = closingBrace(template, index);
      segments.at(-1)?.push(bracePart(template, template.slice(index + 1, end).trim()));
      index = end;
    } else if (character === '}') {
      throw new Error(`The template ${template} has a "}" without a "{" at position ${index + 1}`);
    } else {
      text += character;
    }
  }
  endText();
  for (const segment of segments) checkSegment(template, segment);
  return segments;
}

function bracePart(template: string, text: string): TemplatePart {
  if (text === '') throw new Error(`The template ${template} has empty braces`);
  return text === 'topic' ? { kind: 'topic' } : { kind: 'expression', text };
}

function closingBrace(template: string, start: number): number {
  let depth = 0;
  let quote = '';
  for (let index = start; index < template.length; index++) {
    const character = template.charAt(index);
    if (quote !== '') {
      if (character === '\\') index++;
      else if (character === quote) quote = '';
    } else if (character === '{') depth++;
    else if (character === '}') depth--;
    else if (character === "'" || character === '"' || character === '`') quote = character;
    if (depth === 0) return index;
  }
  throw new Error(`The template ${template} has a "{" without a "}" at position ${start + 1}`);
}

function checkSegment(template: string, [first, ...rest]: readonly TemplatePart[]): void {
  if (first === undefined) throw new Error(`The template ${template} has an empty segment`);
  if (first.kind === 'text' && /^[._]/.test(first.text)) {
    throw new Error(`The template ${template} has a hidden segment: ${first.text}${rest.length > 0 ? '…' : ''}`);
  }
}
