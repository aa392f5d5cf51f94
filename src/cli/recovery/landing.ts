import { relative, resolve, sep } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TableRef } from '../../delta/table.ts';
import { type AppendConfig, appendCommitRules, parseAppendConfig } from '../../ingest/config.ts';
import type { TableEngine } from '../../ingest/engine.ts';
import { createCheckpointReader } from '../../parquet/checkpoint-reader.ts';
import { bucketOf } from '../../recovery/routes.ts';
import { createFolderStore } from '../../storage/folder-store.ts';
import { type OptionSpec, type ParsedArgs, UsageError } from '../args.ts';
import { partOf, readConfigFile, rulesOf } from '../config-file.ts';
import { createDryRunStore } from '../convert/dry-run-store.ts';
import { openConfigured, openLocation } from '../location.ts';

/** Options of the commands that take files by the rules of the append function. */
export const LANDING_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  config: {
    value: 'FILE',
    help: 'the rules: resaca.config.ts, or JSON with them (default: tables by the path convention)',
  },
  landing: {
    value: 'DIR',
    help: 'the folder that stands for the bucket, of a local table (default: the table itself)',
  },
};

/** What a command works on, and by which rules. */
export interface OpenLanding {
  /** A table, or a prefix with tables. */
  readonly place: TableRef;
  readonly engine: TableEngine;
  /** Endings of the keys that the deployment announces; undefined where the configuration is of the rules alone. */
  readonly suffixes: readonly string[] | undefined;
  /** The place at another root of the same bucket or folder. */
  at(root: string): TableRef;
}

/** Opens what a location names, with the rules of `--config`. Throws UsageError for what is wrong. */
export async function openLanding(location: string, args: ParsedArgs): Promise<OpenLanding> {
  const path = args.value('config');
  const { config, suffixes } = path === undefined ? { config: parseAppendConfig({}) } : await readRules(path);
  const place = await openPlace(location, args, path === undefined ? undefined : config);
  return { ...place, engine: createEngine(config), suffixes: suffixes ?? undefined };
}

/**
 * Opens what a location names, which commits by rules, if there are any; `--dry-run` gives it a store that writes nothing.
 * Throws UsageError.
 */
export async function openPlace(
  location: string,
  args: ParsedArgs,
  config: AppendConfig | undefined,
): Promise<Pick<OpenLanding, 'place' | 'at'>> {
  const landing = args.value('landing');
  const isS3 = /^s3[an]?:\/\//.test(location);
  if (landing !== undefined && isS3) throw new UsageError('--landing is for local tables; of S3, it is the bucket');
  const place =
    landing !== undefined
      ? placeIn(landing, location)
      : config === undefined
        ? await openLocation(location)
        : await openConfigured(
            location,
            appendCommitRules(config, bucketOf({ url: location.replace(/^s3[an]:/, 's3:') })),
          );
  const store = args.flag('dry-run') ? createDryRunStore(place.store) : place.store;
  const base = place.root === '' ? place.url : place.url.slice(0, -place.root.length - 1);
  const at = (root: string): TableRef => ({ store, root, url: root === '' ? base : `${base}/${root}` });
  return { place: { ...place, store }, at };
}

function placeIn(landing: string, location: string): TableRef {
  const folder = resolve(landing);
  const root = relative(folder, resolve(location)).split(sep).join('/');
  if (root === '..' || root.startsWith('../')) {
    throw new UsageError(`expected a folder in --landing ${landing}, got "${location}"`);
  }
  return { store: createFolderStore(folder), root, url: root === '' ? folder : `${folder}/${root}` };
}

function readRules(path: string): Promise<{ config: AppendConfig; suffixes?: readonly string[] | undefined }> {
  return readConfigFile(path, (value) => {
    const suffixes = partOf(partOf(value, 'landing'), 'suffixes');
    const config = parseAppendConfig(rulesOf(value));
    return { config, suffixes: Array.isArray(suffixes) ? suffixes.map(String) : undefined };
  });
}

function createEngine(config: AppendConfig): TableEngine {
  return {
    reader: createCheckpointReader(),
    config,
    telemetry: { log: () => undefined, metrics: () => undefined },
    now: Date.now,
    random: Math.random,
    sleep: async (ms) => {
      await sleep(ms);
    },
  };
}

/** `leave` or `add`, of `--unknown`. Throws UsageError. */
export function unknownOf(args: ParsedArgs): 'leave' | 'add' {
  return choiceOf(args, 'unknown', ['leave', 'add'] as const) ?? 'leave';
}

export function choiceOf<T extends string>(args: ParsedArgs, name: string, choices: readonly T[]): T | undefined {
  const value = args.value(name);
  if (value === undefined) return undefined;
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw new UsageError(`--${name} expects ${choices.join(' or ')}, got "${value}"`);
  return found;
}
