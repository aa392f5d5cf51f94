import type { ObjectStore } from '../../storage/object-store.ts';

/**
 * A store that reads what is there and writes nothing: a `putIfAbsent` tells whether it would have won. What was
 * "written" cannot be read back, so this is for work that does not look at its own output.
 */
export function createDryRunStore(store: ObjectStore): ObjectStore {
  return {
    get: (key, options) => store.get(key, options),
    head: (key) => store.head(key),
    list: (prefix, options) => store.list(prefix, options),
    putIfAbsent: async (key) => ((await store.head(key)) === undefined ? 'created' : 'exists'),
    put: async () => undefined,
    putStream: async (_key, pieces) => {
      let size = 0;
      for await (const piece of pieces) size += piece.byteLength;
      return size;
    },
    delete: async () => undefined,
  };
}
