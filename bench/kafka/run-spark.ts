/** Spark Structured Streaming with `availableNow`, into a local folder. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import { SPARK_PACKAGES } from '../../test/support/interop/engines.ts';
import { mavenJars } from '../../test/support/interop/maven-jars.ts';
import { pythonEnv } from '../../test/support/python-env.ts';
import { AVRO_SCHEMA } from './payloads.ts';
import { type Usage, watchProcesses } from './resources.ts';
import { type Result, readTable, type Stage } from './stage.ts';

/** Throws `UnavailableError` without Python, Java or Maven. */
export async function runSpark(stage: Stage, batch: number): Promise<Result> {
  const [python, jars] = await Promise.all([
    pythonEnv('spark', SPARK_PACKAGES),
    mavenJars(join(import.meta.dirname, 'pom.xml')),
  ]);
  const folder = stage.folder();
  const stream = (topic: string) => run(join(python, 'bin/python'), { ...stage, jars, topic, batch, folder });
  const idle = await stream(stage.emptyTopic);
  const full = await stream(stage.topic);
  return {
    contender: 'Spark 4.1.1',
    storage: 'local folder',
    batch,
    cpuMs: full.cpuMs - idle.cpuMs,
    startCpuMs: idle.cpuMs,
    wallMs: full.wallMs - idle.wallMs,
    peakRss: full.peakRss,
    table: await readTable(createFolderStore(folder), stage.topic),
  };
}

interface Stream extends Stage {
  readonly jars: string;
  readonly batch: number;
}

async function run(
  python: string,
  { jars, bootstrap, topic, batch, format, ...stage }: Omit<Stream, 'folder'> & { readonly folder: string },
): Promise<Usage & { readonly wallMs: number }> {
  const request = {
    jars,
    bootstrap,
    topic,
    batch,
    format,
    folder: stage.folder,
    avroSchema: JSON.stringify(AVRO_SCHEMA),
  };
  const started = performance.now();
  const child = spawn(python, [join(import.meta.dirname, 'spark_stream.py'), JSON.stringify(request)], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, PYSPARK_PYTHON: python },
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-4_000);
  });
  const watch = watchProcesses(child.pid ?? 0);
  const [code] = await once(child, 'exit');
  watch.stop();
  if (code !== 0) throw new Error(`Spark ended with ${code}: ${errors}`);
  return { ...watch.usage(), wallMs: performance.now() - started };
}
