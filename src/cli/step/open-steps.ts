import { existsSync, readFileSync } from 'node:fs';
import { tmpdir, totalmem } from 'node:os';
import { dirname, extname, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { ConfigError } from '../../ingest/config-reader.ts';
import { parseMedallionConfig } from '../../medallion/config.ts';
import { inlineStepFiles } from '../../medallion/config-files.ts';
import type { StepRule, TablePlace } from '../../medallion/rule.ts';
import { createStepDeps } from '../../medallion/step-deps.ts';
import type { StepDeps } from '../../medallion/step-run.ts';
import { createCheckpointReader } from '../../parquet/checkpoint-reader.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { type ParsedArgs, UsageError } from '../args.ts';
import { openLocation } from '../location.ts';
import { parseBytes } from '../units.ts';

/** Options of all commands that know the steps of a configuration. */
export const STEP_OPTIONS = {
  config: { value: 'FILE', help: 'the configuration: a module or JSON (default: resaca.config.ts)' },
} as const;

/** Options of those that open the tables. */
export const PLACE_OPTIONS = {
  ...STEP_OPTIONS,
  place: {
    value: 'BUCKET=PLACE',
    help: 'where a bucket of the configuration lies, landing, kafka or another: a folder, or s3://bucket',
    multiple: true,
  },
} as const;

const DEFAULT_CONFIG = 'resaca.config.ts';

/** The steps of a configuration. Throws UsageError naming every mistake. */
export async function readSteps(args: ParsedArgs): Promise<readonly StepRule[]> {
  const file = args.value('config') ?? DEFAULT_CONFIG;
  const config = await readConfig(file);
  const { medallion, landing, kafka } = config;
  if (medallion === undefined) throw new UsageError(`${file} has no part medallion`);
  const problems: string[] = [];
  const part = inlineStepFiles(medallion, dirname(resolve(file)), problems);
  try {
    const { steps } = typeof part === 'object' && part !== null && 'steps' in part ? part : { steps: undefined };
    const found = parseMedallionConfig(
      { steps },
      { landing: nameOf(landing) ?? 'landing', kafka: nameOf(kafka) ?? 'kafka' },
    );
    if (problems.length > 0) throw new ConfigError(problems);
    return found.steps;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new UsageError(`${file}: ${error.problems.join('\n- ')}`);
  }
}

/** The steps of these names, all of them without names, in the order of the configuration. Throws UsageError. */
export function chosenSteps(steps: readonly StepRule[], names: readonly string[]): readonly StepRule[] {
  const known = steps.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new UsageError(`there is no step "${unknown}"; there are ${known.join(', ')}`);
  return names.length === 0 ? steps : steps.filter(({ name }) => names.includes(name));
}

/** What steps need on this machine: their tables where `--place` says, or on S3. Throws UsageError. */
export async function openSteps(args: ParsedArgs, steps: readonly StepRule[]): Promise<StepDeps> {
  const places = readPlaces(args.values('place'));
  const buckets = new Set(
    steps.flatMap(({ source, lookups, target }) => [source, ...lookups, target].map(({ bucket }) => bucket)),
  );
  const opened = new Map<string, { readonly store: ObjectStore; readonly url: string }>();
  for (const bucket of buckets) opened.set(bucket, await openBucket(bucket, places));
  const at = (bucket: string) => {
    const place = opened.get(bucket);
    if (place === undefined) throw new Error(`the bucket "${bucket}" is none of the steps`);
    return place;
  };
  return createStepDeps({
    reader: createCheckpointReader(),
    engine: { tempDir: tmpdir(), memoryLimit: memoryOf(args), threads: 2 },
    storeFor: (bucket) => at(bucket).store,
    urlOf: ({ bucket, prefix }: TablePlace) => `${at(bucket).url}/${prefix}`,
    log: () => undefined,
    now: Date.now,
    random: Math.random,
    sleep: (ms) => sleep(ms),
  });
}

function memoryOf(args: ParsedArgs): number {
  const memory = args.value('memory');
  return memory === undefined ? Math.floor(totalmem() / 2) : parseBytes(memory, 'memory');
}

function readPlaces(texts: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    texts.map((text) => {
      const [, bucket, place] = /^([^=]+)=(.+)$/.exec(text) ?? [];
      if (bucket !== undefined && place !== undefined) return [bucket, place];
      throw new UsageError(`--place expects BUCKET=PLACE, such as landing=s3://my-bucket, got "${text}"`);
    }),
  );
}

async function openBucket(bucket: string, places: ReadonlyMap<string, string>) {
  const place = places.get(bucket);
  if (place === undefined && (bucket === 'landing' || bucket === 'kafka')) {
    throw new UsageError(
      `the name of the bucket "${bucket}" is known at the deployment only: --place ${bucket}=s3://NAME`,
    );
  }
  const { store, root, url } = await openLocation(place ?? `s3://${bucket}`);
  if (root !== '') throw new UsageError(`--place expects a folder, or s3://bucket without a prefix, got "${place}"`);
  return { store, url };
}

async function readConfig(file: string): Promise<Readonly<Record<string, unknown>>> {
  const path = resolve(file);
  if (!existsSync(path)) throw new UsageError(`there is no file "${file}"`);
  const value =
    extname(path) === '.json'
      ? parseJson(file, readFileSync(path, 'utf8'))
      : (await import(pathToFileURL(path).href)).config;
  if (typeof value === 'object' && value !== null) return value;
  throw new UsageError(`${file}: expected ${extname(path) === '.json' ? 'an object' : 'it to export `config`'}`);
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${file} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Of the bucket that a part of the configuration names. */
function nameOf(part: unknown): string | undefined {
  const name = typeof part === 'object' && part !== null && 'bucketName' in part ? part.bucketName : undefined;
  return typeof name === 'string' ? name : undefined;
}
