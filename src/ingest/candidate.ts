import { type TableRef, tableKey } from '../delta/table.ts';
import { isParquetError } from '../parquet/errors.ts';
import type { Footer } from '../parquet/footer.ts';
import { readFooter } from '../parquet/footer-reader.ts';
import { isStoreError, StoreError } from '../storage/object-store.ts';
import { mapConcurrently } from './concurrently.ts';
import type { AppendConfig } from './config.ts';
import { type FooterShare, NoRoomError } from './footer-memory.ts';

/** An object that is to become a file of a table, as its event or a listing tells. */
export interface LandedObject {
  /** Key below the table's root, decoded: the file's canonical path. */
  readonly path: string;
  readonly size: number;
  readonly etag?: string;
  readonly sequencer?: string;
  /** When it was written, ms since the epoch. */
  readonly time: number;
}

/** What a look at the object gave. */
export type Candidate =
  | { readonly kind: 'file'; readonly object: LandedObject; readonly footer: Footer }
  | { readonly kind: 'unreadable'; readonly object: LandedObject; readonly code: string; readonly detail: string }
  | { readonly kind: 'gone'; readonly object: LandedObject }
  /** It could not be looked at; nothing is known of it. */
  | { readonly kind: 'failed'; readonly object: LandedObject; readonly error: StoreError };

/** How often an object that is overwritten under our eyes is looked at again. */
const MAX_LOOKS = 3;

/**
 * Reads the footer of a landed object: one ranged GET for the usual file. If the object was overwritten since its event,
 * the version that is there now is taken, and the event that announces it will be recognised as a duplicate.
 * A failure that says nothing about the file (access, throttling, an archived object) is its own, not the batch's.
 * With `footers`, throws NoRoomError when they leave no room for its own.
 */
export async function readCandidate(
  table: TableRef,
  object: LandedObject,
  maxFooterBytes: number,
  footers?: FooterShare,
): Promise<Candidate> {
  try {
    return await look(table, object, maxFooterBytes, footers);
  } catch (error) {
    if (isStoreError(error)) return { kind: 'failed', object, error };
    throw error;
  }
}

/** Reads the footers of objects, as many as can be held until they are committed; the other objects are postponed. */
export async function readCandidates(
  table: TableRef,
  objects: readonly LandedObject[],
  { footerConcurrency, maxFooterBytes }: Pick<AppendConfig, 'footerConcurrency' | 'maxFooterBytes'>,
  footers: FooterShare,
): Promise<{ readonly candidates: readonly Candidate[]; readonly postponed: readonly LandedObject[] }> {
  const postponed: LandedObject[] = [];
  const looks = await mapConcurrently(objects, footerConcurrency, async (object) => {
    try {
      // Once there is no room, the rest need not be read in vain.
      if (postponed.length === 0) return await readCandidate(table, object, maxFooterBytes, footers);
    } catch (error) {
      if (!(error instanceof NoRoomError)) throw error;
    }
    postponed.push(object);
    return undefined;
  });
  return { candidates: looks.filter((candidate) => candidate !== undefined), postponed };
}

/** What of a table's log is newer than a look at an object. */
export interface LogSinceLook {
  /** The newest commit that says something of the path. */
  lastMention(path: string): number | undefined;
  /** The commit in which this version of the object, or a newer one, was handled. */
  find(path: string, version: LandedObject): number | undefined;
}

/**
 * Looks again at objects of which the log tells something that it did not tell at the last look: another writer may
 * have handled a newer version, which must not be replaced by ours. To be called before each decision.
 */
export function createRecheck(table: TableRef, log: LogSinceLook, maxFooterBytes: number, concurrency: number) {
  const seen = new Map<string, number>();
  return (candidates: readonly Candidate[]): Promise<Candidate[]> =>
    mapConcurrently(candidates, concurrency, async (candidate) => {
      const { object } = candidate;
      const mention = log.lastMention(object.path);
      if (mention === undefined || mention <= (seen.get(object.path) ?? -1)) return candidate;
      if (log.find(object.path, object) !== undefined) return candidate;
      seen.set(object.path, mention);
      return readCandidate(table, object, maxFooterBytes);
    });
}

async function look(
  table: TableRef,
  object: LandedObject,
  maxFooterBytes: number,
  footers: FooterShare | undefined,
): Promise<Candidate> {
  const flaw = keyFlaw(object.path);
  if (flaw !== undefined) return { kind: 'unreadable', object, code: 'INVALID_KEY', detail: flaw };
  const key = tableKey(table, object.path);
  let current = object;
  for (let look = 1; ; look++) {
    try {
      const { size, etag } = current;
      const footer = await readFooter(
        table.store,
        key,
        { size, ...(etag !== undefined && { etag }) },
        { maxFooterBytes, ...(footers !== undefined && { onLength: (bytes) => footers.take(bytes) }) },
      );
      // A copy lets go of the rest of the bytes that the request brought: there may be thousands of candidates.
      return { kind: 'file', object: current, footer: { ...footer, bytes: footer.bytes.slice() } };
    } catch (error) {
      if (isParquetError(error))
        return { kind: 'unreadable', object: current, code: error.code, detail: error.message };
      if (isStoreError(error, 'NOT_FOUND')) return { kind: 'gone', object: current };
      const changed = isStoreError(error, 'PRECONDITION_FAILED') || isStoreError(error, 'INVALID_RANGE');
      if (!changed) throw error;
      if (look === MAX_LOOKS) {
        throw new StoreError('UNAVAILABLE', 'get', key, `overwritten ${look} times while it was read`, {
          cause: error,
        });
      }
    }
    const now = await table.store.head(key);
    if (now === undefined) return { kind: 'gone', object: current };
    current = { path: object.path, size: now.size, etag: now.etag, time: now.modified };
  }
}

/** What keeps readers from finding a file by its key, whatever is in it. */
export function keyFlaw(path: string): string | undefined {
  if (path.includes('//') || path.startsWith('/'))
    return 'the key has an empty segment, which Hadoop readers leave out';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(path))
    return 'the key has control characters, with which delta-rs cannot read the file';
  return undefined;
}
