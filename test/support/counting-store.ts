import type { ObjectStore } from '../../src/storage/object-store.ts';

/** Keys that one LIST request returns at most (Amazon S3 API reference, ListObjectsV2). */
const S3_PAGE_SIZE = 1000;

/** What a bill would count, but that a `putStream` is one `put`: a `list` is one request for every page that was really asked for. */
export interface RequestCounts {
  get: number;
  head: number;
  put: number;
  putIfAbsent: number;
  delete: number;
  list: number;
  /** Bytes of the bodies that `get` returned. */
  bytesRead: number;
  /** Bytes of the bodies handed to `put` and `putIfAbsent`. */
  bytesWritten: number;
}

export type StoreMethod = 'get' | 'head' | 'put' | 'putIfAbsent' | 'delete' | 'list';

export interface CountedRequest {
  readonly method: StoreMethod;
  /** The object's key; the prefix of a `list`. */
  readonly key: string;
}

export interface CountingStore extends ObjectStore {
  /** Counts since the start or the last `reset`. A snapshot: it does not change later. */
  readonly counts: Readonly<RequestCounts>;
  /** The same requests, one by one, in the order in which they were made. */
  readonly requests: readonly CountedRequest[];
  reset(): void;
}

/** Counts the requests and bytes that pass through to `inner`; failed ones count too. */
export function createCountingStore(inner: ObjectStore, { pageSize = S3_PAGE_SIZE } = {}): CountingStore {
  let counts = noRequests();
  let requests: CountedRequest[] = [];

  function count(method: StoreMethod, key: string): void {
    counts[method] += 1;
    requests.push({ method, key });
  }

  return {
    get counts() {
      return { ...counts };
    },
    get requests() {
      return [...requests];
    },
    reset() {
      counts = noRequests();
      requests = [];
    },
    async get(key, options) {
      count('get', key);
      const object = await inner.get(key, options);
      counts.bytesRead += object.body.byteLength;
      return object;
    },
    head(key) {
      count('head', key);
      return inner.head(key);
    },
    put(key, body) {
      count('put', key);
      counts.bytesWritten += body.byteLength;
      return inner.put(key, body);
    },
    async putStream(key, pieces) {
      count('put', key);
      const size = await inner.putStream(key, pieces);
      counts.bytesWritten += size;
      return size;
    },
    putIfAbsent(key, body) {
      count('putIfAbsent', key);
      counts.bytesWritten += body.byteLength;
      return inner.putIfAbsent(key, body);
    },
    delete(key) {
      count('delete', key);
      return inner.delete(key);
    },
    async *list(prefix, options) {
      count('list', prefix);
      let onPage = 0;
      for await (const object of inner.list(prefix, options)) {
        if (onPage === pageSize) {
          count('list', prefix);
          onPage = 0;
        }
        onPage += 1;
        yield object;
      }
    },
  };
}

function noRequests(): RequestCounts {
  return { get: 0, head: 0, put: 0, putIfAbsent: 0, delete: 0, list: 0, bytesRead: 0, bytesWritten: 0 };
}
