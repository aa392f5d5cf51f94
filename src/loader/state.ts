import { createHash } from 'node:crypto';
import type { StructType } from '../delta/schema.ts';
import { type TableRef, tableKey } from '../delta/table.ts';
import { mapConcurrently } from '../ingest/concurrently.ts';
import { isStoreError, type ObjectStore } from '../storage/object-store.ts';
import type { Position } from './read/row-source.ts';
import type { RejectedRow } from './rows/segment.ts';

/** Below the root of a table: what was loaded, and what is on its way. */
export const LOADED_DIR = '_resaca/loaded';
/** Below the root of a table: rows that are in no file. */
export const REJECTED_DIR = '_resaca/rejected';

/** Which rows of a source file are in a part. Written before the part is, and never changed: whoever makes it makes it so. */
export interface PartRecord {
  readonly part: number;
  readonly from: Position;
  readonly to: Position;
  /** Whether it goes to the end of the file. */
  readonly isLast: boolean;
  readonly rows: number;
  readonly rejected: number;
  /** The first of them in this part. */
  readonly reasons: readonly RejectedRow[];
  /** Names of a CSV file's columns. */
  readonly header?: readonly string[];
  /** Of the files, without the partition columns. */
  readonly schema: StructType;
  readonly files: readonly { readonly folder: string; readonly rows: number }[];
  /** ISO 8601. */
  readonly at: string;
}

/** What became of a source file; stays. */
export interface DoneRecord {
  readonly outcome: 'loaded' | 'quarantined';
  readonly source: string;
  readonly etag: string;
  readonly rows: number;
  readonly rejected: number;
  readonly parts: number;
  /** Below the table's root. */
  readonly files: readonly string[];
  /** ISO 8601. */
  readonly at: string;
}

/** How far a file is. */
export interface Progress {
  /** In order, from 0. */
  readonly parts: readonly PartRecord[];
  /** Paths of the staged files, as they will be in the table. */
  readonly staged: ReadonlySet<string>;
  /** When the first of them began to be made visible, ms since the epoch. */
  readonly publishing: number | undefined;
}

/** Names a version of a source file, wherever it is; the bucket is a folder's path for local files. */
export function digestOf(bucket: string, key: string, etag: string): string {
  return createHash('sha256').update(`${bucket}\0${key}\0${etag}`).digest('hex').slice(0, 32);
}

/** The path of a part's file in the table: the same one in every run. */
export function partPath(digest: string, part: number, folder: string): string {
  const name = `resaca-loaded-${digest}-${String(part).padStart(5, '0')}.zstd.parquet`;
  return folder === '' ? name : `${folder}/${name}`;
}

const STAGED = 'staged/';
/** Not `.parquet`, which would be announced as a file that landed. */
const STAGED_ENDING = '.staged';
const PUBLISHING = 'publishing.json';
/** GETs and PUTs at the same time. Each holds a file. */
const CONCURRENCY = 4;

/** What is kept beside a table about one version of a source file. */
export class LoadState {
  readonly digest: string;
  readonly #table: TableRef;

  constructor(table: TableRef, digest: string) {
    this.#table = table;
    this.digest = digest;
  }

  get #store(): ObjectStore {
    return this.#table.store;
  }

  done(): Promise<DoneRecord | undefined> {
    return this.#json<DoneRecord>(this.#doneKey);
  }

  async setDone(record: DoneRecord): Promise<void> {
    await this.#store.put(this.#doneKey, jsonBytes(record));
  }

  /** So that the file is loaded from its beginning. */
  async forget(): Promise<void> {
    await this.clear();
    await this.#store.delete(this.#doneKey);
  }

  /** One LIST, and one GET for each part. */
  async progress(): Promise<Progress> {
    const names: string[] = [];
    const base = this.#key('');
    for await (const { key } of this.#store.list(base)) names.push(key.slice(base.length));
    const staged = names
      .filter((name) => name.startsWith(STAGED))
      .map((name) => name.slice(STAGED.length, -STAGED_ENDING.length));
    const records = names.filter((name) => /^part-\d+\.json$/.test(name)).sort();
    const parts = await mapConcurrently(records, CONCURRENCY, (name) => this.#json<PartRecord>(this.#key(name)));
    const publishing = names.includes(PUBLISHING)
      ? await this.#json<{ readonly at: string }>(this.#key(PUBLISHING))
      : undefined;
    return {
      parts: parts.filter((part) => part !== undefined).sort((a, b) => a.part - b.part),
      staged: new Set(staged),
      publishing: publishing && Date.parse(publishing.at),
    };
  }

  /** Says what a part will hold; returns what was said before, if that was otherwise. */
  async plan(record: PartRecord): Promise<PartRecord | undefined> {
    const key = this.#key(`part-${String(record.part).padStart(5, '0')}.json`);
    if ((await this.#store.putIfAbsent(key, jsonBytes(record))) === 'created') return undefined;
    const known = await this.#json<PartRecord>(key);
    return known === undefined || contentOf(known) === contentOf(record) ? undefined : known;
  }

  /** Keeps a file of a part where no reader looks. */
  async stage(path: string, bytes: Uint8Array): Promise<void> {
    await this.#store.put(this.#stagedKey(path), bytes);
  }

  /** Notes the time, and returns that of the first who did. ms since the epoch. */
  async beginPublishing(now: number): Promise<number> {
    const key = this.#key(PUBLISHING);
    const at = new Date(now).toISOString();
    if ((await this.#store.putIfAbsent(key, jsonBytes({ at }))) === 'created') return now;
    const known = await this.#json<{ readonly at: string }>(key);
    return known === undefined ? now : Date.parse(known.at);
  }

  /**
   * Moves staged files to where they belong, unless something is there; gives how many it was. One that is not staged any
   * more was moved before: nothing is published before all is staged.
   */
  async publish(paths: readonly string[]): Promise<number> {
    const moved = await mapConcurrently(paths, CONCURRENCY, async (path) => {
      const bytes = await this.#bytes(this.#stagedKey(path));
      if (bytes === undefined) return 0;
      await this.publishBytes(path, bytes);
      await this.#store.delete(this.#stagedKey(path));
      return 1;
    });
    return moved.reduce<number>((sum, one) => sum + one, 0);
  }

  /** Puts a file where it belongs, unless it is there. */
  async publishBytes(path: string, bytes: Uint8Array): Promise<void> {
    await this.#store.putIfAbsent(tableKey(this.#table, path), bytes);
  }

  /** Keeps the rejected rows of a part, a JSON object a line. */
  async keepRejected(part: number, rows: readonly RejectedRow[]): Promise<void> {
    if (rows.length === 0) return;
    const name = `${REJECTED_DIR}/${this.digest}-${String(part).padStart(5, '0')}.jsonl`;
    const lines = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
    await this.#store.put(tableKey(this.#table, name), new TextEncoder().encode(lines));
  }

  /** Deletes everything but the record of what became of the file: first the files, last what says what they are. */
  async clear(): Promise<void> {
    const keys: string[] = [];
    for await (const { key } of this.#store.list(this.#key(''))) keys.push(key);
    const isStaged = (key: string) => key.startsWith(this.#key(STAGED));
    for (const group of [keys.filter(isStaged), keys.filter((key) => !isStaged(key))]) {
      await mapConcurrently(group, CONCURRENCY, (key) => this.#store.delete(key));
    }
  }

  get #doneKey(): string {
    return tableKey(this.#table, `${LOADED_DIR}/${this.digest}.json`);
  }

  #key(name: string): string {
    return tableKey(this.#table, `${LOADED_DIR}/${this.digest}/${name}`);
  }

  #stagedKey(path: string): string {
    return this.#key(`${STAGED}${path}${STAGED_ENDING}`);
  }

  async #json<T>(key: string): Promise<T | undefined> {
    const bytes = await this.#bytes(key);
    // Nobody else writes there.
    return bytes === undefined ? undefined : (JSON.parse(new TextDecoder().decode(bytes)) as T);
  }

  async #bytes(key: string): Promise<Uint8Array | undefined> {
    try {
      return (await this.#store.get(key)).body;
    } catch (error) {
      if (isStoreError(error, 'NOT_FOUND')) return undefined;
      throw error;
    }
  }
}

/** What two records must have in common to be of the same files. */
function contentOf({ at: _, reasons: __, ...content }: PartRecord): string {
  return JSON.stringify(content);
}

function jsonBytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
}
