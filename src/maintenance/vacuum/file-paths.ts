import type { AddFile, DeletionVector, RemoveFile } from '../../delta/actions.ts';
import { DeltaError } from '../../delta/errors.ts';
import { canonicalPath } from '../../delta/path.ts';
import type { TableRef } from '../../delta/table.ts';

/**
 * Everything below a table's root that an action on a file may mean, its deletion vector included: more than one path
 * where it is written in a way that writers and readers took differently. Too many only keep a file.
 */
export function* pathsOf(
  table: Pick<TableRef, 'url'>,
  { path, deletionVector }: Pick<AddFile | RemoveFile, 'path' | 'deletionVector'>,
): Generator<string, void, undefined> {
  yield* spellings(table, path);
  if (deletionVector !== undefined) yield* deletionVectorPaths(table, deletionVector);
}

function* spellings(table: Pick<TableRef, 'url'>, logged: string): Generator<string, void, undefined> {
  const path = canonicalPath(table, logged);
  yield path;
  // Old writers logged keys as they are, percent signs and all.
  if (logged !== path) yield logged;
  if (UNUSUAL.test(path)) {
    const plain = withoutDots(path);
    yield plain;
    if (path.startsWith('/') || path.includes('://')) yield* endsOf(plain);
  }
}

/** Paths that need a closer look: absolute ones, and those with segments that file systems drop. */
const UNUSUAL = /^\/|:\/\/|\/\/|(^|\/)\.{1,2}(\/|$)/;

/** Without `.`, `..` and empty segments, as Hadoop's file systems and local ones read it. */
function withoutDots(path: string): string {
  const kept: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop();
    else if (segment !== '.' && segment !== '') kept.push(segment);
  }
  return kept.join('/');
}

/**
 * All ends of an absolute path. It lies outside the root by its spelling; but a root has many names (links, access points,
 * aliases of a bucket), and any of these ends may be the file's place below it.
 */
function* endsOf(path: string): Generator<string, void, undefined> {
  for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) yield path.slice(slash + 1);
}

const DECODED_UUID_BYTES = 16;
const ENCODED_UUID_LENGTH = 20;

/** PROTOCOL.md "Deletion Vector Descriptor Schema", derived field `absolutePath`. Inline vectors have no file. */
function* deletionVectorPaths(
  table: Pick<TableRef, 'url'>,
  { storageType, pathOrInlineDv }: DeletionVector,
): Generator<string, void, undefined> {
  if (storageType === 'p') yield* spellings(table, pathOrInlineDv);
  if (storageType === 'u') yield relativeVectorPath(table, pathOrInlineDv);
  if (!['p', 'u', 'i'].includes(storageType)) throw malformed(table, `the storage type "${storageType}"`);
}

/** `<prefix><uuid in Z85>` -> `<prefix>/deletion_vector_<uuid>.bin`; the prefix may be empty. */
function relativeVectorPath(table: Pick<TableRef, 'url'>, encoded: string): string {
  const prefix = encoded.slice(0, -ENCODED_UUID_LENGTH);
  const bytes = decodeZ85(encoded.slice(-ENCODED_UUID_LENGTH));
  if (bytes?.length !== DECODED_UUID_BYTES) throw malformed(table, `the path "${encoded}"`);
  const uuid = bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return `${prefix === '' ? '' : `${prefix}/`}deletion_vector_${uuid}.bin`;
}

/** https://rfc.zeromq.org/spec/32 */
const Z85 = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';

function decodeZ85(text: string): Buffer | undefined {
  const bytes = Buffer.alloc((text.length / 5) * 4);
  for (let index = 0; index < text.length; index += 5) {
    let word = 0;
    for (const character of text.slice(index, index + 5)) {
      const digit = Z85.indexOf(character);
      if (digit === -1) return undefined;
      word = word * 85 + digit;
    }
    if (word > 0xffffffff) return undefined;
    bytes.writeUInt32BE(word, (index / 5) * 4);
  }
  return bytes;
}

function malformed({ url }: Pick<TableRef, 'url'>, what: string): DeltaError {
  return new DeltaError('CORRUPT_LOG', `A deletion vector of ${url} has ${what}, which the protocol does not know`, {
    table: url,
  });
}
