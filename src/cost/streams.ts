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

/** What reads the topics, as it is deployed. */
export interface BronzePart {
  /** Lambda's mapping that calls the function, or a schedule. */
  readonly reader: 'mapping' | 'schedule';
  /** Seconds that a batch is gathered, or between two turns. */
  readonly window: number;
  /** MB. */
  readonly memory: number;
}

/** Bytes of records in an event of 6 MB, which has them in Base64. */
const MAX_RECORD_BYTES = 4e6;
/** CPU of an invocation besides its records, ms: request, look at the table, two PUTs. The figures by GB have that of full events. */
const BATCH_MS = 60;
/** Requests of a commit of ours: two HEADs to see that the table is as it was; the file and the commit. */
const COMMIT = { heads: 2, puts: 2 };
/** Requests of a commit of others that are billed as PUTs: the file, the commit, and a LIST. */
const OTHERS_COMMIT_PUTS = 3;
/** Of the bronze pipeline; a test holds the alarms. */
const STANDING = { alarms: 8, metrics: 9 };

/** Commits in a month: a batch ends with its window, or when the event is full. */
export function streamBatches(load: StreamLoad, { reader, window }: Omit<BronzePart, 'memory'>): number {
  const { gbPerDay, topics, recordBytes } = load;
  const bytes = gbPerDay * DAYS * 1e9;
  if (reader === 'schedule') return bytes === 0 ? 0 : commitsEach(window, load);
  const ofWindow = (bytes / topics / (HOURS * 3_600)) * window;
  return bytes / Math.max(Math.min(MAX_RECORD_BYTES, ofWindow), recordBytes);
}

/** What the function of a deployment costs in a month, the Kafka itself aside. */
export function bronzeBill(load: StreamLoad, part: BronzePart, prices: PriceList): Bill {
  return part.reader === 'schedule'
    ? scheduledConsumer('bronze', load, part, prices)
    : mappedFunction('bronze', load, part, prices);
}

/** The bronze function, which Lambda's mapping calls. */
export function mappedFunction(
  name: string,
  load: StreamLoad,
  part: Omit<BronzePart, 'reader'>,
  prices: PriceList,
  { cpuSecondsAGb }: StreamFigures = MEASURED.streams.bronze,
): Bill {
  const gb = load.gbPerDay * DAYS;
  const batches = streamBatches(load, { ...part, reader: 'mapping' });
  const items: Position[] = [
    ...functionItems('function', {
      invocations: batches,
      cpuMs: gb * cpuSecondsAGb * 1_000 + (batches - (gb * 1e9) / MAX_RECORD_BYTES) * BATCH_MS,
      memory: part.memory,
    }),
    ['looks at the table: two HEADs for each batch', 's3.get', COMMIT.heads * batches],
    ['a file and a commit for each batch', 's3.put', COMMIT.puts * batches],
    ...standingItems(STANDING),
  ];
  return billOf(name, items, prices, [
    `measured: ${round(cpuSecondsAGb)} CPU-seconds a GB of JSON (docs/cost.md)`,
    'assumed: pollers on demand, one poller a topic; the mapping itself is free then',
  ]);
}

/** Cores that are busy on average. */
export function busyCores({ gbPerDay }: Pick<StreamLoad, 'gbPerDay'>, { cpuSecondsAGb }: StreamFigures): number {
  return (gbPerDay * cpuSecondsAGb) / 86_400;
}

/** `resaca kafka`, which runs all day as tasks on Fargate and commits once a minute. */
export function consumerOnFargate(name: string, load: StreamLoad, figures: StreamFigures, prices: PriceList): Bill {
  const commits = commitsEach(60, load);
  return tasksBill(name, load, figures, prices, [
    ['looks at the tables: two HEADs a minute for each topic', 's3.get', COMMIT.heads * commits],
    ['a file and a commit a minute for each topic', 's3.put', COMMIT.puts * commits],
  ]);
}

/** A program of others that runs all day as tasks on Fargate and commits once a minute. */
export function onFargate(name: string, load: StreamLoad, figures: StreamFigures, prices: PriceList): Bill {
  return tasksBill(name, load, figures, prices, [
    ['a file, a commit and a LIST a minute for each topic', 's3.put', OTHERS_COMMIT_PUTS * commitsEach(60, load)],
  ]);
}

/** Connecting, and a look at topics, offsets and tables: measured 0.1 s here; most of this are round trips of TLS and IAM. ms. */
const TURN_MS = 1_000;
/** Of a `ScheduledConsumer`; a test holds the alarms. */
const SCHEDULED_STANDING = { alarms: 4, metrics: 9 };
/** As it is deployed by default. */
export const MINUTELY = { window: 60, memory: 1_024 };

/** A function that a schedule calls, which reads to the end and writes that. */
export function scheduledConsumer(
  name: string,
  load: StreamLoad,
  { window, memory }: Omit<BronzePart, 'reader'>,
  prices: PriceList,
  { cpuSecondsAGb }: StreamFigures = MEASURED.streams.scheduled,
): Bill {
  const turns = (HOURS * 3_600) / window;
  const commits = streamBatches(load, { reader: 'schedule', window });
  const items: Position[] = [
    ...functionItems('function', { invocations: turns, cpuMs: load.gbPerDay * DAYS * cpuSecondsAGb * 1_000, memory }),
    ['function: starting and waiting', 'lambda.gbSecond', (turns * TURN_MS * memory) / 1_024 / 1_000],
    ['looks at the tables: two HEADs a turn for each topic', 's3.get', COMMIT.heads * commits],
    ['a file and a commit a turn for each topic', 's3.put', COMMIT.puts * commits],
    ...standingItems(SCHEDULED_STANDING),
  ];
  return billOf(name, items, prices, [
    `measured: ${round(cpuSecondsAGb)} CPU-seconds a GB of JSON (docs/cost.md)`,
    `assumed: a turn each ${window} s, with 1 s to connect and to look; one function for each 10 MB/s`,
  ]);
}

/** In a month. */
function commitsEach(seconds: number, { topics }: StreamLoad): number {
  return (HOURS * 3_600 * topics) / seconds;
}

function tasksBill(
  name: string,
  load: StreamLoad,
  figures: StreamFigures,
  prices: PriceList,
  requests: readonly Position[],
): Bill {
  const cores = busyCores(load, figures);
  const items: Position[] = [...taskItems(tasksFor({ cores, peakMiB: figures.peakMiB })), ...requests];
  return billOf(name, items, prices, [
    `measured: ${round(figures.cpuSecondsAGb)} CPU-seconds a GB and ${Math.round(figures.peakMiB)} MiB (docs/cost.md)`,
    'assumed: half busy, a commit a minute; no network, logs and alarms counted',
  ]);
}

/** Workers of Glue: the smallest usual kind, and that for streams of little volume (Glue guide, "AWS Glue worker types"). */
export const GLUE_WORKERS = {
  usual: { name: 'Spark streaming, on Glue', kind: 'G.1X', dpus: 1, vcpus: 4 },
  small: { name: 'Spark streaming, on the smallest workers of Glue', kind: 'G.025X', dpus: 0.25, vcpus: 2 },
} as const;
/** A driver and one more. */
const LEAST_WORKERS = 2;

/** A job that runs all day and is half busy at most; `cores` are busy on average. */
export function sparkOnGlue(
  cores: number,
  prices: PriceList,
  {
    kind = 'usual',
    basis = [],
  }: { readonly kind?: keyof typeof GLUE_WORKERS; readonly basis?: readonly string[] } = {},
): Bill {
  const worker = GLUE_WORKERS[kind];
  const workers = Math.max(LEAST_WORKERS, Math.ceil(cores / BUSY / worker.vcpus));
  const dpus = workers * worker.dpus;
  return billOf(worker.name, [[`${dpus} DPUs, all day`, 'glue.dpuHour', dpus * HOURS]], prices, [
    ...basis,
    `assumed: ${workers} workers ${worker.kind} of ${worker.vcpus} vCPUs, half busy at most; without requests`,
  ]);
}

/** The other ways from Kafka to a table of Parquet files than that of `reader`, the cheapest that each one starts at. */
export function streamAlternatives(
  load: StreamLoad,
  reader: BronzePart['reader'],
  prices: PriceList,
  figures: Readonly<Record<StreamProgram, StreamFigures>> = MEASURED.streams,
): readonly Bill[] {
  const gb = load.gbPerDay * DAYS;
  const mbPerSecond = (load.gbPerDay * 1e9) / 86_400 / 1e6;
  const kpus = Math.max(1, Math.ceil(mbPerSecond / 1));
  const mcus = Math.max(1, Math.ceil(mbPerSecond / 2));
  const measured = `measured: ${round(figures.spark.cpuSecondsAGb)} CPU-seconds a GB (docs/cost.md)`;
  return [
    reader === 'mapping'
      ? scheduledConsumer('resaca, scheduled consumer', load, MINUTELY, prices, figures.scheduled)
      : mappedFunction('resaca, function of a mapping', load, MINUTELY, prices, figures.bronze),
    consumerOnFargate('resaca kafka, on Fargate', load, figures.consumer, prices),
    onFargate('kafka-delta-ingest, on Fargate', load, figures.kafkaDeltaIngest, prices),
    sparkOnGlue(busyCores(load, figures.spark), prices, { basis: [measured] }),
    sparkOnGlue(busyCores(load, figures.spark), prices, { kind: 'small', basis: [measured] }),
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
