import { type Bill, billOf, DAYS, HOURS, type Position } from './cost-items.ts';
import { BUSY, taskItems, tasksFor } from './fargate.ts';
import { functionItems, standingItems } from './lambda.ts';
import { MEASURED, type StreamFigures, type StreamProgram } from './measured.ts';
import type { PriceList } from './prices.ts';

/** Records of Kafka, evenly over the day. */
export interface StreamLoad {
  /** GB (10^9 bytes) of record values. */
  readonly gbPerDay: number;
  /** Topics, each with a table. */
  readonly topics: number;
  /** Bytes of a record's value. */
  readonly recordBytes: number;
}

/** The bronze function as it is deployed. */
export interface BronzePart {
  /** Seconds that a batch is gathered. */
  readonly window: number;
  /** MB. */
  readonly memory: number;
}

/** Bytes of records in an event of 6 MB, which has them in Base64. */
const MAX_RECORD_BYTES = 4e6;
/** CPU of an invocation besides its records, ms: request, LIST, two PUTs. */
const BATCH_MS = 60;
/** Requests of a commit that are billed as PUTs: the file, the commit, and a LIST. */
const COMMIT_REQUESTS = 3;
/** Of the bronze pipeline; a test holds the alarms. */
const STANDING = { alarms: 8, metrics: 9 };

/** Invocations in a month, each with a commit: a batch ends with its window, or when the event is full. */
export function streamBatches({ gbPerDay, topics, recordBytes }: StreamLoad, { window }: BronzePart): number {
  const bytes = gbPerDay * DAYS * 1e9;
  const ofWindow = (bytes / topics / (HOURS * 3_600)) * window;
  return bytes / Math.max(Math.min(MAX_RECORD_BYTES, ofWindow), recordBytes);
}

/** What the bronze function costs in a month, the Kafka itself aside. */
export function bronzeBill(
  load: StreamLoad,
  part: BronzePart,
  prices: PriceList,
  { cpuSecondsAGb }: StreamFigures = MEASURED.streams.bronze,
): Bill {
  const gb = load.gbPerDay * DAYS;
  const batches = streamBatches(load, part);
  const items: Position[] = [
    ...functionItems('function', {
      invocations: batches,
      cpuMs: gb * cpuSecondsAGb * 1_000 + batches * BATCH_MS,
      memory: part.memory,
    }),
    ['a file, a commit and a LIST for each batch', 's3.put', COMMIT_REQUESTS * batches],
    ...standingItems(STANDING),
  ];
  return billOf('bronze', items, prices, [
    `measured: ${round(cpuSecondsAGb)} CPU-seconds a GB of JSON (docs/kafka-benchmark.md)`,
    'assumed: pollers on demand, one poller a topic; the mapping itself is free then',
  ]);
}

/** A program that runs all day as tasks on Fargate and commits once a minute. */
export function onFargate(name: string, load: StreamLoad, figures: StreamFigures, prices: PriceList): Bill {
  const cores = (load.gbPerDay * figures.cpuSecondsAGb) / 86_400;
  const commits = (HOURS * 3_600 * load.topics) / 60;
  const items: Position[] = [
    ...taskItems(tasksFor({ cores, peakMiB: figures.peakMiB })),
    [
      'a file, a commit and a LIST a minute for each topic',
      's3.put',
      (figures.requestsACommit ?? COMMIT_REQUESTS) * commits,
    ],
  ];
  return billOf(name, items, prices, [
    `measured: ${round(figures.cpuSecondsAGb)} CPU-seconds a GB and ${Math.round(figures.peakMiB)} MiB (docs/kafka-benchmark.md)`,
    'assumed: half busy, a commit a minute; no network, logs and alarms counted',
  ]);
}

/** DPUs that a streaming job takes at least: two workers of the smallest usual kind, G.1X. */
export const MIN_DPUS = 2;
/** The same of the kind for streams of little volume, G.025X (Glue guide, "Worker types"). */
export const LEAST_DPUS = 0.5;
const VCPUS_OF_A_DPU = 4;

/** A job that runs all day. */
export function sparkOnGlue(dpus: number, prices: PriceList, ...basis: readonly string[]): Bill {
  return billOf('Spark streaming, on Glue', [[`${dpus} DPUs, all day`, 'glue.dpuHour', dpus * HOURS]], prices, [
    ...basis,
    `assumed: at least ${MIN_DPUS} DPUs, of ${VCPUS_OF_A_DPU} vCPUs each; without requests`,
  ]);
}

/** DPUs of a streaming job that is half busy. */
export function dpusFor({ gbPerDay }: StreamLoad, { cpuSecondsAGb }: StreamFigures, least = MIN_DPUS): number {
  const cores = (gbPerDay * cpuSecondsAGb) / 86_400 / BUSY;
  return Math.max(least, least < 1 ? cores / VCPUS_OF_A_DPU : Math.ceil(cores / VCPUS_OF_A_DPU));
}

/** The other ways from Kafka to a table of Parquet files, the cheapest that each one starts at. */
export function streamAlternatives(
  load: StreamLoad,
  prices: PriceList,
  figures: Readonly<Record<StreamProgram, StreamFigures>> = MEASURED.streams,
): readonly Bill[] {
  const gb = load.gbPerDay * DAYS;
  const mbPerSecond = (load.gbPerDay * 1e9) / 86_400 / 1e6;
  const kpus = Math.max(1, Math.ceil(mbPerSecond / 1));
  const mcus = Math.max(1, Math.ceil(mbPerSecond / 2));
  const measured = `measured: ${round(figures.spark.cpuSecondsAGb)} CPU-seconds a GB (docs/kafka-benchmark.md), half busy`;
  return [
    onFargate('resaca kafka, on Fargate', load, figures.consumer, prices),
    onFargate('kafka-delta-ingest, on Fargate', load, figures.kafkaDeltaIngest, prices),
    sparkOnGlue(dpusFor(load, figures.spark), prices, measured),
    {
      ...sparkOnGlue(dpusFor(load, figures.spark, LEAST_DPUS), prices, measured),
      name: 'Spark streaming, on the smallest workers of Glue',
      basis: [measured, `assumed: at least two workers of ${LEAST_DPUS / 2} DPU; without requests`],
    },
    onFargate('Spark streaming, on Fargate without a cluster', load, figures.spark, prices),
    billOf(
      'Managed Service for Apache Flink',
      [[`${kpus} KPUs and one more`, 'flink.kpuHour', (kpus + 1) * HOURS]],
      prices,
      ['assumed: 1 MB/s a KPU; one KPU more for each application is AWS’s rule; without storage and requests'],
    ),
    billOf('Kafka Connect, on MSK Connect', [[`${mcus} MCUs`, 'mskConnect.mcuHour', mcus * HOURS]], prices, [
      'assumed: 2 MB/s an MCU; a sink that writes Delta is needed as well; without requests',
    ]),
    billOf(
      'Firehose, to Parquet files',
      [
        ['records from MSK', 'firehose.mskGb', gb],
        ['to Parquet', 'firehose.formatGb', gb],
      ],
      prices,
      ['it writes no Delta table: something has to append its files; without requests'],
    ),
  ];
}

function round(value: number): number {
  return Math.round(value);
}
