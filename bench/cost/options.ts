import { parseArgs } from 'node:util';
import type { StreamProgram } from '../../src/cost/measured.ts';
import { LANDINGS, STREAMS } from './contenders.ts';
import type { LagProgram } from './lag.ts';
import type { LandingProgram } from './results.ts';

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
  /** Whose cost is measured; nobody's to do the sums again. */
  readonly streams: readonly StreamProgram[];
  readonly landings: readonly LandingProgram[];
  /** Whose lag is measured, and for how long, s. */
  readonly lags: readonly LagProgram[];
  readonly lagSeconds: number;
  /** After so many ms a contender is stopped. */
  readonly turn: number;
  /** Results that are kept, of those who are not measured. */
  readonly from: string | undefined;
  /** Where the JSON, the chart and the tables go. */
  readonly json: string | undefined;
  readonly out: string | undefined;
  readonly docs: string | undefined;
}

const PARTS = ['kafka', 'files', 'lag'];
const ALL_STREAMS = Object.keys(STREAMS) as StreamProgram[];
const ALL_LANDINGS = Object.keys(LANDINGS) as LandingProgram[];
const MINUTE = 60_000;

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
      contender: { type: 'string' },
      'lag-seconds': { type: 'string', default: '120' },
      turn: { type: 'string', default: '60' },
      from: { type: 'string' },
      json: { type: 'string' },
      out: { type: 'string' },
      docs: { type: 'string' },
    },
  });
  const gb = positive('gb', values.gb);
  const parts = chosen('only', values.only === 'none' ? '' : values.only, PARTS);
  const contenders = chosen('contender', values.contender, [...ALL_STREAMS, ...ALL_LANDINGS]);
  const of = <T extends string>(part: string, names: readonly T[]): readonly T[] =>
    parts.includes(part) ? names.filter((name) => contenders.includes(name)) : [];
  return {
    gb,
    filesGb: values['files-gb'] === undefined ? gb : positive('files-gb', values['files-gb']),
    seed: whole('seed', values.seed),
    batch: positive('batch', values.batch),
    peer: values.peer,
    oxbow: values.oxbow,
    s3: values.s3,
    spark: values.spark,
    streams: of('kafka', ALL_STREAMS),
    landings: of('files', ALL_LANDINGS),
    lags: of('lag', [...ALL_STREAMS, 'append', 'sparkFiles']),
    lagSeconds: positive('lag-seconds', values['lag-seconds']),
    turn: positive('turn', values.turn) * MINUTE,
    from: values.from,
    json: values.json,
    out: values.out,
    docs: values.docs,
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

/** Names with commas between them; all without, none of an empty text. */
function chosen(option: string, text: string | undefined, names: readonly string[]): readonly string[] {
  if (text === undefined) return names;
  const wanted = text === '' ? [] : text.split(',');
  const unknown = wanted.find((name) => !names.includes(name));
  if (unknown === undefined) return wanted;
  throw new Error(`--${option}: expected some of ${names.join(', ')}, got "${unknown}"`);
}
