/** A name as SQL has it, whatever is in it. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text as SQL has it. DuckDB's parser ends its input at a zero character, so that those are put in by a function. */
export function quoteText(text: string): string {
  const [first = '', ...rest] = text.split('\0').map((part) => `'${part.replaceAll("'", "''")}'`);
  return rest.length === 0 ? first : `(${[first, ...rest].join(' || chr(0) || ')})`;
}

/** A query without the semicolon at its end. On a line of its own, so that a comment at its end does not reach further. */
export function subquery(sql: string): string {
  return `(${sql.replace(/[\s;]+$/, '')}\n)`;
}
