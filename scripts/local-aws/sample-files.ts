import type { Deployment } from '../../infra/config/parse-config.ts';
import { parseAppendConfig } from '../../src/ingest/config.ts';
import { routeKey } from '../../src/ingest/routing.ts';
import { createRandom } from '../../src/local/demo/random.ts';
import { type DemoFile, demoFiles } from '../../src/local/demo/schedule.ts';

export type SampleFile = Pick<DemoFile, 'table' | 'key' | 'content'>;

/**
 * The files of the demo that become tables by the path convention in the bucket of this deployment, under its first
 * prefix if it has any; those that it does not announce are left out. None when all tables have rules: what their
 * files look like is not known here.
 */
export function sampleFiles({ landing, prefixes, tables }: Deployment, bucket: string, now: number): SampleFile[] {
  const config = parseAppendConfig(tables);
  const [prefix] = prefixes;
  return demoFiles(createRandom(now), now).flatMap((file) => {
    const key = prefix === undefined ? file.key : `${prefix}/${file.key}`;
    const route = routeKey(bucket, key, config);
    if (route.kind === 'ignored' || route.rule !== undefined || !endsWithOne(key, landing.suffixes)) return [];
    return [{ key, table: route.root, content: file.content }];
  });
}

function endsWithOne(key: string, suffixes: readonly string[]): boolean {
  return suffixes.length === 0 || suffixes.some((suffix) => key.endsWith(suffix));
}
