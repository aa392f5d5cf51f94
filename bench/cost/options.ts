import { parseArgs } from 'node:util';

export interface CostOptions {
  /** GB (10^9 bytes) of JSON in Kafka, and of Parquet files that land. */
  readonly gb: number;
  readonly filesGb: number;
  readonly seed: number;
  /** Records of a commit: a run of each contender. */
  readonly batch: number;
  /** Paths of kafka-delta-ingest, oxbow's Lambda and versitygw. */
  readonly peer: string | undefined;
  readonly oxbow: string | undefined;
  readonly s3: string | undefined;
  readonly spark: boolean;
  /** What is measured; nothing to do the sums again. */
  readonly only: readonly Part[];
  /** Results that are kept, for the parts that are not measured. */
  readonly from: string | undefined;
  /** Where the JSON and the chart go. */
  readonly json: string | undefined;
  readonly out: string | undefined;
}

export type Part = 'kafka' | 'files';
const PARTS: readonly Part[] = ['kafka', 'files'];

/** Throws an Error that names the option and what it may be. */
export function parseCostOptions(args: readonly string[]): CostOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      gb: { type: 'string', default: '5' },
      'files-gb': { type: 'string' },
      seed: { type: 'string', default: '1' },
      batch: { type: 'string', default: '50000' },
      peer: { type: 'string' },
      oxbow: { type: 'string' },
      s3: { type: 'string' },
      spark: { type: 'boolean', default: false },
      only: { type: 'string' },
      from: { type: 'string' },
      json: { type: 'string' },
      out: { type: 'string' },
    },
  });
  const gb = positive('gb', values.gb);
  return {
    gb,
    filesGb: values['files-gb'] === undefined ? gb : positive('files-gb', values['files-gb']),
    seed: whole('seed', values.seed),
    batch: positive('batch', values.batch),
    peer: values.peer,
    oxbow: values.oxbow,
    s3: values.s3,
    spark: values.spark,
    only: partsOf(values.only),
    from: values.from,
    json: values.json,
    out: values.out,
  };
}

function positive(option: string, text: string): number {
  const number = Number(text);
  if (text.trim() !== '' && Number.isFinite(number) && number > 0) return number;
  throw new Error(`--${option}: expected a number above 0, got "${text}"`);
}

function whole(option: string, text: string): number {
  const number = Number(text);
  if (text.trim() !== '' && Number.isSafeInteger(number) && number >= 0) return number;
  throw new Error(`--${option}: expected a whole number, got "${text}"`);
}

function partsOf(text: string | undefined): readonly Part[] {
  if (text === undefined) return PARTS;
  const found = PARTS.filter((part) => text === part);
  if (found.length > 0 || text === 'none') return found;
  throw new Error(`--only: expected ${PARTS.join(', ')} or none, got "${text}"`);
}
