import type { DeletionVector } from '../../delta/actions.ts';
import { isDeltaError } from '../../delta/errors.ts';
import { type PartitionType, partitionColumnsOf, partitionValue } from '../../delta/partition.ts';
import { type DeletedRows, readDeletionVector } from '../../maintenance/optimize/deletion-vector.ts';
import { DeletionVectorError } from '../../maintenance/optimize/deletion-vector-error.ts';
import type { Relation, RelationFile } from '../engine.ts';
import type { Database } from './duckdb.ts';
import { type InputFile, unreadable } from './input-files.ts';
import { quoteText } from './sql-text.ts';
import { duckDbType } from './types.ts';

/** The column that tells what happened to a row (PROTOCOL.md "Change Data Files"). */
export const CHANGE_TYPE = '_change_type';

/** A file as it stands in a relation; `id` is its place among the relation's files. */
export interface RelationMember {
  readonly id: number;
  readonly file: RelationFile;
  readonly input: InputFile;
}

const INSERTED_ROWS = 1_000;

/**
 * Makes a table with what is the same in all rows of a file: values of partitions and extras. Gives the names of its columns,
 * by those of the relation. Its `file` is the index of the file's name.
 */
export async function createConstants(
  { connection }: Database,
  relation: Relation,
  groups: readonly { readonly id: number; readonly members: readonly RelationMember[] }[],
  name: string,
): Promise<ReadonlyMap<string, string>> {
  const columns = [
    ...partitionColumnsOf(relation.schema, relation.partitionColumns).map((column) => ({
      ...column,
      literal: (file: RelationFile) => partitionLiteral(file, column),
    })),
    ...relation.extras.map((extra) => ({ ...extra, literal: (file: RelationFile) => extraLiteral(file, extra.name) })),
  ];
  const declared = columns.map(({ name, type }, index) => `c${index} ${duckDbType(type, name)}`);
  const ids = ['id INTEGER', 'file INTEGER', '"group" INTEGER'];
  await connection.run(`CREATE TEMP TABLE ${name} (${[...ids, ...declared].join(', ')})`);
  const rows = groups.flatMap(({ id: group, members }) =>
    members.map(({ id, file, input }) => {
      const literals = columns.map(({ literal }) => literal(file));
      return `(${[id, input.index, group, ...literals].join(', ')})`;
    }),
  );
  for (let start = 0; start < rows.length; start += INSERTED_ROWS) {
    await connection.run(`INSERT INTO ${name} VALUES ${rows.slice(start, start + INSERTED_ROWS).join(', ')}`);
  }
  return new Map(columns.map((column, index) => [column.name, `c${index}`]));
}

/** The value of a partition column as SQL (PROTOCOL.md "Partition Value Serialization"). One that is not named is null. */
function partitionLiteral({ table, path, partitionValues }: RelationFile, { name, type }: PartitionType): string {
  const raw = Object.hasOwn(partitionValues, name) ? (partitionValues[name] ?? null) : null;
  try {
    const value = partitionValue(raw, type, name);
    if (value === null) return 'NULL';
    if (type === 'binary') return `encode(${quoteText(value)})`;
    return `CAST(${quoteText(value)} AS ${duckDbType(type, name)})`;
  } catch (error) {
    if (isDeltaError(error, 'INVALID_SCHEMA')) throw unreadable(table, path, error.message, error);
    throw error;
  }
}

function extraLiteral({ constants }: RelationFile, name: string): string {
  const value = Object.hasOwn(constants, name) ? constants[name] : undefined;
  if (value === undefined) return 'NULL';
  return typeof value === 'number' ? String(value) : quoteText(value);
}

/** Makes a table of rows of files: those that are deleted, or, of a difference, those that changed and how. */
export async function createMarks(database: Database, members: readonly RelationMember[], name: string): Promise<void> {
  const marked = members.filter(({ file: { rows } }) => isMarked(rows));
  if (marked.length === 0) return;
  const { connection, duckdb } = database;
  await connection.run(`CREATE TEMP TABLE ${name} (id INTEGER, "row" BIGINT, change VARCHAR)`);
  const appender = await connection.createAppender(name);
  const types = [duckdb.INTEGER, duckdb.BIGINT, duckdb.VARCHAR];
  try {
    for (const { id, file, input } of marked) {
      for (const { rows, change } of await readMarks(file, input.footer.rowCount)) {
        for (const slice of positions(rows, input.footer.rowCount)) {
          const chunk = duckdb.DuckDBDataChunk.create(types, slice.length);
          chunk.setColumns([slice.map(() => id), slice, slice.map(() => change)]);
          appender.appendDataChunk(chunk);
        }
      }
    }
    appender.flushSync();
  } finally {
    appender.closeSync();
  }
}

function isMarked(rows: RelationFile['rows']): boolean {
  return rows.kind === 'difference' || (rows.kind === 'all' && rows.deletionVector !== undefined);
}

type Marks = readonly { readonly rows: Uint8Array; readonly change: 'delete' | 'insert' }[];

async function readMarks({ table, path, rows }: RelationFile, rowCount: number): Promise<Marks> {
  const read = async (vector: DeletionVector | undefined): Promise<DeletedRows['bits']> =>
    vector === undefined
      ? new Uint8Array(Math.ceil(rowCount / 8))
      : (await readDeletionVector(table, vector, rowCount)).bits;
  try {
    if (rows.kind === 'all') return [{ rows: await read(rows.deletionVector), change: 'delete' }];
    if (rows.kind === 'recorded') return [];
    const [before, after] = [await read(rows.before), await read(rows.after)];
    return [
      { rows: without(after, before), change: 'delete' },
      { rows: without(before, after), change: 'insert' },
    ];
  } catch (error) {
    if (error instanceof DeletionVectorError) throw unreadable(table, path, error.message, error);
    throw error;
  }
}

/** The bits of `bits` that `others` has not. */
function without(bits: Uint8Array, others: Uint8Array): Uint8Array {
  return bits.map((byte, index) => byte & ~(others[index] ?? 0));
}

/** Rows of a chunk (DuckDB's vector size). */
const CHUNK_ROWS = 2_048;

function* positions(bits: Uint8Array, rowCount: number): Generator<bigint[], void> {
  let slice: bigint[] = [];
  for (let row = 0; row < rowCount; row++) {
    const byte = bits[row >> 3] ?? 0;
    if (byte === 0) row |= 7;
    else if (((byte >> (row & 7)) & 1) === 1 && slice.push(BigInt(row)) === CHUNK_ROWS) {
      yield slice;
      slice = [];
    }
  }
  if (slice.length > 0) yield slice;
}
