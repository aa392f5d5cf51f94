import { type Bill, billOf, DAYS } from '../cost-items.ts';
import { functionItems, standingItems } from '../lambda.ts';
import { MEASURED } from '../measured.ts';
import type { PriceList } from '../prices.ts';

/** The load function. */
export interface LoaderPart {
  /** MB. */
  readonly memory: number;
}

/** CSV, JSON lines and other files that become rows. */
export interface LoadedFiles {
  readonly perDay: number;
  /** Bytes of a file, on average. */
  readonly bytes: number;
}

/** Bytes of rows from which on an output file ends, about, as they are in the source (docs/file-loader.md). */
const BYTES_OF_A_PART = 100e6;
/** A test holds the alarms. */
const STANDING = { queues: 1, alarms: 4, metrics: 5 };

/** Parquet files that it lets land in tables, a day: the append function takes them from there. */
export function loadedParts({ perDay, bytes }: LoadedFiles): number {
  return perDay * Math.max(1, Math.ceil(bytes / BYTES_OF_A_PART));
}

export function loaderBill(load: LoadedFiles, { memory }: LoaderPart, prices: PriceList): Bill {
  const files = load.perDay * DAYS;
  const megabytes = (files * load.bytes) / 1e6;
  const { fileMs, mbMs, puts, lists, gets } = MEASURED.loader;
  const more = (loadedParts(load) - load.perDay) * DAYS;
  return billOf(
    'loader',
    [
      ['sources and state: GETs and HEADs', 's3.get', gets * files],
      ['output files, state: PUTs and LISTs', 's3.put', (puts + lists) * files + more],
      ['events: sent one by one, received and deleted', 'sqs.standard', 3 * files],
      ...functionItems('function', { invocations: files, cpuMs: fileMs * files + mbMs * megabytes, memory }),
      ...standingItems(STANDING),
    ],
    prices,
    [
      `measured: ${fileMs} ms of CPU a file and ${mbMs} ms a MB of JSON lines (npm run bench:functions); CSV takes two to three times that`,
    ],
  );
}
