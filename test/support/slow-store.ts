import { setImmediate as tick } from 'node:timers/promises';
import type { ObjectStore } from '../../src/storage/object-store.ts';

/** The store, with every call taking its time, so that what is under way at once gets mixed. */
export function slow(inner: ObjectStore, random: () => number): ObjectStore {
  const later = async (): Promise<void> => {
    for (let turns = Math.floor(random() * 6); turns > 0; turns--) await tick();
  };
  const around = async <T>(call: () => Promise<T>): Promise<T> => {
    await later();
    const result = await call();
    await later();
    return result;
  };
  return {
    get: (key, options) => around(() => inner.get(key, options)),
    head: (key) => around(() => inner.head(key)),
    put: (key, body) => around(() => inner.put(key, body)),
    putStream: (key, pieces) => around(() => inner.putStream(key, pieces)),
    putIfAbsent: (key, body) => around(() => inner.putIfAbsent(key, body)),
    delete: (key) => around(() => inner.delete(key)),
    async *list(prefix, options) {
      await later();
      yield* inner.list(prefix, options);
    },
  };
}
