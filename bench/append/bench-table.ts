import { commitKey, logKey, parseLogPath } from '../../src/delta/log-path.ts';
import type { TableRef } from '../../src/delta/table.ts';
import type { SqsEvent } from '../../src/ingest/handler.ts';
import { createRandom } from '../../src/local/demo/random.ts';
import { webRequests } from '../../src/local/demo/web-requests.ts';
import { WRITERS, writeFile } from '../../src/local/demo/writers.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import { type Landed, landedEvent } from '../sizing-events.ts';
import { putCommits, type TableSource } from './table-source.ts';

/** Files that land for one invocation. */
export const NEW_FILES = 10;
const ROWS = 1_000;

export interface Bucket {
  readonly store: ObjectStore;
  readonly name: string;
}

/** A table in the bucket, that one contender appends to. */
export class BenchTable {
  private readonly bucket: Bucket;
  private readonly source: TableSource;
  private readonly ref: TableRef;
  private readonly body: Uint8Array;
  private version: number;
  private landed = 0;

  constructor(bucket: Bucket, root: string, source: TableSource) {
    this.bucket = bucket;
    this.source = source;
    this.ref = { store: bucket.store, root, url: `s3://${bucket.name}/${root}` };
    this.version = source.version;
    this.body = writeFile(
      webRequests(createRandom(1), { rows: ROWS, from: Date.UTC(2026, 10, 24), userAgent: true }),
      WRITERS[0],
    );
  }

  /** Writes the checkpoint and what belongs to it. */
  write(): Promise<void> {
    return this.source.copyTo(this.ref);
  }

  /** Takes the log back to the checkpoint, and writes commits after it. */
  async reset(commits: number): Promise<void> {
    const { store } = this.bucket;
    for await (const { key } of store.list(logKey(this.ref, ''))) {
      const path = parseLogPath(key);
      if (path !== undefined && 'version' in path && path.version > this.source.version) await store.delete(key);
    }
    await this.source.copyHintTo(this.ref);
    await putCommits(this.ref, this.source.version, commits);
    this.version = this.source.version + commits;
  }

  /** Files land; the event that tells of them. */
  async land(): Promise<SqsEvent> {
    const { store, name } = this.bucket;
    const objects: Landed[] = [];
    for (let file = 0; file < NEW_FILES; file += 1) {
      this.landed += 1;
      const key = `${this.ref.root}/ds=2026-11-24/part-${this.landed}.zstd.parquet`;
      await store.put(key, this.body);
      const etag = (await store.head(key))?.etag;
      if (etag === undefined) throw new Error(`"${key}" was written and is not there`);
      objects.push({ key, size: this.body.byteLength, etag });
    }
    return landedEvent(name, objects);
  }

  /** Throws unless there is exactly one commit more than at the last call, or the last reset. */
  async expectCommit(by: string): Promise<void> {
    const { store } = this.bucket;
    this.version += 1;
    const [committed, next] = await Promise.all(
      [this.version, this.version + 1].map((version) => store.head(commitKey(this.ref, version))),
    );
    if (committed === undefined || next !== undefined) {
      const found = committed === undefined ? 'no commit' : 'more than one commit';
      throw new Error(`${by} made ${found} to ${this.ref.url}, expected version ${this.version}`);
    }
  }
}
