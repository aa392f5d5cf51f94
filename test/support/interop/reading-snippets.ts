/** The fenced snippets of a Markdown document, each with the mark that stands above it as a comment. */

/** What CI does with a snippet. */
export type Mark =
  | { readonly kind: 'run'; readonly engine: string; readonly name: string }
  | { readonly kind: 'check'; readonly name: string }
  | { readonly kind: 'not run'; readonly reason: string };

export interface Snippet {
  /** Heading of the second level above it. */
  readonly section: string;
  /** Behind the fence: `sql`, `python`, ... */
  readonly language: string;
  readonly text: string;
  readonly mark: Mark;
  /** Of the fence, from 1. */
  readonly line: number;
}

const FENCE = /^```(\S*)\s*$/;
const COMMENT = /^<!--\s*(.*?)\s*-->$/;

/**
 * Every snippet of a document. The line above a fence has to be one of
 * `<!-- run ENGINE: NAME -->`, `<!-- check: NAME -->` and `<!-- not run: REASON -->`.
 * Throws for a fence without such a mark, for an indented one, and for one without language or end.
 */
export function parseSnippets(document: string): Snippet[] {
  const lines = document.split('\n');
  const snippets: Snippet[] = [];
  let section = '';
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? '';
    if (line.startsWith('## ')) section = line.slice(3).trim();
    if (!/^\s*(```|~~~)/.test(line)) continue;
    const end = lines.indexOf('```', index + 1);
    const language = FENCE.exec(line)?.[1];
    if (end === -1 || !language)
      throw new Error(`line ${index + 1}: a snippet is indented, or has no language or no end`);
    const mark = parseMark(lines[index - 1] ?? '', index);
    snippets.push({ section, language, text: lines.slice(index + 1, end).join('\n'), mark, line: index + 1 });
    index = end;
  }
  return snippets;
}

function parseMark(line: string, number: number): Mark {
  const text = COMMENT.exec(line)?.[1] ?? '';
  const colon = text.indexOf(':');
  const [kind, rest] = [text.slice(0, Math.max(colon, 0)), text.slice(colon + 1).trim()];
  if (rest !== '') {
    const engine = /^run (\S+)$/.exec(kind)?.[1];
    if (engine !== undefined) return { kind: 'run', engine, name: rest };
    if (kind === 'check') return { kind, name: rest };
    if (kind === 'not run') return { kind, reason: rest };
  }
  throw new Error(`line ${number}: expected <!-- run ENGINE: NAME --> or <!-- not run: REASON -->, got "${line}"`);
}
