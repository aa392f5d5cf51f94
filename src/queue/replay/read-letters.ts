import { type ChangeLog, openChangeLog } from '../../cdf/changes/change-log.ts';
import { type ChangeShape, shapeOf } from '../../cdf/changes/change-schema.ts';
import { readChangeFile, UNCHANGED } from '../../cdf/changes/read-file.ts';
import { isThere, plainText, type ValueSettings } from '../../cdf/text/cell-text.ts';
import { jsonText } from '../../cdf/text/json-text.ts';
import type { AddFile } from '../../delta/actions.ts';
import type { CheckpointReader } from '../../delta/checkpoint.ts';
import { canonicalPath } from '../../delta/path.ts';
import { typesEqual } from '../../delta/schema.ts';
import { activeFiles } from '../../delta/snapshot.ts';
import type { TableRef } from '../../delta/table.ts';
import type { RowBatch } from '../../parquet/rewrite/batch.ts';
import type { ColumnSlice } from '../../parquet/write/column.ts';
import { DEAD_MESSAGE_SCHEMA } from '../dead-letters.ts';

/** A message that its table did not take, as a row of the dead letters has it. */
export interface StoredLetter {
  /** Of the message; undefined in a row that somebody else made. */
  readonly id: string | undefined;
  readonly body: string | undefined;
  /** Attributes of the message; those of bytes as base64. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Name of the queue in the configuration. */
  readonly queue: string | undefined;
  readonly code: string | undefined;
  /** Of a message of a FIFO queue. */
  readonly groupId: string | undefined;
  /** When it was rejected, ms since the epoch. */
  readonly ingested: number | undefined;
}

/** A first or last version, both included, whose letters are meant. */
export interface VersionBounds {
  readonly from?: number;
  readonly until?: number;
}

export interface LetterTable {
  readonly log: ChangeLog;
  /** The files with letters, the oldest first. */
  readonly files: readonly AddFile[];
  /** Files that the versions that are meant have added, and which a compaction or a delete has replaced since. */
  readonly replaced: number;
}

/**
 * Finds the files of a table of dead letters that have rows of the versions. Throws `TABLE_NOT_FOUND`, `CHANGES_GONE` for
 * versions that are cleaned up, and the store's errors.
 */
export async function openLetters(
  table: TableRef,
  reader: CheckpointReader,
  versions: (log: ChangeLog) => Promise<VersionBounds>,
): Promise<LetterTable> {
  const log = await openChangeLog(table, reader);
  const { from, until } = await versions(log);
  const active: AddFile[] = [];
  for await (const adds of activeFiles(log.latest, reader)) active.push(...adds);
  active.sort((a, b) => a.modificationTime - b.modificationTime || (a.path < b.path ? -1 : 1));
  if (from === undefined && until === undefined) return { log, files: active, replaced: 0 };
  const added = await addedBy(log, from ?? 0, Math.min(until ?? log.latest.version, log.latest.version));
  const files = active.filter(({ path }) => added.has(canonicalPath(table, path)));
  return { log, files, replaced: added.size - files.length };
}

/** Paths of the files that commits have brought rows with. */
async function addedBy(log: ChangeLog, from: number, until: number): Promise<ReadonlySet<string>> {
  const paths = new Set<string>();
  for await (const { actions } of log.commits(from, until)) {
    for (const action of actions) {
      if ('add' in action && action.add.dataChange) paths.add(canonicalPath(log.latest.table, action.add.path));
    }
  }
  return paths;
}

/** Streams the letters of a file, a few rows at a time. Throws CdfError for one that cannot be read, and the store's errors. */
export async function* readLetterFile(
  { latest }: ChangeLog,
  { path, size, partitionValues, deletionVector }: AddFile,
): AsyncGenerator<readonly StoredLetter[], void> {
  const { table, version } = latest;
  const shape = shapeOf(latest);
  const file = {
    kind: 'whole',
    change: 'insert',
    path: canonicalPath(table, path),
    size,
    partitionValues,
    ...(deletionVector !== undefined && { deletionVector }),
  } as const;
  for await (const batch of readChangeFile({ table, version, shape, checkTime: () => undefined }, file)) {
    const letterAt = letterReader(table, shape, batch);
    const rows = Array.from({ length: batch.rowCount }, (_, row) => row);
    yield rows.filter((row) => batch.changes[row] !== UNCHANGED).map(letterAt);
  }
}

const TEXTS = ['message_id', 'body', 'queue', 'error_code', 'ingested_at', 'group_id'] as const;
const VALUES: ValueSettings = { timestamps: 'epoch-micros', zone: 'UTC', binary: 'base64' };

function letterReader(table: TableRef, shape: ChangeShape, { columns }: RowBatch): (row: number) => StoredLetter {
  const text = (name: string) => {
    const found = columnOf(table, shape, columns, name);
    if (found === undefined) return undefined;
    const cell = plainText(name === 'ingested_at' ? 'timestamp' : 'string', found.values, VALUES);
    return (row: number) => (isThere(found, row) ? cell(row) : undefined);
  };
  const [id, body, queue, code, ingested, group] = TEXTS.map(text);
  const attributes = columnOf(table, shape, columns, 'attributes');
  const attributesAt = attributes && jsonText(typeOf('attributes'), attributes, VALUES);
  return (row) => {
    const micros = ingested?.(row);
    return {
      id: id?.(row),
      body: body?.(row),
      queue: queue?.(row),
      code: code?.(row),
      groupId: group?.(row),
      attributes: textsOf(attributesAt?.(row)),
      ingested: micros === undefined ? undefined : Number(micros) / 1_000,
    };
  };
}

function textsOf(json = 'null'): Readonly<Record<string, string>> {
  const value: Readonly<Record<string, string | null>> = JSON.parse(json) ?? {};
  return Object.fromEntries(Object.entries(value).flatMap(([name, text]) => (text === null ? [] : [[name, text]])));
}

function typeOf(name: string) {
  return DEAD_MESSAGE_SCHEMA.fields.find((field) => field.name === name)?.type ?? 'string';
}

/** Undefined for a column that older tables lack. Throws for a table that is none of a queue's dead letters. */
function columnOf(
  { url }: TableRef,
  { schema }: ChangeShape,
  columns: readonly ColumnSlice[],
  name: string,
): ColumnSlice | undefined {
  const index = schema.fields.findIndex((field) => field.name === name && typesEqual(field.type, typeOf(name)));
  const column = columns[index];
  if (column !== undefined || name === 'group_id') return column;
  const names = schema.fields.map((field) => field.name).join(', ');
  throw new Error(`${url} is no table of a queue's dead letters: it lacks the column "${name}"; it has ${names}`);
}
