import { type Bill, billOf, DAYS, HOURS } from '../cost-items.ts';
import { functionItems, standingItems } from '../lambda.ts';
import { MEASURED } from '../measured.ts';
import type { PriceList } from '../prices.ts';

/** The medallion function and its steps. */
export interface MedallionPart {
  readonly steps: number;
  /** Seconds in which commits are gathered. */
  readonly window: number;
  /** Minutes between two looks at all steps; 0 for none. */
  readonly every: number;
  /** MB. */
  readonly memory: number;
  readonly eventBridge: boolean;
}

/** What the sources of the steps get in a month, and bytes of their new files in a day. */
export interface SourceLoad {
  readonly tables: number;
  readonly commits: number;
  readonly newBytesPerDay: number;
}

/** A test holds the alarms. */
const STANDING = { queues: 1, fifoQueues: 1, alarms: 6, metrics: 7 };
const MB = 1e6;

/** Each step reads one of the tables. A window's commits of a table are one run of a step. */
export function medallionBill(load: SourceLoad, part: MedallionPart, prices: PriceList): Bill {
  const { steps, window, every, memory, eventBridge } = part;
  const { idleMs, runMs, mbMs, idleGets, runGets, runPuts, runLists } = MEASURED.medallion;
  const commits = load.tables === 0 ? 0 : (load.commits / load.tables) * steps;
  const windows = (HOURS * 3_600) / Math.max(window, 1);
  const runs = Math.min(commits, windows * steps);
  const looks = every === 0 ? 0 : ((HOURS * 60) / every) * steps;
  const mb = load.tables === 0 ? 0 : (load.newBytesPerDay / load.tables / MB) * DAYS * steps;
  const cpuMs = runs * runMs + looks * idleMs + mb * mbMs;
  return billOf(
    'medallion',
    [
      ['runs of steps: GETs and HEADs', 's3.get', runs * runGets + looks * idleGets],
      ['runs of steps: files and commits', 's3.put', runs * runPuts],
      ['runs of steps: LISTs', 's3.put', runs * runLists],
      ['events of commits: sent, and received and deleted together', 'sqs.standard', 1.2 * commits],
      ['events through EventBridge', 'eventbridge.event', eventBridge ? commits : 0],
      ['runs: sent, received, deleted', 'sqs.fifo', 3 * (runs + looks)],
      ...functionItems('function', { invocations: 2 * runs + looks, cpuMs, memory }),
      ...standingItems({ ...STANDING, alarms: STANDING.alarms + (eventBridge ? 1 : 0) }),
    ],
    prices,
    [
      `measured: ${runMs} ms of CPU a run and ${mbMs} ms a MB of Parquet, in a process of its own (docs/medallion.md)`,
      'assumed: each step reads a table as busy as the others, writes one file a run, and rewrites none',
    ],
  );
}
