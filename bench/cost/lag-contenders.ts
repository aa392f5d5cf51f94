/** Those whose lag is measured, as they are deployed: with a commit a minute, or when an event of Lambda is full. */
import { setInterval } from 'node:timers/promises';
import type { StreamProgram } from '../../src/cost/measured.ts';
import { makeTempFolder } from '../../test/support/temp-folder.ts';
import type { BenchBucket } from '../kafka/bench-bucket.ts';
import { startConsumer } from '../kafka/run-consumer.ts';
import { createDeltaIngestTable, startDeltaIngest } from '../kafka/run-delta-ingest.ts';
import { startBronze } from '../kafka/run-function.ts';
import { sparkPlace } from '../kafka/run-spark.ts';
import { startScheduled } from '../kafka/run-turns.ts';
import { startSparkScript } from '../kafka/spark-process.ts';
import type { RunningFunction } from '../lambda-runtime.ts';
import { MEMORY, programAt, skip } from './contenders.ts';
import { ending, MINUTE } from './lag-tools.ts';
import type { CostOptions } from './options.ts';
import { startWindowedMapping } from './windowed-mapping.ts';

interface Source {
  readonly bootstrap: string;
  readonly topic: string;
}

export interface LagContender {
  readonly contender: string;
  readonly trigger: string;
  /** Resolves with what ends it. */
  start(source: Source, place: BenchBucket, options: CostOptions): Promise<() => Promise<void>>;
  /** Of the table. */
  root(topic: string): string;
}

const bronzeRoot = (topic: string): string => `bronze/${topic}`;

export const LAGGING: Readonly<Record<StreamProgram, LagContender>> = {
  bronze: {
    contender: `resaca, function of ${MEMORY} MB`,
    trigger: '6 MB, 10,000 records or 60 s',
    root: bronzeRoot,
    async start(source, place) {
      const running = await startBronze(makeTempFolder(), { topic: source.topic, format: 'json' }, place, MEMORY);
      const mapping = await startWindowedMapping(source, (event) => running.invoke(event));
      return async () => {
        await mapping.stop();
        running.stop();
      };
    },
  },
  scheduled: {
    contender: `resaca, scheduled consumer of ${MEMORY} MB`,
    trigger: 'a turn each 60 s',
    root: bronzeRoot,
    async start(source, place) {
      const topic = { ...source, format: 'json' } as const;
      const running = await startScheduled(makeTempFolder(), topic, place, { memorySize: MEMORY });
      const stopping = new AbortController();
      const turns = turnEachMinute(running, stopping.signal);
      return async () => {
        stopping.abort();
        await turns;
        running.stop();
      };
    },
  },
  consumer: {
    contender: 'resaca kafka',
    trigger: '60 s, 250,000 records or 64 MiB, as by default',
    root: bronzeRoot,
    start: async ({ bootstrap, topic }, place) =>
      ending(startConsumer({ bootstrap, topic, format: 'json' }, place, {}, 'ignore')),
  },
  kafkaDeltaIngest: {
    contender: 'kafka-delta-ingest',
    trigger: '60 s (-l 60)',
    root: () => 'web',
    async start(source, place, { peer }) {
      await createDeltaIngestTable(place.store);
      const program = programAt('--peer', peer);
      return ending(startDeltaIngest(program, source, `s3://${place.bucket}/web`, ['-l', String(MINUTE)], place));
    },
  },
  spark: {
    contender: 'Spark 4.1.1',
    trigger: '60 s (processingTime)',
    root: (topic) => topic,
    async start(source, place, { spark }) {
      if (!spark) return skip('no --spark');
      const { python, script, request } = await sparkPlace(makeTempFolder(), place);
      const stream = { ...request, ...source, format: 'json', interval: MINUTE };
      return ending(startSparkScript(python, script, stream).child);
    },
  },
};

/** Until it is aborted; a turn that takes longer delays those after it. */
async function turnEachMinute(running: RunningFunction, signal: AbortSignal): Promise<void> {
  const ticks = setInterval(MINUTE * 1_000, undefined, { signal });
  try {
    for await (const _ of ticks) await running.invoke({});
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
