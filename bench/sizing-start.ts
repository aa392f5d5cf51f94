import { join } from 'node:path';
import { build } from 'esbuild';
import { APPEND_BUNDLE, bundleOptions } from '../scripts/bundles.ts';
import { REGION } from '../scripts/local-aws/ministack.ts';
import { startFunction } from './lambda-runtime.ts';
import { clientFunction, emptyFunction, measureStarts, type Startable } from './start-up.ts';

const STARTS = 15;

/** Prints the time from the start of a process until the function asks for its first event, beside other functions'. */
export async function measureStart(bundle: string, folder: string): Promise<void> {
  const withoutMap = join(folder, 'without-map');
  await build({ ...bundleOptions(APPEND_BUNDLE, withoutMap), sourcemap: false });
  const withSources = join(folder, 'with-sources');
  await build({ ...bundleOptions(APPEND_BUNDLE, withSources), sourcesContent: true });
  const plain = { AWS_REGION: REGION };
  const maps = { ...plain, NODE_OPTIONS: '--enable-source-maps' };
  const of = (name: string, path: string, env: Readonly<Record<string, string>>): Startable => {
    return { name, start: () => startFunction(path, { env }) };
  };
  const results = await measureStarts(
    [
      of('an empty function', emptyFunction(folder), plain),
      of('a function with an S3 client', await clientFunction(folder), plain),
      of('the append function, as deployed (source maps)', bundle, maps),
      of('the append function without --enable-source-maps', bundle, plain),
      of('the append function, no map beside it', join(withoutMap, APPEND_BUNDLE.output), maps),
      of('the append function, sources in the map', join(withSources, APPEND_BUNDLE.output), maps),
    ],
    STARTS,
  );
  console.log(`start, median of ${STARTS}                                   ready after, ms   CPU ms`);
  for (const { name, ms, cpuMs } of results) {
    console.log(`${name.padEnd(52)}${ms.toFixed(0).padStart(17)}${cpuMs.toFixed(0).padStart(9)}`);
  }
  console.log('');
}
