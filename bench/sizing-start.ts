import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { APPEND_BUNDLE, bundleOptions } from '../scripts/bundles.ts';
import { REGION } from '../scripts/local-aws/ministack.ts';
import { startFunction } from './lambda-runtime.ts';

const ROOT = join(import.meta.dirname, '..');
const STARTS = 15;

/** Prints the time from the start of a process until the function asks for its first event, beside other functions'. */
export async function measureStart(bundle: string, folder: string): Promise<void> {
  const empty = join(folder, 'empty.mjs');
  writeFileSync(empty, 'export const handler = async () => 0;\n');
  const withoutMap = join(folder, 'without-map');
  await build({ ...bundleOptions(APPEND_BUNDLE, withoutMap), sourcemap: false });
  const withSources = join(folder, 'with-sources');
  await build({ ...bundleOptions(APPEND_BUNDLE, withSources), sourcesContent: true });
  const plain = { AWS_REGION: REGION };
  const maps = { ...plain, NODE_OPTIONS: '--enable-source-maps' };
  console.log(`start, median of ${STARTS}                                   ready after, ms   CPU ms`);
  await printStart('an empty function', empty, plain);
  await printStart('a function with an S3 client', await clientBundle(folder), plain);
  await printStart('the append function, as deployed (source maps)', bundle, maps);
  await printStart('the append function without --enable-source-maps', bundle, plain);
  await printStart('the append function, no map beside it', join(withoutMap, APPEND_BUNDLE.output), maps);
  await printStart('the append function, sources in the map', join(withSources, APPEND_BUNDLE.output), maps);
  console.log('');
}

async function clientBundle(folder: string): Promise<string> {
  const source = join(folder, 'client.ts');
  writeFileSync(
    source,
    "import { S3Client } from '@aws-sdk/client-s3';\nconst client = new S3Client({ region: 'us-east-1' });\nexport const handler = async () => client.config.apiVersion;\n",
  );
  const outfile = join(folder, 'client.mjs');
  const { outdir: _, entryNames: __, ...options } = bundleOptions(APPEND_BUNDLE, folder);
  await build({ ...options, entryPoints: [source], outfile, nodePaths: [join(ROOT, 'node_modules')] });
  return outfile;
}

async function printStart(name: string, bundle: string, env: Readonly<Record<string, string>>): Promise<void> {
  const times: { ms: number; cpu: number }[] = [];
  for (let turn = 0; turn < STARTS; turn += 1) {
    const started = await startFunction(bundle, { env });
    times.push({ ms: started.initMs, cpu: started.initCpuMs });
    started.stop();
  }
  const ms = median(times.map((time) => time.ms));
  const cpu = median(times.map((time) => time.cpu));
  console.log(`${name.padEnd(52)}${ms.toFixed(0).padStart(17)}${cpu.toFixed(0).padStart(9)}`);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
