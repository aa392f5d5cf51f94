import type { Telemetry } from '../ingest/telemetry.ts';
import { findTables } from '../maintenance/find-tables.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { CatalogConfig } from './config.ts';
import { isRefused } from './errors.ts';
import type { CatalogMessage, SweepMessage } from './messages.ts';
import { nameFor, prefixesOf } from './names.ts';

export interface SweepDeps {
  readonly config: CatalogConfig;
  readonly telemetry: Telemetry;
  /** ms since the epoch. */
  now(): number;
  storeFor(bucket: string): ObjectStore;
  /** Puts a message into the function's own queue. Throws what keeps it from that. */
  enqueue(message: CatalogMessage | SweepMessage): Promise<void>;
}

/** Where the rules have tables, in all buckets. */
export function placesOf({ buckets, rules }: CatalogConfig): SweepMessage[] {
  return buckets.flatMap((bucket) => prefixesOf(rules).map((prefix) => ({ bucket, prefix })));
}

/**
 * Puts a message for each table of the rules into the queue, and one for what is left when the time is up (ms since the
 * epoch). Each call comes at least one table further.
 */
export async function sweepPlaces(deps: SweepDeps, places: readonly SweepMessage[], deadline: number): Promise<void> {
  let tables = 0;
  for (const [index, { bucket, prefix, behind }] of places.entries()) {
    for await (const root of findTables(deps.storeFor(bucket), prefix, behind)) {
      if (isNamed(deps.config, root)) {
        await deps.enqueue({ bucket, root });
        tables++;
      }
      if (deps.now() < deadline) continue;
      for (const rest of [{ bucket, prefix, behind: root }, ...places.slice(index + 1)]) await deps.enqueue(rest);
      deps.telemetry.log('info', 'the look for tables goes on later', { tables, bucket, behind: root });
      return;
    }
  }
  deps.telemetry.log('info', 'tables are compared with the catalog', { tables });
}

/** Whether a rule is for the table; also where its name is wrong, which is told when it comes to that. */
function isNamed({ rules }: CatalogConfig, root: string): boolean {
  try {
    return nameFor(rules, root) !== undefined;
  } catch (error) {
    if (isRefused(error)) return true;
    throw error;
  }
}
