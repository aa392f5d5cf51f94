import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { APPEND_BUNDLE, bundleOptions } from '../scripts/bundles.ts';
import { median } from './append/statistics.ts';
import type { RunningFunction } from './lambda-runtime.ts';

/** From the start of a process until the function asks for its first event: medians. */
export interface StartUp {
  readonly name: string;
  readonly ms: number;
  readonly cpuMs: number;
}

export interface Startable {
  readonly name: string;
  start(): Promise<RunningFunction>;
}

/** Starts one after the other, and again, so that all meet the same noise of the machine. */
export async function measureStarts(functions: readonly Startable[], starts: number): Promise<readonly StartUp[]> {
  const times = functions.map(({ name }) => ({ name, ms: [] as number[], cpu: [] as number[] }));
  for (let turn = 0; turn < starts; turn += 1) {
    for (const [index, { start }] of functions.entries()) {
      const started = await start();
      times[index]?.ms.push(started.initMs);
      times[index]?.cpu.push(started.initCpuMs);
      started.stop();
    }
  }
  return times.map(({ name, ms, cpu }) => ({ name, ms: median(ms), cpuMs: median(cpu) }));
}

/** Writes a function that does nothing into `folder`, and returns its path. */
export function emptyFunction(folder: string): string {
  const path = join(folder, 'empty.mjs');
  writeFileSync(path, 'export const handler = async () => 0;\n');
  return path;
}

/** Builds a function that has an S3 client and does nothing, as the append function is built, and returns its path. */
export async function clientFunction(folder: string): Promise<string> {
  const source = join(folder, 'client.ts');
  writeFileSync(
    source,
    "import { S3Client } from '@aws-sdk/client-s3';\nconst client = new S3Client({ region: 'us-east-1' });\nexport const handler = async () => client.config.apiVersion;\n",
  );
  const outdir = join(folder, 'client');
  await build({
    ...bundleOptions(APPEND_BUNDLE, folder),
    entryPoints: [source],
    outdir,
    nodePaths: [join(import.meta.dirname, '../node_modules')],
  });
  return join(outdir, 'index.mjs');
}
