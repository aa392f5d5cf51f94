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
  /** Where the JSON and the chart go. */
  readonly json: string | undefined;
  readonly out: string | undefined;
}

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
