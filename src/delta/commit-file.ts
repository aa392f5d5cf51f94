import { isStoreError, type StoredObject } from '../storage/object-store.ts';
import { InvalidAction, type LogAction, parseAction } from './action-parser.ts';
import type { Action, CommitInfo } from './actions.ts';
import { DeltaError } from './errors.ts';
import type { CommitFile } from './log-segment.ts';
import type { TableRef } from './table.ts';

/** One version's changes. */
export interface Commit {
  readonly version: number;
  /** Time of the commit, ms since the epoch: its in-commit timestamp if it carries one, else `modified`. */
  readonly timestamp: number;
  /** Time at which the object was written, ms since the epoch. */
  readonly modified: number;
  /** In the order of the file. */
  readonly actions: readonly Action[];
  /** Of the object, bytes; where the commit was read from the log, or written by us. */
  readonly size?: number;
  /** Of the object, where the commit was read from the log. */
  readonly etag?: string;
}

/** Where bytes of the log come from, for messages. */
export interface LogFileContext {
  readonly table: TableRef;
  readonly version: number;
  /** Given for anything but the commit of `version` itself. */
  readonly key?: string;
}

/** The actions of a commit's bytes (NDJSON), in order. Throws `CORRUPT_LOG` naming the line. */
export function parseCommit(bytes: Uint8Array, context: LogFileContext): Action[] {
  const actions: Action[] = [];
  for (const action of parseActions(bytes, context)) {
    if (!('sidecar' in action)) actions.push(action);
  }
  return actions;
}

export interface ParseOptions {
  /** Pass over the lines that only hold a file action, unparsed. @default false */
  readonly controlOnly?: boolean;
}

/** The actions of a log file, each parsed when it is asked for, so that a large file is never held as objects. */
export function* parseActions(
  bytes: Uint8Array,
  context: LogFileContext,
  { controlOnly = false }: ParseOptions = {},
): Generator<LogAction, void, undefined> {
  let lineNumber = 0;
  for (let start = 0; start < bytes.length; ) {
    const newline = bytes.indexOf(LINE_FEED, start);
    const end = newline === -1 ? bytes.length : newline;
    lineNumber += 1;
    if (!(controlOnly && isFileLine(bytes, start, end))) {
      const action = parseLine(bytes.subarray(start, end), lineNumber, context);
      if (action !== undefined) yield action;
    }
    start = end + 1;
  }
}

/** The bytes of a commit: one JSON line an action. */
export function serializeCommit(actions: readonly Action[]): Uint8Array {
  return Buffer.from(actions.map((action) => `${JSON.stringify(action)}\n`).join(''));
}

/** Reads one commit. Throws the store's `NOT_FOUND` if it is not there, `CORRUPT_LOG` if it cannot be parsed. */
export async function readCommit(table: TableRef, file: Pick<CommitFile, 'version' | 'key'>): Promise<Commit> {
  return toCommit(table, file.version, await table.store.get(file.key));
}

/** A commit from its object. */
export function toCommit(table: TableRef, version: number, object: StoredObject): Commit {
  const actions = parseCommit(object.body, { table, version });
  const { modified, size, etag } = object;
  return { version, timestamp: inCommitTimestampOf(actions) ?? modified, modified, actions, size, etag };
}

/**
 * Reads only the commit's first line, where a table with in-commit timestamps has its `commitInfo` (PROTOCOL.md
 * "Writer Requirements for In-Commit Timestamps"). Undefined if another action stands there.
 */
export async function readCommitInfo(
  table: TableRef,
  file: Pick<CommitFile, 'version' | 'key' | 'size'>,
): Promise<CommitInfo | undefined> {
  if (file.size === 0) return undefined;
  let object = await table.store.get(file.key, { range: { start: 0, end: FIRST_LINE_BYTES } });
  if (object.size > object.body.length && !object.body.includes(LINE_FEED)) object = await table.store.get(file.key);
  const first = parseActions(object.body, { table, version: file.version }).next().value;
  return first !== undefined && 'commitInfo' in first ? first.commitInfo : undefined;
}

/** The in-commit timestamp that a commit's actions carry, ms since the epoch. */
export function inCommitTimestampOf(actions: readonly Action[]): number | undefined {
  return actions.find((action) => 'commitInfo' in action)?.commitInfo.inCommitTimestamp;
}

/** A listed file of the log; `version` is for messages. */
export interface LogFile {
  readonly key: string;
  readonly version: number;
  /** Bytes, if known. */
  readonly size?: number;
}

/**
 * Gets log files, several at a time and so that little is held at once, and hands them out in the given order.
 * The first requests start at once. Throws `LOG_GAP` for a file that is gone.
 */
export function getInOrder<File extends LogFile>(
  table: TableRef,
  files: readonly File[],
): AsyncIterable<{ readonly file: File; readonly object: StoredObject }> {
  const started: { readonly file: File; readonly size: number; readonly object: Promise<StoredObject> }[] = [];
  let next = 0;
  let bytes = 0;

  function startMore(): void {
    for (let file = files[next]; file !== undefined; file = files[next]) {
      const size = file.size ?? 0;
      if (started.length > 0 && (started.length >= MAX_CONCURRENT_GETS || bytes + size > MAX_BYTES_AHEAD)) return;
      const object = getListed(table, file);
      // A caller that stops early leaves requests behind; their failures are nobody's.
      object.catch(() => undefined);
      started.push({ file, size, object });
      bytes += size;
      next += 1;
    }
  }

  async function* handOut() {
    for (let first = started.shift(); first !== undefined; first = started.shift()) {
      const object = await first.object;
      bytes -= first.size;
      startMore();
      yield { file: first.file, object };
    }
  }

  startMore();
  return handOut();
}

/** Latency of an object store is hidden well by this many requests; more would only hold memory. */
const MAX_CONCURRENT_GETS = 16;
/** Bytes of commits held that were asked for ahead of their turn. */
const MAX_BYTES_AHEAD = 32 * 1024 * 1024;
/** Bytes; a `commitInfo` is mostly some hundreds of bytes, rarely (long predicates) some thousands. */
const FIRST_LINE_BYTES = 64 * 1024;

async function getListed(table: TableRef, { key, version }: LogFile): Promise<StoredObject> {
  try {
    return await table.store.get(key);
  } catch (cause) {
    if (!isStoreError(cause, 'NOT_FOUND')) throw cause;
    const message = `The log of ${table.url} lost version ${version} while it was read: ${key} is gone`;
    throw new DeltaError('LOG_GAP', message, { table: table.url, version, key, missing: `${version}` }, { cause });
  }
}

const LINE_FEED = 0x0a;
const FILE_LINES = ['{"add":', '{"remove":', '{"cdc":'].map((start) => Buffer.from(start));
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Whether a line starts as every writer starts a file action. One written otherwise is parsed like the rest. */
function isFileLine(bytes: Uint8Array, start: number, end: number): boolean {
  return FILE_LINES.some(
    (prefix) => end - start > prefix.length && prefix.every((byte, index) => bytes[start + index] === byte),
  );
}

function parseLine(line: Uint8Array, lineNumber: number, context: LogFileContext): LogAction | undefined {
  const json = parseJson(line, lineNumber, context);
  try {
    return json === undefined ? undefined : parseAction(json);
  } catch (cause) {
    throw cause instanceof InvalidAction ? corruptLine(cause.message, lineNumber, context, cause) : cause;
  }
}

/** Undefined for an empty line. */
function parseJson(line: Uint8Array, lineNumber: number, context: LogFileContext): unknown {
  try {
    const text = utf8.decode(line);
    return text.trim() === '' ? undefined : JSON.parse(text);
  } catch (cause) {
    throw corruptLine('it is not JSON in UTF-8', lineNumber, context, cause);
  }
}

function corruptLine(problem: string, line: number, { table, version, key }: LogFileContext, cause: unknown) {
  const where = key === undefined ? `version ${version}` : key;
  return new DeltaError(
    'CORRUPT_LOG',
    `Line ${line} of ${where} of ${table.url} is malformed: ${problem}`,
    { table: table.url, version, line, ...(key === undefined ? {} : { key }) },
    { cause },
  );
}
