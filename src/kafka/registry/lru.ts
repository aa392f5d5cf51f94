/** A map of bounded weight. What was not asked for the longest is dropped first. */
export interface Lru<V> {
  get(key: string): V | undefined;
  set(key: string, value: V): void;
  delete(key: string): void;
}

export interface LruOptions<V> {
  /** Sum of the weights of all values at most; the newest stays, whatever it weighs. */
  readonly maxWeight: number;
  /** @default 1 for each */
  readonly weigh?: (value: V) => number;
}

export function createLru<V>({ maxWeight, weigh = () => 1 }: LruOptions<V>): Lru<V> {
  // A Map keeps the order of insertion.
  const entries = new Map<string, { readonly value: V; readonly weight: number }>();
  let total = 0;
  /** Most payloads have the id of the one before, which is in its place already. */
  let newest: string | undefined;
  const remove = (key: string): void => {
    total -= entries.get(key)?.weight ?? 0;
    entries.delete(key);
  };
  return {
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      if (key !== newest) {
        entries.delete(key);
        entries.set(key, entry);
        newest = key;
      }
      return entry.value;
    },
    set(key, value) {
      remove(key);
      const weight = weigh(value);
      for (const oldest of entries.keys()) {
        if (total + weight <= maxWeight) break;
        remove(oldest);
      }
      entries.set(key, { value, weight });
      newest = key;
      total += weight;
    },
    delete: remove,
  };
}
