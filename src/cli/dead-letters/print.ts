import { formatRows, formatTime, isoTime, plural, printable, shorten } from '../format.ts';
import type { Terminal } from '../terminal.ts';
import type { Summary, UnreadableLetter } from './letters.ts';

/** Letters that cannot be read, in the text; the JSON has more. */
const MAX_LINES = 10;
const EXAMPLE_WIDTH = 60;

/** The groups, then what cannot be read, with the reason and the beginning of the body. */
export function summaryLines({ groups, unreadable }: Summary, { style }: Terminal): string[] {
  const rows = groups.map(({ folder, messages, oldest, example }) => [
    plural(messages, 'message'),
    `since ${formatTime(oldest)}`,
    folder === null ? 'about no object' : printable(folder),
    example === undefined ? '' : style.dim(`e.g. ${shorten(printable(example), EXAMPLE_WIDTH)}`),
  ]);
  const { messages, oldest, first } = unreadable;
  if (oldest !== undefined) {
    rows.push([plural(messages, 'message'), `since ${formatTime(oldest)}`, style.yellow('no S3 notification')]);
  }
  const shown = first.slice(0, MAX_LINES);
  const lines = formatRows(rows, [{ align: 'right' }]).map((line) => `  ${line}`);
  for (const letter of shown) lines.push(`    ${formatTime(letter.sent)}  ${printable(describe(letter))}`);
  if (messages > shown.length) lines.push(`    and ${messages - shown.length} more`);
  return lines;
}

function describe({ problem, body }: UnreadableLetter): string {
  const begin = JSON.stringify(body);
  return problem.includes(begin) ? problem : `${problem}: ${begin}`;
}

/** The same as values of a JSON object. */
export function summaryJson({ groups, unreadable }: Summary) {
  return {
    groups: groups.map(({ folder, messages, oldest, example = null }) => ({
      folder,
      messages,
      oldest: isoTime(oldest),
      example,
    })),
    unreadable: {
      messages: unreadable.messages,
      oldest: unreadable.oldest === undefined ? null : isoTime(unreadable.oldest),
      first: unreadable.first.map(({ sent, problem, body }) => ({ sent: isoTime(sent), reason: problem, body })),
    },
  };
}
