import type { ServiceStatus } from '../../local/service.ts';
import { formatBar, formatBytes, formatCount, formatDuration, formatRows, plural, shorten } from '../format.ts';
import type { Terminal } from '../terminal.ts';

/** Files that the demo lets land, and has let land. */
export interface Landed {
  readonly files: number;
  readonly bytes: number;
  readonly planned: number;
}

export interface DisplayState {
  readonly title: string;
  /** ms. */
  readonly elapsed: number;
  readonly status: ServiceStatus;
  readonly landed?: Landed;
}

/** Tables that are shown; the other ones are counted. */
const MAX_TABLES = 10;
const BAR_WIDTH = 28;

/** The block that is rewritten in place while the service runs. */
export function displayLines({ title, elapsed, status, landed }: DisplayState, { style, width }: Terminal): string[] {
  const sums = sumUp(status);
  const time = formatDuration(elapsed);
  const shortTitle = shorten(title, width - time.length - 3);
  const heading = `${style.bold(shortTitle)}${' '.repeat(width - 1 - shortTitle.length - time.length)}${style.dim(time)}`;
  const planned = landed?.planned ?? 0;
  const bar = (count: number) => (planned === 0 ? '' : `${style.cyan(formatBar(count / planned, BAR_WIDTH, '░'))}  `);
  return [
    heading,
    ...(landed === undefined
      ? []
      : [`  landed     ${bar(landed.files)}${landed.files} of ${landed.planned} files, ${formatBytes(landed.bytes)}`]),
    `  announced  ${bar(status.announced)}${plural(status.announced, 'change')}`,
    `  in tables  ${bar(sums.added)}${plural(sums.added, 'file')} by ${plural(sums.commits, 'commit')}`,
    `  queue      ${formatCount(status.queued)} waiting, ${formatCount(status.inFlight)} in flight`,
    `  left out   ${leftOut(status, sums.skipped, style.yellow)}`,
    ...tableLines(status, width),
  ];
}

function leftOut(status: ServiceStatus, skipped: number, warn: (text: string) => string): string {
  const quarantined = status.quarantine.count();
  const texts = [`${formatCount(quarantined)} quarantined`, `${plural(skipped, 'repeated event')}`];
  if (status.deadLetters > 0) texts.push(plural(status.deadLetters, 'dead letter'));
  const text = texts.join(', ');
  return quarantined + status.deadLetters > 0 ? warn(text) : text;
}

function tableLines({ tables }: ServiceStatus, width: number): string[] {
  const shown = [...tables].slice(0, MAX_TABLES);
  if (shown.length === 0) return [];
  const rows = shown.map(([root, { filesAppended, bytesAppended, filesRemoved, commits, lag }]) => [
    `  ${shorten(root === '' ? '(landing folder)' : root, Math.max(16, width - 56))}`,
    `+${plural(filesAppended, 'file')}${filesRemoved > 0 ? ` -${formatCount(filesRemoved)}` : ''}`,
    formatBytes(bytesAppended),
    plural(commits, 'commit'),
    `lag ${formatDuration(lag)}`,
  ]);
  const more = tables.size > shown.length ? [`  and ${plural(tables.size - shown.length, 'more table')}`] : [];
  const right = { align: 'right' } as const;
  return ['', ...formatRows(rows, [{}, right, right, right, right]), ...more];
}

/** The same as one line, for outputs that are no terminal. */
export function displayLine({ status, landed }: DisplayState): string {
  const { added, removed, commits, skipped } = sumUp(status);
  const parts = [
    ...(landed === undefined ? [] : [`landed ${landed.files} of ${landed.planned}`]),
    `announced ${formatCount(status.announced)}`,
    `in tables ${formatCount(added)} by ${plural(commits, 'commit')}`,
    ...(removed > 0 ? [`removed ${formatCount(removed)}`] : []),
    `queue ${formatCount(status.queued)} + ${formatCount(status.inFlight)} in flight`,
    `quarantined ${formatCount(status.quarantine.count())}`,
    ...(skipped > 0 ? [`repeated ${formatCount(skipped)}`] : []),
    ...(status.deadLetters > 0 ? [`dead letters ${formatCount(status.deadLetters)}`] : []),
  ];
  return parts.join('; ');
}

export interface Sums {
  readonly added: number;
  readonly removed: number;
  readonly commits: number;
  readonly skipped: number;
}

export function sumUp({ tables }: ServiceStatus): Sums {
  let [added, removed, commits, skipped] = [0, 0, 0, 0];
  for (const totals of tables.values()) {
    added += totals.filesAppended;
    removed += totals.filesRemoved;
    commits += totals.commits;
    skipped += totals.skipped;
  }
  return { added, removed, commits, skipped };
}

/** How often the block is rewritten, ms. */
const LIVE_INTERVAL = 100;
/** How often a line is written instead, if it says something new, ms. */
const LINE_INTERVAL = 2_000;

export interface Display {
  /** Ends it; the block is cleared, as the summary says it all. */
  stop(): void;
}

/** Shows the state until it is stopped. */
export function startDisplay(terminal: Terminal, state: () => DisplayState): Display {
  let last = '';
  const update = (): void => {
    if (terminal.isLive) {
      terminal.show(displayLines(state(), terminal));
      return;
    }
    const line = displayLine(state());
    if (line !== last) terminal.note(line);
    last = line;
  };
  const timer = setInterval(update, terminal.isLive ? LIVE_INTERVAL : LINE_INTERVAL);
  if (terminal.isLive) update();
  return {
    stop() {
      clearInterval(timer);
      terminal.endShow();
    },
  };
}
