import type { ObjectStore } from '../../storage/object-store.ts';

interface Clock {
  /** ms since the epoch. */
  now(): number;
  sleep(ms: number): Promise<void>;
}

/** Lets so many units pass in a second: each call waits until those before it have had their time. */
export class RateLimit {
  private readonly msEach: number;
  private readonly clock: Clock;
  private free = Number.NEGATIVE_INFINITY;

  constructor(perSecond: number, clock: Clock) {
    this.msEach = 1_000 / perSecond;
    this.clock = clock;
  }

  async take(count = 1): Promise<void> {
    const now = this.clock.now();
    const start = Math.max(this.free, now);
    this.free = start + count * this.msEach;
    if (start > now) await this.clock.sleep(start - now);
  }
}

/** Objects that one LIST request returns at most (Amazon S3 API reference, ListObjectsV2). */
const LIST_PAGE = 1_000;

/** A store whose requests are made no faster than the limit says. */
export function limitRequests(store: ObjectStore, limit: RateLimit): ObjectStore {
  const after = async <T>(call: () => Promise<T>): Promise<T> => {
    await limit.take();
    return call();
  };
  return {
    get: (key, options) => after(() => store.get(key, options)),
    head: (key) => after(() => store.head(key)),
    put: (key, body) => after(() => store.put(key, body)),
    putStream: (key, pieces) => after(() => store.putStream(key, pieces)),
    putIfAbsent: (key, body) => after(() => store.putIfAbsent(key, body)),
    delete: (key) => after(() => store.delete(key)),
    async *list(prefix, options) {
      let count = 0;
      for await (const object of store.list(prefix, options)) {
        if (count % LIST_PAGE === 0) await limit.take();
        count += 1;
        yield object;
      }
    },
  };
}
