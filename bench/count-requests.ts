import type { ObjectStore } from '../src/storage/object-store.ts';

/** Requests by method; a `list` counts once, for its first page. */
export interface Requests {
  readonly get: number;
  readonly head: number;
  readonly list: number;
  readonly putIfAbsent: number;
}

/** A store that counts what passes through to `inner`. */
export function countRequests(inner: ObjectStore) {
  let counts = { get: 0, head: 0, list: 0, putIfAbsent: 0 };
  const store: ObjectStore = {
    ...inner,
    get(key, options) {
      counts.get++;
      return inner.get(key, options);
    },
    head(key) {
      counts.head++;
      return inner.head(key);
    },
    list(prefix, options) {
      counts.list++;
      return inner.list(prefix, options);
    },
    putIfAbsent(key, body) {
      counts.putIfAbsent++;
      return inner.putIfAbsent(key, body);
    },
  };
  return {
    store,
    requests: (): Requests => counts,
    reset: (): void => {
      counts = { get: 0, head: 0, list: 0, putIfAbsent: 0 };
    },
  };
}
