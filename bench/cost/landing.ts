/** Files that land in S3 become a table: by the append function, by oxbow's, by Spark that reads and writes them. */
import { join } from 'node:path';
import { mapConcurrently } from '../../src/ingest/concurrently.ts';
import { SPARK_PACKAGES } from '../../test/support/interop/engines.ts';
import { mavenJars } from '../../test/support/interop/maven-jars.ts';
import { pythonEnv } from '../../test/support/python-env.ts';
import { makeTempFolder } from '../../test/support/temp-folder.ts';
import type { Contender } from '../append/contenders.ts';
import type { LocalS3 } from '../append/local-s3.ts';
import { type BenchBucket, createBenchBucket } from '../kafka/bench-bucket.ts';
import { runSparkScript } from '../kafka/spark-process.ts';
import { readTable, type TableFacts } from '../kafka/stage.ts';
import type { S3Requests } from '../s3-proxy.ts';
import { landedEvent } from '../sizing-events.ts';
import { type LandingFiles, landingKey } from './landing-files.ts';

export interface LandingResult {
  readonly contender: string;
  /** Without the start. */
  readonly cpuMs: number;
  readonly startCpuMs: number;
  readonly wallMs: number;
  readonly peakRss: number;
  readonly requests: S3Requests;
  readonly invocations: number;
  readonly table: TableFacts;
}

const TABLE = 'web_requests';
/** Files that land at the same time. */
const PUTS = 8;
/** Messages of a batch: oxbow's with Lambda's default, which it is deployed with. */
const BATCH = { resaca: 100, oxbow: 10 };

/**
 * `contender` has the events of files that are there, batch after batch. The table is made by `maker`, of one file more:
 * oxbow takes a lock in DynamoDB for a table that is new.
 */
export async function measureLanding(
  files: LandingFiles,
  s3: LocalS3,
  { maker, contender }: { readonly maker: Contender; readonly contender: Contender },
): Promise<LandingResult> {
  const place = await createBenchBucket(s3);
  await makeTable(place, files, maker);
  const landed = await land(place, files);
  const running = await contender.start(place.address.endpoint);
  const usage = { cpuMs: 0, wallMs: 0, peakRss: 0, invocations: 0 };
  place.takeRequests();
  try {
    for (let start = 0; start < landed.length; start += BATCH[contender.name]) {
      const batch = landed.slice(start, start + BATCH[contender.name]);
      const { cpuMs, ms, peakRss } = await running.invoke(landedEvent(place.bucket, batch));
      usage.cpuMs += cpuMs;
      usage.wallMs += ms;
      usage.peakRss = peakRss;
      usage.invocations += 1;
    }
  } finally {
    running.stop();
  }
  return {
    contender: contender.name,
    ...usage,
    startCpuMs: running.initCpuMs,
    requests: place.takeRequests(),
    table: await readTable(place.store, TABLE),
  };
}

async function makeTable(place: BenchBucket, { bodies }: LandingFiles, maker: Contender): Promise<void> {
  const running = await maker.start(place.address.endpoint);
  try {
    const [first] = await land(place, { bodies, count: 1 }, 'part-first');
    await running.invoke(landedEvent(place.bucket, first === undefined ? [] : [first]));
  } finally {
    running.stop();
  }
}

async function land(place: BenchBucket, { bodies, count }: Pick<LandingFiles, 'bodies' | 'count'>, name?: string) {
  return mapConcurrently(
    Array.from({ length: count }, (_, index) => index),
    PUTS,
    async (index) => landFile(place, landingKey(TABLE, index, name), bodies[index % bodies.length]),
  );
}

/** Puts a file, and gives what its event says of it. */
export async function landFile({ store }: BenchBucket, key: string, body: Uint8Array = new Uint8Array()) {
  await store.put(key, body);
  return { key, size: body.byteLength, etag: (await store.head(key))?.etag ?? '' };
}

/** Throws `UnavailableError` without Python, Java or Maven. */
export async function measureSparkFiles(files: LandingFiles, s3: LocalS3): Promise<LandingResult> {
  const place = await createBenchBucket(s3);
  const { python, script, requestOf } = await sparkFilesPlace(place);
  await land(place, files);
  // One file, to know what the start takes.
  const [first = new Uint8Array()] = files.bodies;
  await place.store.put(landingKey('first', 0), first);
  const stream = (from: string, to: string) => runSparkScript(python, script, requestOf(from, to));
  const idle = await stream('first', 'made_of_first');
  place.takeRequests();
  const full = await stream(TABLE, 'made');
  return {
    contender: 'Spark 4.1.1',
    cpuMs: full.cpuMs - idle.cpuMs,
    startCpuMs: idle.cpuMs,
    wallMs: full.wallMs - idle.wallMs,
    peakRss: full.peakRss,
    requests: place.takeRequests(),
    invocations: 0,
    table: await readTable(place.store, 'made'),
  };
}

/** Where Spark's stream of files runs, and what it is asked. Throws `UnavailableError` without Python, Java or Maven. */
export async function sparkFilesPlace({ bucket, address }: BenchBucket) {
  const [python, ...jars] = await Promise.all([
    pythonEnv('spark', SPARK_PACKAGES),
    mavenJars(join(import.meta.dirname, '../kafka/pom.xml')),
    mavenJars(join(import.meta.dirname, '../../test/support/interop/pom.xml')),
  ]);
  return {
    python: join(python, 'bin/python'),
    script: join(import.meta.dirname, 'spark_files.py'),
    requestOf(from: string, to: string) {
      const [, ...sample] = landingKey(from, 0).split('/');
      return {
        jars,
        folder: `s3a://${bucket}`,
        from,
        to,
        sample: sample.join('/'),
        work: makeTempFolder(),
        s3: address,
      };
    },
  };
}
