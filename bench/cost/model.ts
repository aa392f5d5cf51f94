/** From what was measured to a month's money, by the cost model of `resaca cost`. */

import type { Bill } from '../../src/cost/cost-items.ts';
import { type AppendPart, appendBill } from '../../src/cost/files.ts';
import type { StreamFigures, StreamProgram } from '../../src/cost/measured.ts';
import { oxbowFiles } from '../../src/cost/oxbow.ts';
import type { PriceList } from '../../src/cost/prices.ts';
import {
  busyCores,
  consumerOnFargate,
  MINUTELY,
  mappedFunction,
  onFargate,
  scheduledConsumer,
  sparkOnGlue,
} from '../../src/cost/streams.ts';
import type { Result } from '../kafka/stage.ts';
import type { CostReport, Measured } from './results.ts';

/** A way to do it, at a rate. */
export interface MonthlyCost {
  readonly source: 'kafka' | 'files';
  readonly way: string;
  readonly mbPerSecond: number;
  /** USD. */
  readonly usd: number;
}

export const RATES = [1, 10, 100];
const GB_A_DAY = 86.4;
const MIB = 2 ** 20;
/** As the functions are deployed. */
const BRONZE = { window: 60, memory: 1_024 };
const APPEND: AppendPart = { window: 30, batchSize: 1_000, memory: 512, queue: 'standard', eventBridge: false };
/** Active files of the table that files land in; oxbow's function takes longer for more. */
const TABLE_FILES = 100_000;

export const WAYS = {
  function: 'resaca, bronze function',
  scheduled: 'resaca, scheduled consumer',
  consumer: 'resaca kafka, on Fargate',
  peer: 'kafka-delta-ingest, on Fargate',
  glue: 'Spark, on Glue (two G.1X at least)',
  leastGlue: 'Spark, on Glue (two G.025X at least)',
  fargate: 'Spark, on Fargate without a cluster',
  append: 'resaca, append function',
  oxbow: 'oxbow',
} as const;

export const ASSUMPTIONS: readonly string[] = [
  'list prices of us-east-1 of src/cost/prices.ts, without free tiers; storage, transfer and the Kafka itself are not counted',
  `bronze function of ${BRONZE.memory} MB, window ${BRONZE.window} s, events of 6 MB at most, with its alarms and metrics`,
  'scheduled consumer of 1024 MB, a turn a minute with 1 s to connect and to look, with its alarms and metrics; a function for each 10 MB/s',
  'what runs all day on Fargate (ARM) is half busy at most, in the smallest task that holds its peak memory, and commits once a minute; no alarms, logs and network',
  'Spark is half busy at most; on Glue requests are not counted; on Fargate it runs as here, local, without anything to start it again',
  `files land evenly; append function of ${APPEND.memory} MB with a window of ${APPEND.window} s; oxbow by tens, in a table of ${TABLE_FILES.toLocaleString('en')} files, at the times of docs/performance.md`,
];

/** CPU and memory of a run, as the cost model takes them. */
export function figuresOf({ cpuMs, peakRss }: Pick<Result, 'cpuMs' | 'peakRss'>, bytes: number): StreamFigures {
  return { cpuSecondsAGb: cpuMs / 1_000 / (bytes / 1e9), peakMiB: peakRss / MIB };
}

/** The costs of what was measured. */
export function conclude(
  { kafka, landing }: Pick<Measured, 'kafka' | 'landing'>,
  prices: PriceList,
): Pick<CostReport, 'monthly'> {
  const figures = Object.fromEntries(
    Object.entries(kafka).map(([program, result]) => [program, figuresOf(result, result.bytes)]),
  );
  const { sparkFiles } = landing;
  const [first] = Object.values(landing);
  const files = first && { fileBytes: first.bytes / first.files };
  const spark = sparkFiles && figuresOf(sparkFiles, sparkFiles.bytes);
  return {
    monthly: [...kafkaCosts(figures, prices), ...(files === undefined ? [] : landingCosts(spark, files, prices))],
  };
}

/** Costs at all rates of what was measured; a contender that did not run is left out. */
export function kafkaCosts(
  figures: Partial<Readonly<Record<StreamProgram, StreamFigures>>>,
  prices: PriceList,
): MonthlyCost[] {
  const { bronze, scheduled, consumer, kafkaDeltaIngest, spark } = figures;
  return RATES.flatMap((mbPerSecond) => {
    const load = { gbPerDay: mbPerSecond * GB_A_DAY, topics: 1, recordBytes: 400 };
    const ways: (readonly [string, Bill | undefined])[] = [
      [WAYS.function, bronze && mappedFunction(WAYS.function, load, BRONZE, prices, bronze)],
      [WAYS.scheduled, scheduled && scheduledConsumer(WAYS.scheduled, load, MINUTELY, prices, scheduled)],
      [WAYS.consumer, consumer && consumerOnFargate(WAYS.consumer, load, consumer, prices)],
      [WAYS.peer, kafkaDeltaIngest && onFargate(WAYS.peer, load, kafkaDeltaIngest, prices)],
      [WAYS.glue, spark && sparkOnGlue(busyCores(load, spark), prices)],
      [WAYS.leastGlue, spark && sparkOnGlue(busyCores(load, spark), prices, { kind: 'small' })],
      [WAYS.fargate, spark && onFargate(WAYS.fargate, load, spark, prices)],
    ];
    return costs('kafka', mbPerSecond, ways);
  });
}

/** The same of files that land; `fileBytes` is the size of one. */
export function landingCosts(
  figures: StreamFigures | undefined,
  { fileBytes }: { readonly fileBytes: number },
  prices: PriceList,
): MonthlyCost[] {
  return RATES.flatMap((mbPerSecond) => {
    const load = { filesPerDay: (mbPerSecond * 1e6 * 86_400) / fileBytes, tables: 1, tableFiles: TABLE_FILES };
    const stream = { gbPerDay: mbPerSecond * GB_A_DAY, topics: 1, recordBytes: 400 };
    return costs('files', mbPerSecond, [
      [WAYS.append, appendBill(load, APPEND, prices)],
      [WAYS.oxbow, oxbowFiles(load, APPEND, prices)],
      [WAYS.glue, figures && sparkOnGlue(busyCores(stream, figures), prices)],
      [WAYS.leastGlue, figures && sparkOnGlue(busyCores(stream, figures), prices, { kind: 'small' })],
      [WAYS.fargate, figures && onFargate(WAYS.fargate, stream, figures, prices)],
    ]);
  });
}

function costs(
  source: MonthlyCost['source'],
  mbPerSecond: number,
  ways: readonly (readonly [way: string, bill: Bill | undefined])[],
): MonthlyCost[] {
  return ways.flatMap(([way, bill]) => (bill === undefined ? [] : [{ source, way, mbPerSecond, usd: bill.total }]));
}

export interface Goal {
  readonly what: string;
  /** Of our cost to theirs. */
  readonly ratio: number;
  readonly bound: number;
  readonly isReached: boolean;
}

/** 5 % of Spark's cost at 1 MB/s, and less than kafka-delta-ingest's at each rate: of the cheapest of our ways. */
export function goalsOf(monthly: readonly MonthlyCost[]): Goal[] {
  const at = (way: string, mbPerSecond: number) =>
    monthly.find((one) => one.source === 'kafka' && one.way === way && one.mbPerSecond === mbPerSecond)?.usd;
  const goals: Goal[] = [];
  for (const [ours, name] of [
    [WAYS.function, 'the bronze function'],
    [WAYS.scheduled, 'the scheduled consumer'],
    [WAYS.consumer, 'resaca kafka'],
  ] as const) {
    for (const theirs of [WAYS.glue, WAYS.leastGlue, WAYS.fargate]) {
      goals.push(...goal(`${name} to ${theirs}, 1 MB/s`, at(ours, 1), at(theirs, 1), 0.05));
    }
    for (const rate of RATES) {
      goals.push(...goal(`${name} to ${WAYS.peer}, ${rate} MB/s`, at(ours, rate), at(WAYS.peer, rate), 1));
    }
  }
  return goals;
}

function goal(what: string, ours: number | undefined, theirs: number | undefined, bound: number): Goal[] {
  if (ours === undefined || theirs === undefined) return [];
  const ratio = ours / theirs;
  return [{ what, ratio, bound, isReached: bound === 1 ? ratio < 1 : ratio <= bound }];
}
