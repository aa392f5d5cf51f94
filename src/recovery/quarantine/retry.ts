import { isDeltaError } from '../../delta/errors.ts';
import { findActive, loadSnapshot } from '../../delta/snapshot.ts';
import { type TableRef, tableKey } from '../../delta/table.ts';
import { appendBatch } from '../../ingest/append.ts';
import type { LandedObject } from '../../ingest/candidate.ts';
import { mapConcurrently } from '../../ingest/concurrently.ts';
import type { TableEngine } from '../../ingest/engine.ts';
import { FooterMemory } from '../../ingest/footer-memory.ts';
import { versionOf } from '../../ingest/object-version.ts';
import { QUARANTINE_DIR, type QuarantineRecord, quarantineKey } from '../../ingest/quarantine.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { pathsInto, routesInto, type TableRoute } from '../routes.ts';
import type { StoredRecord } from './records.ts';

/** What became of a record. */
export type RetryOutcome =
  /** The file is in its table; the record is gone. */
  | 'added'
  /** The object is not there any more; so is the record. */
  | 'gone'
  /** It does not fit: the record has the new reason, and counts. */
  | 'rejected'
  /** The store would not show it; nothing is changed. */
  | 'failed'
  /** The rules give it to no table, or the log has it as removed; nothing is changed. */
  | 'left';

export interface Retried {
  readonly stored: StoredRecord;
  readonly outcome: RetryOutcome;
  /** Of a file that does not fit, as it is now. */
  readonly rejection?: Pick<QuarantineRecord, 'reason' | 'detail'>;
}

/** Records of one commit. */
export const RETRY_BATCH = 500;

/**
 * Gives the files of quarantine records to the append path once more, as if their events came again: by the rules and the
 * schema of now. The commit comes first, the records are changed after it; a crash in between leaves records of files that
 * are in the table, which the next try finds there. `dryRun` for a table that is not written: no record is changed.
 */
export async function retryRecords(
  engine: TableEngine,
  table: TableRef,
  records: readonly StoredRecord[],
  { dryRun = false }: { readonly dryRun?: boolean } = {},
): Promise<Retried[]> {
  const own = records.filter(({ record }) => isOwn(table, record));
  const others = records.filter(({ record }) => !isOwn(table, record));
  const retried = await retryOwn(engine, table, own, dryRun);
  return [...retried, ...others.map((stored) => ({ stored, outcome: 'left' as const }))];
}

/** Source files of the loader and of the merge lie elsewhere: nothing here can be said of them. */
function isOwn(table: TableRef, { key, path }: QuarantineRecord): boolean {
  return key === undefined || key === tableKey(table, path);
}

async function retryOwn(
  engine: TableEngine,
  table: TableRef,
  records: readonly StoredRecord[],
  dryRun: boolean,
): Promise<Retried[]> {
  const routeOf = routesInto(table, engine.config);
  const looks = await mapConcurrently(records, engine.config.footerConcurrency, async (stored) => ({
    stored,
    route: routeOf(stored.record.path),
    object: await lookAt(table, stored.record),
  }));
  const [route] = looks.flatMap((look) => look.route ?? []);
  const landed = new Map<string, LandedObject>();
  const deleted = new Map<string, { path: string; time: number }>();
  for (const look of looks) {
    const { path, reason } = look.stored.record;
    if (look.route === undefined) continue;
    if (look.object !== undefined) landed.set(path, look.object);
    else if (reason === DELETE_FORBIDDEN) deleted.set(path, { path, time: engine.now() });
  }
  const tried = await append(engine, table, route, [...landed.values()], [...deleted.values()], dryRun);
  return mapConcurrently(looks, engine.config.footerConcurrency, async ({ stored, route: own, object }) => {
    const { path } = stored.record;
    const outcome = outcomeOf({ hasRoute: own !== undefined, object, isDeleted: deleted.has(path) }, path, tried);
    const rejection = outcome === 'rejected' ? tried.rejected.get(path) : undefined;
    if (!dryRun) await settle(engine, table, stored, object, { outcome, rejection });
    return { stored, outcome, ...(rejection !== undefined && { rejection }) };
  });
}

const DELETE_FORBIDDEN = 'DELETE_FORBIDDEN';

/** The object as it is now; undefined where it is gone. With the event's order, if it is still the same version. */
async function lookAt(table: TableRef, { path, etag, sequencer }: QuarantineRecord): Promise<LandedObject | undefined> {
  const info = await table.store.head(tableKey(table, path));
  if (info === undefined) return undefined;
  const isSame = info.etag === etag && sequencer !== undefined;
  return { path, size: info.size, etag: info.etag, time: info.modified, ...(isSame && { sequencer }) };
}

interface Tried {
  readonly failed: ReadonlySet<string>;
  readonly rejected: ReadonlyMap<string, QuarantineRecord>;
  /** The etags of active files by path; undefined in a dry run, where what is not rejected is taken for active. */
  readonly active: ReadonlyMap<string, string | undefined> | undefined;
}

async function append(
  engine: TableEngine,
  table: TableRef,
  route: TableRoute | undefined,
  landed: readonly LandedObject[],
  deleted: readonly { readonly path: string; readonly time: number }[],
  dryRun: boolean,
): Promise<Tried> {
  const rejected = new Map<string, QuarantineRecord>();
  if (route === undefined || landed.length + deleted.length === 0) {
    return { failed: new Set(), rejected, active: new Map() };
  }
  const { settings, rule } = route;
  const batch = {
    table: { ...table, store: observe(table.store, rejected) },
    settings,
    ...(rule !== undefined && { rule }),
    landed,
    deleted,
    oldest: Math.min(...[...landed, ...deleted].map(({ time }) => time)),
    relativePath: pathsInto(table, engine.config),
  };
  const memory = new FooterMemory(engine.config.footerMemory);
  const { failed } = await appendBatch(engine, batch, undefined, Number.POSITIVE_INFINITY, memory);
  const active = dryRun ? undefined : await activeEtags(engine, table, [...landed, ...deleted]);
  return { failed: new Set(failed), rejected, active };
}

async function activeEtags(engine: TableEngine, table: TableRef, objects: readonly { readonly path: string }[]) {
  const paths = new Set(objects.map(({ path }) => path));
  try {
    const active = await findActive(await loadSnapshot(table, engine.reader), engine.reader, paths);
    return new Map([...active].map(([path, add]) => [path, versionOf(add).etag]));
  } catch (error) {
    // None of them made a table.
    if (isDeltaError(error, 'TABLE_NOT_FOUND')) return new Map<string, string | undefined>();
    throw error;
  }
}

/** Notes the records that are written for files that do not fit. */
function observe(store: ObjectStore, rejected: Map<string, QuarantineRecord>): ObjectStore {
  return {
    get: (key, options) => store.get(key, options),
    head: (key) => store.head(key),
    put: (key, body) => store.put(key, body),
    putStream: (key, pieces) => store.putStream(key, pieces),
    delete: (key) => store.delete(key),
    list: (prefix, options) => store.list(prefix, options),
    async putIfAbsent(key, body) {
      if (key.includes(`${QUARANTINE_DIR}/`)) {
        const record: QuarantineRecord = JSON.parse(new TextDecoder().decode(body));
        rejected.set(record.path, record);
      }
      return store.putIfAbsent(key, body);
    },
  };
}

function outcomeOf(
  look: { readonly hasRoute: boolean; readonly object: LandedObject | undefined; readonly isDeleted: boolean },
  path: string,
  { failed, rejected, active }: Tried,
): RetryOutcome {
  if (failed.has(path)) return 'failed';
  if (rejected.has(path)) return 'rejected';
  if (look.object === undefined) return look.isDeleted && active?.has(path) === true ? 'left' : 'gone';
  if (!look.hasRoute) return 'left';
  if (active === undefined) return 'added';
  // Files of other writers have no etag.
  const isIn = active.has(path) && (active.get(path) ?? look.object.etag) === look.object.etag;
  return isIn ? 'added' : 'left';
}

async function settle(
  { now }: TableEngine,
  table: TableRef,
  { key, record }: StoredRecord,
  object: LandedObject | undefined,
  { outcome, rejection }: { readonly outcome: RetryOutcome; readonly rejection: QuarantineRecord | undefined },
): Promise<void> {
  if (outcome === 'added' || outcome === 'gone') return table.store.delete(key);
  if (rejection === undefined) return;
  const again: QuarantineRecord = {
    ...rejection,
    quarantinedAt: record.quarantinedAt,
    retries: (record.retries ?? 0) + 1,
    retriedAt: new Date(now()).toISOString(),
  };
  const target = object === undefined ? key : quarantineKey(table, object);
  await table.store.put(target, new TextEncoder().encode(`${JSON.stringify(again, null, 2)}\n`));
  // The object was written anew since: the record is of that version now.
  if (target !== key) await table.store.delete(key);
}
