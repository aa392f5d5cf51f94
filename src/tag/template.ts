/** Text with names in it, which stand for parts of a key. */
export type ValueTemplate = readonly ({ readonly text: string } | { readonly name: string })[];

/** The parts of text such as `day {ds}`; undefined where a brace is neither the beginning nor the end of a name. */
export function parseTemplate(text: string): ValueTemplate | undefined {
  const parts = text.split(/(\{[^{}]+\})/).filter((part) => part !== '');
  const template = parts.map((part) => (/^\{.+\}$/s.test(part) ? { name: part.slice(1, -1) } : { text: part }));
  return template.some((part) => 'text' in part && /[{}]/.test(part.text)) ? undefined : template;
}

/** The text with the values in the place of their names; undefined where one of the names has none. */
export function fillTemplate(template: ValueTemplate, values: ReadonlyMap<string, string>): string | undefined {
  const parts = template.map((part) => ('text' in part ? part.text : values.get(part.name)));
  return parts.includes(undefined) ? undefined : parts.join('');
}
