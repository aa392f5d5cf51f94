import { createHash } from 'node:crypto';
import { resolveRange } from './byte-range.ts';
import { assertKey, compareKeys } from './keys.ts';
import { type ObjectInfo, type ObjectStore, StoreError } from './object-store.ts';

export interface MemoryStoreOptions {
  /** Time of a write, ms since the epoch. @default Date.now */
  readonly now?: () => number;
}

interface Entry {
  readonly info: ObjectInfo;
  readonly body: Uint8Array;
}

/**
 * A bucket in memory, for tests and dry runs. The etag is a hash of the content, as it is on S3: writing the same
 * bytes again gives the same etag. Bodies are copied on the way in and out.
 */
export function createMemoryStore(options: MemoryStoreOptions = {}): ObjectStore {
  const now = options.now ?? Date.now;
  const entries = new Map<string, Entry>();
  const order = createKeyOrder();

  function write(key: string, body: Uint8Array): void {
    if (!entries.has(key)) order.add(key);
    const info = { key, size: body.byteLength, etag: contentHash(body), modified: now() };
    entries.set(key, { info, body: new Uint8Array(body) });
  }

  return {
    async get(key, { range, ifMatch } = {}) {
      assertKey('get', key);
      const entry = entries.get(key);
      if (entry === undefined) throw new StoreError('NOT_FOUND', 'get', key, 'there is no such object');
      const { etag, size, modified } = entry.info;
      if (ifMatch !== undefined && ifMatch !== etag) {
        throw new StoreError('PRECONDITION_FAILED', 'get', key, `the etag is ${etag}, expected ${ifMatch}`);
      }
      const { start, end } = resolveRange(range, size, key);
      return { body: entry.body.slice(start, end), etag, size, modified };
    },
    async head(key) {
      assertKey('head', key);
      return entries.get(key)?.info;
    },
    async put(key, body) {
      assertKey('put', key);
      write(key, body);
    },
    async putStream(key, pieces) {
      assertKey('putStream', key);
      const body = Buffer.concat(await Array.fromAsync(pieces, (piece) => new Uint8Array(piece)));
      write(key, body);
      return body.byteLength;
    },
    async putIfAbsent(key, body) {
      assertKey('putIfAbsent', key);
      if (entries.has(key)) return 'exists';
      write(key, body);
      return 'created';
    },
    async delete(key) {
      assertKey('delete', key);
      if (entries.delete(key)) order.remove(key);
    },
    async *list(prefix, { startAfter } = {}) {
      // Each step looks for the next key afresh, so that writes and deletes while listing do no harm.
      let key =
        startAfter !== undefined && compareKeys(startAfter, prefix) >= 0 ? order.after(startAfter) : order.from(prefix);
      while (key?.startsWith(prefix)) {
        const entry = entries.get(key);
        if (entry !== undefined) yield entry.info;
        key = order.after(key);
      }
    },
  };
}

function contentHash(body: Uint8Array): string {
  return createHash('md5').update(body).digest('hex');
}

/** The keys of the store in listing order. Adding is cheap; sorting waits for the first search after it. */
function createKeyOrder() {
  const keys: string[] = [];
  let sorted = true;

  function search(key: string): number {
    if (!sorted) keys.sort(compareKeys);
    sorted = true;
    let low = 0;
    let high = keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareKeys(keys[middle] ?? '', key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The first key that is `key` or greater. */
  function from(key: string): string | undefined {
    return keys[search(key)];
  }

  return {
    add(key: string): void {
      sorted = sorted && compareKeys(keys.at(-1) ?? '', key) < 0;
      keys.push(key);
    },
    remove(key: string): void {
      keys.splice(search(key), 1);
    },
    from,
    /** The first key greater than `key`: no key lies between `key` and `key` with a NUL behind it. */
    after(key: string): string | undefined {
      return from(`${key}\0`);
    },
  };
}
