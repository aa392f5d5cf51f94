/** Spark Structured Streaming with `availableNow`, into a local folder, or through S3A into a bucket. */
import { join } from 'node:path';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import { SPARK_PACKAGES } from '../../test/support/interop/engines.ts';
import { mavenJars } from '../../test/support/interop/maven-jars.ts';
import { pythonEnv } from '../../test/support/python-env.ts';
import type { BenchBucket } from './bench-bucket.ts';
import { AVRO_SCHEMA } from './payloads.ts';
import { runSparkScript } from './spark-process.ts';
import { type Result, readTable, type Stage } from './stage.ts';

/** Where the stream of Spark runs, and what it is asked in any case: `work` is a local folder. Throws `UnavailableError` without Python, Java or Maven. */
export async function sparkPlace(work: string, s3: BenchBucket | undefined) {
  const [python, ...jars] = await Promise.all([
    pythonEnv('spark', SPARK_PACKAGES),
    mavenJars(join(import.meta.dirname, 'pom.xml')),
    ...(s3 === undefined ? [] : [mavenJars(S3A_POM)]),
  ]);
  return {
    python: join(python, 'bin/python'),
    script: join(import.meta.dirname, 'spark_stream.py'),
    request: {
      jars,
      work,
      avroSchema: JSON.stringify(AVRO_SCHEMA),
      ...(s3 === undefined ? { folder: work } : { folder: `s3a://${s3.bucket}`, s3: s3.address }),
    },
  };
}

export async function runSpark(stage: Stage, batch: number, s3?: BenchBucket): Promise<Result> {
  const work = stage.folder();
  const { python, script, request } = await sparkPlace(work, s3);
  const { bootstrap, format } = stage;
  const stream = (topic: string) => runSparkScript(python, script, { ...request, bootstrap, format, batch, topic });
  const idle = await stream(stage.emptyTopic);
  s3?.takeRequests();
  const full = await stream(stage.topic);
  return {
    contender: 'Spark 4.1.1',
    storage: s3 === undefined ? 'local folder' : 'local S3',
    batch,
    cpuMs: full.cpuMs - idle.cpuMs,
    startCpuMs: idle.cpuMs,
    wallMs: full.wallMs - idle.wallMs,
    peakRss: full.peakRss,
    ...(s3 !== undefined && { requests: s3.takeRequests() }),
    table: await readTable(s3?.store ?? createFolderStore(work), stage.topic),
  };
}

/** Lists what S3A needs. */
const S3A_POM = join(import.meta.dirname, '../../test/support/interop/pom.xml');
