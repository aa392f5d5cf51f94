import type { DeletionVector } from './actions.ts';
import { DeltaError } from './errors.ts';
import type { TableRef } from './table.ts';

/**
 * The identity of a logical file in a log (PROTOCOL.md "Add File": path and deletion vector together).
 * Only one action with it may stand in a commit, and of several in the log the newest holds.
 */
export type FileId = string;

/**
 * The `path` of an action for an object's key relative to the table's root.
 *
 * Every segment is percent-encoded to RFC 2396's letters, digits, `-_.~` and `=`, stricter than needed, because readers
 * differ in what they take unencoded. Throws `INVALID_SCHEMA` for a key that is not valid Unicode.
 */
export function encodePath(relativeKey: string): string {
  try {
    return relativeKey.split('/').map(encodeSegment).join('/');
  } catch (cause) {
    throw new DeltaError(
      'INVALID_SCHEMA',
      `The key ${JSON.stringify(relativeKey)} is not valid Unicode`,
      {},
      { cause },
    );
  }
}

/**
 * Decodes the `path` of an action exactly once; a `+` stays a plus sign. Characters that a writer left unencoded
 * (Spark: all non-ASCII ones) are taken as they are. Throws `CORRUPT_LOG` for a malformed percent sequence.
 */
export function decodePath(path: string): string {
  if (!path.includes('%')) return path;
  try {
    return decodeURIComponent(path);
  } catch (cause) {
    throw new DeltaError('CORRUPT_LOG', `The path "${path}" is not a valid URI`, { path }, { cause });
  }
}

/**
 * One spelling for each file, whatever the writer: the decoded key relative to the table's root, also for absolute
 * URIs under the root (`s3a:` and `s3n:` are `s3:`). A file elsewhere (shallow clone) stays an absolute, decoded URI.
 */
export function canonicalPath(table: Pick<TableRef, 'url'>, loggedPath: string): string {
  if (!loggedPath.startsWith('/') && !SCHEME.test(loggedPath)) return decodePath(loggedPath);

  const root = parseLocation(table.url);
  const file = parseLocation(loggedPath, root);
  if (file === undefined) return decodePath(loggedPath);
  const path = decodePath(file.path);
  if (root !== undefined && file.scheme === root.scheme && file.authority === root.authority) {
    const folder = root.path.endsWith('/') ? root.path : `${root.path}/`;
    if (path.startsWith(folder)) return path.slice(folder.length);
  }
  return `${file.scheme}://${file.authority}${path}`;
}

/**
 * The name of a file that a compaction writes. By it the append function tells such a file from one that landed: its event
 * may come before the commit that replaces the small files by it.
 */
export function compactedFileName(uuid: string): string {
  return `${COMPACTED_PREFIX}${uuid}.zstd.parquet`;
}

/** The name of a file that rows of small files outside of the table are merged into, before they come into it. */
export function mergedFileName(uuid: string): string {
  return `${MERGED_PREFIX}${uuid}.zstd.parquet`;
}

/** The name of a file that a step writes, which makes its table from others. */
export function stepFileName(uuid: string): string {
  return `${STEP_PREFIX}${uuid}.zstd.parquet`;
}

/** Whether a key or path is that of a file that a compaction, a merge or a step wrote, which commits it itself. */
export function isCompactedFile(path: string): boolean {
  const name = path.lastIndexOf('/') + 1;
  return OWN_PREFIXES.some((prefix) => path.startsWith(prefix, name));
}

const COMPACTED_PREFIX = 'resaca-compacted-';
const MERGED_PREFIX = 'resaca-merged-';
const STEP_PREFIX = 'resaca-step-';
const OWN_PREFIXES = [COMPACTED_PREFIX, MERGED_PREFIX, STEP_PREFIX];

/** The identity of a file from its canonical path and its deletion vector. */
export function fileId(path: string, dv?: DeletionVector): FileId {
  return dv === undefined ? path : `${path}\0${deletionVectorId(dv)}`;
}

/** PROTOCOL.md "Deletion Vector Descriptor Schema", derived field `uniqueId`. */
function deletionVectorId(dv: DeletionVector): string {
  const offset = dv.offset === undefined ? '' : `@${dv.offset}`;
  return `${dv.storageType}${dv.pathOrInlineDv}${offset}`;
}

/** encodeURIComponent leaves five characters that RFC 3986 reserves; `=` stays readable, as every writer leaves it in `name=value`. */
function encodeSegment(segment: string): string {
  return encodeURIComponent(segment)
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%3D', '=');
}

/** A place as a URI names it; `path` starts with a slash and is as written. */
interface Location {
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
}

const SCHEME = /^[a-zA-Z][a-zA-Z0-9+.-]*:/;
const ABSOLUTE_URI = /^([a-zA-Z][a-zA-Z0-9+.-]*):(?:\/\/([^/]*))?(\/.*)?$/s;
const S3_SCHEMES = new Set(['s3', 's3a', 's3n']);

/** Parses `scheme://authority/path`, `scheme:/path`, or an absolute path, which lies where `base` lies. */
function parseLocation(uri: string, base?: Location): Location | undefined {
  if (uri.startsWith('/')) return { scheme: base?.scheme ?? 'file', authority: base?.authority ?? '', path: uri };
  const [matched, scheme = '', authority = '', path = '/'] = ABSOLUTE_URI.exec(uri) ?? [];
  if (matched === undefined) return undefined;
  const normalised = scheme.toLowerCase();
  return { scheme: S3_SCHEMES.has(normalised) ? 's3' : normalised, authority, path };
}
