import { type TableRef, tableKey } from './table.ts';

/** Folder of the log under a table's root (PROTOCOL.md "Delta Log Entries"). */
export const LOG_DIR = '_delta_log';
/** Folder of the files of V2 checkpoints under the log's (PROTOCOL.md "Sidecar Files"). */
export const SIDECAR_DIR = '_sidecars';

/** What a key under `_delta_log/` names. Every name is parsed here and nowhere else. */
export type LogPath =
  /** `<version>.json` */
  | { readonly kind: 'commit'; readonly version: number }
  /** `_staged_commits/<version>.<uuid>.json`: of a catalog-managed table, not ratified by being here. */
  | { readonly kind: 'stagedCommit'; readonly version: number; readonly uuid: string }
  /** `<start>.<end>.compacted.json`: the reconciled actions of the commits `start` to `end`, both included. */
  | { readonly kind: 'compacted'; readonly start: number; readonly end: number }
  | CheckpointPath
  /** `<version>.crc` */
  | { readonly kind: 'checksum'; readonly version: number }
  /** `_last_checkpoint` */
  | { readonly kind: 'lastCheckpoint' }
  /** `_sidecars/<name>.parquet` */
  | { readonly kind: 'sidecar'; readonly name: string }
  /** Left or not yet renamed by a writer that commits by copy or rename. `target` is the file it is to become, if its name tells. */
  | { readonly kind: 'temporary'; readonly target?: string };

export type CheckpointPath =
  /** `<version>.checkpoint.parquet`; its content may follow the V1 or the V2 spec. */
  | { readonly kind: 'classicCheckpoint'; readonly version: number }
  /** `<version>.checkpoint.<part>.<parts>.parquet`; parts are counted from 1. */
  | {
      readonly kind: 'multiPartCheckpoint';
      readonly version: number;
      readonly part: number;
      readonly parts: number;
    }
  /** `<version>.checkpoint.<uuid>.parquet` or `.json` */
  | {
      readonly kind: 'v2Checkpoint';
      readonly version: number;
      readonly uuid: string;
      readonly format: 'parquet' | 'json';
    };

/** Parses a store's key, or any path with a `_delta_log` folder in it; undefined for what is no known log file. */
export function parseLogPath(key: string): LogPath | undefined {
  const folder = key.lastIndexOf(`/${LOG_DIR}/`) + 1;
  if (!key.startsWith(`${LOG_DIR}/`, folder)) return undefined;
  const name = key.slice(folder + LOG_DIR.length + 1);

  const slash = name.indexOf('/');
  if (slash !== -1) return parseInFolder(name.slice(0, slash), name.slice(slash + 1));
  if (name === '_last_checkpoint') return { kind: 'lastCheckpoint' };
  return parseVersioned(name) ?? parseTemporary(name);
}

/** A version as it stands in names: 20 digits, zero-padded, so that names sort as versions do. */
export function versionName(version: number): string {
  return String(version).padStart(VERSION_DIGITS, '0');
}

export function commitKey(table: TableRef, version: number): string {
  return logKey(table, `${versionName(version)}.json`);
}

export function lastCheckpointKey(table: TableRef): string {
  return logKey(table, '_last_checkpoint');
}

/** The key of a file in the table's log folder. */
export function logKey(table: TableRef, name: string): string {
  return tableKey(table, `${LOG_DIR}/${name}`);
}

const VERSION_DIGITS = 20;
const COMMIT = /^(\d{20})\.json$/;
const CHECKSUM = /^(\d{20})\.crc$/;
const CLASSIC = /^(\d{20})\.checkpoint\.parquet$/;
const MULTI_PART = /^(\d{20})\.checkpoint\.(\d{10})\.(\d{10})\.parquet$/;
const UUID = '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}';
const V2 = new RegExp(`^(\\d{20})\\.checkpoint\\.(${UUID})\\.(parquet|json)$`);
const COMPACTED = /^(\d{20})\.(\d{20})\.compacted\.json$/;
const STAGED = new RegExp(`^(\\d{20})\\.(${UUID})\\.json$`);
const SIDECAR = /^[^/]+\.parquet$/;
/** Spark's LogStores with an external arbiter: `.tmp/<target>.<uuid>`. */
const IN_TEMP_FOLDER = new RegExp(`^(.+)\\.${UUID}$`);
/** Hadoop's rename-based LogStores: `.<target>.<uuid>.tmp`. */
const HIDDEN_TEMP = new RegExp(`^\\.(.+)\\.${UUID}\\.tmp$`);
/** delta-rs before conditional writes: `_commit_<uuid>.json.tmp`. */
const DELTA_RS_TEMP = new RegExp(`^_commit_${UUID}\\.json\\.tmp$`);

function parseInFolder(folder: string, name: string): LogPath | undefined {
  if (folder === SIDECAR_DIR && SIDECAR.test(name)) return { kind: 'sidecar', name };
  if (folder === '_staged_commits') {
    const [, digits, uuid] = STAGED.exec(name) ?? [];
    const version = parseVersion(digits);
    return version === undefined || uuid === undefined ? undefined : { kind: 'stagedCommit', version, uuid };
  }
  if (folder === '.tmp') return { kind: 'temporary', ...optionalTarget(IN_TEMP_FOLDER.exec(name)?.[1]) };
  return undefined;
}

function parseVersioned(name: string): LogPath | undefined {
  const version = parseVersion(name.slice(0, VERSION_DIGITS));
  if (version === undefined) return undefined;
  if (COMMIT.test(name)) return { kind: 'commit', version };
  if (CHECKSUM.test(name)) return { kind: 'checksum', version };
  if (CLASSIC.test(name)) return { kind: 'classicCheckpoint', version };
  return parseMultiPart(version, name) ?? parseV2(version, name) ?? parseCompacted(version, name);
}

function parseMultiPart(version: number, name: string): LogPath | undefined {
  const [, part = 0, parts = 0] = MULTI_PART.exec(name)?.slice(1).map(Number) ?? [];
  return part >= 1 && part <= parts ? { kind: 'multiPartCheckpoint', version, part, parts } : undefined;
}

function parseV2(version: number, name: string): LogPath | undefined {
  const [, , uuid, extension] = V2.exec(name) ?? [];
  if (uuid === undefined) return undefined;
  return { kind: 'v2Checkpoint', version, uuid, format: extension === 'json' ? 'json' : 'parquet' };
}

function parseCompacted(start: number, name: string): LogPath | undefined {
  const end = parseVersion(COMPACTED.exec(name)?.[2]);
  return end !== undefined && end > start ? { kind: 'compacted', start, end } : undefined;
}

function parseTemporary(name: string): LogPath | undefined {
  const target = HIDDEN_TEMP.exec(name)?.[1];
  if (target !== undefined) return { kind: 'temporary', target };
  return DELTA_RS_TEMP.test(name) ? { kind: 'temporary' } : undefined;
}

function optionalTarget(target: string | undefined): { target?: string } {
  return target === undefined ? {} : { target };
}

/** Versions are longs in the protocol; beyond 2^53 they are no versions that a table can have reached. */
function parseVersion(digits: string | undefined): number | undefined {
  if (digits === undefined || !/^\d{20}$/.test(digits)) return undefined;
  const version = Number(digits);
  return Number.isSafeInteger(version) ? version : undefined;
}
