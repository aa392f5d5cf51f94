import { type Bill, billOf, DAYS, HOURS } from '../cost-items.ts';
import { functionItems, standingItems } from '../lambda.ts';
import { MEASURED } from '../measured.ts';
import type { PriceList } from '../prices.ts';

/** The export function. */
export interface ExportsPart {
  /** Minutes between two exports, of each. */
  readonly every: readonly number[];
}

/** What changes in the tables of the exports. */
export interface ChangeLoad {
  readonly rowsPerDay: number;
  /** Commits of all tables in a day. */
  readonly commitsPerDay: number;
  /** Tables of one export. */
  readonly tables: number;
}

const MEMORY = 2_048;
/** A test holds the alarms. */
const STANDING = { fifoQueues: 1, alarms: 2, metrics: 4 };

export function exportsBill(load: ChangeLoad, { every }: ExportsPart, prices: PriceList): Bill {
  const turns = every.reduce((sum, minutes) => sum + (HOURS * 60 * load.tables) / minutes, 0);
  const rows = load.rowsPerDay * DAYS * every.length;
  const commits = load.commitsPerDay * DAYS * every.length;
  // A turn without a commit since the last one has nothing to export.
  const busy = Math.min(turns, commits);
  const { idleMs, turnMs, thousandRowsMs, idleGets, idleLists, puts, lists, commitGets } = MEASURED.export;
  return billOf(
    'exports',
    [
      ['looks at tables: GETs', 's3.get', idleGets * turns],
      ['looks at tables: LISTs', 's3.put', idleLists * turns],
      ['commits and files read: GETs', 's3.get', commitGets * commits],
      ['what is exported, positions: PUTs and LISTs', 's3.put', (puts + lists) * busy],
      ['messages: sent, received, deleted', 'sqs.fifo', 3 * turns],
      ...functionItems('function', {
        invocations: turns,
        cpuMs: idleMs * (turns - busy) + turnMs * busy + (thousandRowsMs * rows) / 1_000,
        memory: MEMORY,
      }),
      ...standingItems(STANDING),
    ],
    prices,
    [
      `measured: ${idleMs} ms of CPU a look without news, ${turnMs} ms with news and ${thousandRowsMs} ms a thousand rows (npm run bench:functions)`,
      'assumed: each export has all tables',
    ],
  );
}
