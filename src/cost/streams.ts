import { type Bill, billOf, DAYS, HOURS, type Position } from './cost-items.ts';
import type { PriceList } from './prices.ts';

/** Records of Kafka, evenly over the day. */
export interface StreamLoad {
  /** GB (10^9 bytes) of record values. */
  readonly gbPerDay: number;
  /** Topics, each with a table. */
  readonly topics: number;
  /** Bytes of a record's value. */
  readonly recordBytes: number;
  /** Seconds that a batch of the bronze function is gathered. */
  readonly window: number;
  /** MB of the bronze function. */
  readonly memory: number;
}

/** CPU-seconds a GB of JSON, the middle of what was measured (docs/kafka-benchmark.md). */
const CPU_SECONDS_A_GB = { bronze: 72, consumer: 52, kafkaDeltaIngest: 152, spark: 705 };
/** Bytes of records in an event of 6 MB, which has them in Base64. */
const MAX_EVENT_BYTES = 4e6;
const VCPU_MEMORY = 1_769;
/** Part of a machine that may be busy on average, so that it catches up after a pause. */
const BUSY = 0.5;
/** CPU of an invocation besides its records, ms: request, LIST, two PUTs. */
const BATCH_MS = 60;

/** What the bronze function costs in a month, the Kafka itself aside. */
export function bronzeFunction(load: StreamLoad, prices: PriceList): Bill {
  const gb = load.gbPerDay * DAYS;
  const bytesPerBatch = Math.min(MAX_EVENT_BYTES, ((gb * 1e9) / load.topics / (HOURS * 3_600)) * load.window);
  const batches = (gb * 1e9) / Math.max(bytesPerBatch, load.recordBytes);
  const share = Math.min(1, load.memory / VCPU_MEMORY);
  const seconds = (gb * CPU_SECONDS_A_GB.bronze + (batches * BATCH_MS) / 1_000) / share;
  const items: Position[] = [
    ['bronze function: invocations', 'lambda.request', batches],
    ['bronze function: time', 'lambda.gbSecond', seconds * (load.memory / 1_024)],
    ['a file, a commit and a LIST for each batch', 's3.put', 3 * batches],
    ['logs', 'cloudwatch.logs', (batches * 2_500) / 1e9],
    ['metrics', 'cloudwatch.metric', 9],
    ['alarms', 'cloudwatch.alarm', 8],
  ];
  return billOf('resaca, bronze function', items, prices, [
    `measured: ${CPU_SECONDS_A_GB.bronze} CPU-seconds a GB of JSON (docs/kafka-benchmark.md)`,
    'assumed: pollers on demand, one poller a topic; the mapping itself is free then',
  ]);
}

/** What tasks on Fargate cost, of 0.5 vCPU and 1 GB each. */
function onFargate(name: string, cpuSecondsAGb: number, load: StreamLoad, prices: PriceList, basis: string): Bill {
  const tasks = Math.max(1, Math.ceil((load.gbPerDay * cpuSecondsAGb) / 86_400 / 0.5 / BUSY));
  const commits = (HOURS * 3_600 * load.topics) / 60;
  const items: Position[] = [
    [`${tasks} tasks: vCPU`, 'fargate.vcpuHour', tasks * 0.5 * HOURS],
    [`${tasks} tasks: memory`, 'fargate.gbHour', tasks * HOURS],
    ['a file, a commit and a LIST a minute for each topic', 's3.put', 3 * commits],
  ];
  return billOf(name, items, prices, [
    basis,
    'assumed: half busy, a commit a minute; no network, logs and alarms counted',
  ]);
}

/** DPUs that a streaming job takes at least: two workers of the smallest usual kind. */
export const MIN_DPUS = 2;
const VCPUS_OF_A_DPU = 4;

/** A job that runs all day. */
export function sparkOnGlue(dpus: number, prices: PriceList, ...basis: readonly string[]): Bill {
  return billOf('Spark streaming, on Glue', [[`${dpus} DPUs, all day`, 'glue.dpuHour', dpus * HOURS]], prices, [
    ...basis,
    `assumed: at least ${MIN_DPUS} DPUs, of ${VCPUS_OF_A_DPU} vCPUs each; without requests`,
  ]);
}

/** The other ways from Kafka to a table of Parquet files, the cheapest that each one starts at. */
export function streamAlternatives(load: StreamLoad, prices: PriceList): readonly Bill[] {
  const gb = load.gbPerDay * DAYS;
  const mbPerSecond = (load.gbPerDay * 1e9) / 86_400 / 1e6;
  const busyCores = (load.gbPerDay * CPU_SECONDS_A_GB.spark) / 86_400 / BUSY;
  const dpus = Math.max(MIN_DPUS, Math.ceil(busyCores / VCPUS_OF_A_DPU));
  const kpus = Math.max(1, Math.ceil(mbPerSecond / 1));
  const mcus = Math.max(1, Math.ceil(mbPerSecond / 2));
  const { consumer, kafkaDeltaIngest } = CPU_SECONDS_A_GB;
  return [
    onFargate(
      'resaca kafka, on Fargate',
      consumer,
      load,
      prices,
      `measured: ${consumer} CPU-seconds a GB (docs/kafka-benchmark.md)`,
    ),
    onFargate(
      'kafka-delta-ingest, on Fargate',
      kafkaDeltaIngest,
      load,
      prices,
      `measured: ${kafkaDeltaIngest} CPU-seconds a GB (docs/kafka-benchmark.md)`,
    ),
    sparkOnGlue(
      dpus,
      prices,
      `measured: ${CPU_SECONDS_A_GB.spark} CPU-seconds a GB (docs/kafka-benchmark.md), half busy`,
    ),
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
