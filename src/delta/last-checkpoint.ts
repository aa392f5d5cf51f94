import { createHash } from 'node:crypto';
import { isStoreError } from '../storage/object-store.ts';
import { lastCheckpointKey } from './log-path.ts';
import type { TableRef } from './table.ts';

/** What of `_last_checkpoint` serves here (PROTOCOL.md "Last Checkpoint File Schema"). */
export interface LastCheckpoint {
  /** Version of a checkpoint that was written once; it may be gone, and there may be newer ones. */
  readonly version: number;
}

/** The hint as it is written. */
export interface CheckpointHint extends LastCheckpoint {
  /** Actions in the checkpoint, sidecars included; -1 (as in Spark) when that is not known. */
  readonly size: number;
  /** Of a checkpoint in several files. */
  readonly parts?: number;
  /** Of all its files, bytes. */
  readonly sizeInBytes?: number;
  readonly numOfAddFiles?: number;
  /** Spark's field for a checkpoint with a UUID in its name: the name of its top level, and what a LIST says of that. */
  readonly v2Checkpoint?: { readonly path: string; readonly sizeInBytes: number; readonly modificationTime: number };
}

/**
 * Reads the hint where to start listing; undefined when there is none or it is no use.
 *
 * Nothing but the start of the listing hangs on it: a hint that is stale, wrong or half written costs requests, never
 * a wrong snapshot, since only checkpoints that were listed are used. Its checksum is therefore not verified: that
 * could only turn a good hint of a writer that formats its JSON otherwise into a listing of the whole log.
 */
export async function readLastCheckpoint(table: TableRef): Promise<LastCheckpoint | undefined> {
  try {
    const { body } = await table.store.get(lastCheckpointKey(table));
    return parseLastCheckpoint(body);
  } catch (error) {
    if (isStoreError(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
}

export function parseLastCheckpoint(bytes: Uint8Array): LastCheckpoint | undefined {
  const hint = parseJson(new TextDecoder().decode(bytes));
  if (typeof hint !== 'object' || hint === null || !('version' in hint)) return undefined;
  const { version } = hint;
  return typeof version === 'number' && Number.isSafeInteger(version) && version >= 0 ? { version } : undefined;
}

/** The hint's JSON, with its checksum. */
export function serializeLastCheckpoint(hint: CheckpointHint): string {
  // Version, size and parts come first, so that a reader that gets two halves of two hints has them from one (as Spark).
  const { version, size, parts, ...rest } = hint;
  const json = { version, size, ...(parts === undefined ? {} : { parts }), ...rest };
  return JSON.stringify({ ...json, checksum: lastCheckpointChecksum(json) });
}

/** The MD5 of the canonical form of the hint's JSON, which leaves out a checksum in it (PROTOCOL.md "JSON checksum"). */
export function lastCheckpointChecksum(json: object): string {
  return createHash('md5').update(canonicalJson(json)).digest('hex');
}

/** PROTOCOL.md "JSON checksum": the paths to all scalars with their values, sorted by the bytes of the paths. */
export function canonicalJson(json: object): string {
  const entries: { readonly path: string; readonly value: string }[] = [];
  const visit = (value: unknown, path: readonly string[]): void => {
    if (Array.isArray(value)) {
      for (const [index, element] of value.entries()) visit(element, [...path, String(index)]);
    } else if (typeof value === 'object' && value !== null) {
      for (const [name, member] of Object.entries(value)) visit(member, [...path, quoted(name)]);
    } else {
      entries.push({ path: path.join('+'), value: typeof value === 'string' ? quoted(value) : String(value) });
    }
  };
  for (const [name, member] of Object.entries(json)) if (name !== 'checksum') visit(member, [quoted(name)]);
  // Encoded, all of it is ASCII, whose code units sort as its bytes.
  entries.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  return entries.map(({ path, value }) => `${path}=${value}`).join(',');
}

/** URL-encoded but for letters, digits and `-._~`, in upper-case hexadecimals. */
function quoted(text: string): string {
  const encoded = encodeURIComponent(text.toWellFormed()).replace(/[!'()*]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  });
  return `"${encoded}"`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
