import type { QuarantineRecord } from '../ingest/quarantine.ts';
import { QUARANTINE_DIR } from '../ingest/quarantine.ts';
import type { ObjectStore } from '../storage/object-store.ts';

/** Files that are told apart; bounds memory. Of further ones only the number is known. */
const MAX_NAMED = 1_000;

export type QuarantinedFile = Pick<QuarantineRecord, 'key' | 'reason' | 'detail'>;

export interface QuarantineReport {
  /** Each file once, with the latest reason; not all when there are very many. */
  files(): readonly QuarantinedFile[];
  count(): number;
  /** Files by reason code. */
  byReason(): ReadonlyMap<string, number>;
}

/** A store that notes the quarantine records which are written through it, also those that were there before. */
export function observeQuarantine(store: ObjectStore): {
  readonly store: ObjectStore;
  readonly report: QuarantineReport;
} {
  const named = new Map<string, QuarantinedFile>();
  const unnamed = new Map<string, number>();

  function note({ key, reason, detail }: QuarantineRecord): void {
    if (named.has(key) || named.size < MAX_NAMED) named.set(key, { key, reason, detail });
    else unnamed.set(reason, (unnamed.get(reason) ?? 0) + 1);
  }

  function byReason(): ReadonlyMap<string, number> {
    const counts = new Map(unnamed);
    for (const { reason } of named.values()) counts.set(reason, (counts.get(reason) ?? 0) + 1);
    return counts;
  }

  return {
    report: {
      files: () => [...named.values()],
      count: () => [...byReason().values()].reduce((sum, count) => sum + count, 0),
      byReason,
    },
    store: {
      ...store,
      async putIfAbsent(key, body) {
        const result = await store.putIfAbsent(key, body);
        if (key.includes(`${QUARANTINE_DIR}/`)) note(JSON.parse(new TextDecoder().decode(body)) as QuarantineRecord);
        return result;
      },
    },
  };
}
