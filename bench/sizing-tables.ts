import {
  Bool,
  type DataType,
  Field,
  Int32,
  Int64,
  List,
  Map_,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableToIPC,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';
import { Table as WasmTable, writeParquet } from 'parquet-wasm';
import type { Action } from '../src/delta/actions.ts';
import { serializeCommit } from '../src/delta/commit-file.ts';
import { commitKey, logKey, versionName } from '../src/delta/log-path.ts';
import { newTableActions } from '../src/delta/new-table.ts';
import type { TableRef } from '../src/delta/table.ts';

/** Actions that are serialised or encoded at a time. */
const BATCH = 50_000;

/** A table whose past is a checkpoint of this many files, as Spark leaves it: the checkpoint, its commit and the hint. */
export async function putCheckpointedTable(table: TableRef, files: number): Promise<void> {
  const version = 10;
  await table.store.put(logKey(table, `${versionName(version)}.checkpoint.parquet`), checkpointOf(files));
  await table.store.put(
    commitKey(table, version),
    serializeCommit([{ commitInfo: { timestamp: 0, operation: 'WRITE' } }]),
  );
  await table.store.put(logKey(table, '_last_checkpoint'), Buffer.from(JSON.stringify({ version, size: files + 2 })));
}

/** A table of one commit with this many files, as Spark's `CONVERT TO DELTA` leaves it. */
export async function putConvertedTable(table: TableRef, files: number): Promise<void> {
  const parts = [serializeCommit(creation())];
  for (let start = 0; start < files; start += BATCH)
    parts.push(serializeCommit(adds(start, Math.min(start + BATCH, files))));
  await table.store.put(commitKey(table, 0), Buffer.concat(parts));
}

function creation(): readonly Action[] {
  return newTableActions({
    schema: {
      type: 'struct',
      fields: ['request_id', 'ds'].map((name) => ({ name, type: 'string', nullable: true, metadata: {} })),
    },
    partitionColumns: ['ds'],
    configuration: {},
    id: crypto.randomUUID(),
    createdTime: 0,
  });
}

function adds(start: number, end: number): Action[] {
  return Array.from({ length: end - start }, (_, index) => ({
    add: {
      path: `ds=2026-11-23/part-${start + index}-c000.snappy.parquet`,
      partitionValues: { ds: '2026-11-23' },
      size: 1_000_000,
      modificationTime: 0,
      dataChange: true,
      stats: '{"numRecords":1000}',
    },
  }));
}

const TEXT_MAP = new Map_(
  new Field(
    'key_value',
    new Struct<{ key: Utf8; value: Utf8 }>([new Field('key', new Utf8(), false), new Field('value', new Utf8(), true)]),
    false,
  ),
);
const ROW = struct({
  protocol: struct({ minReaderVersion: new Int32(), minWriterVersion: new Int32() }),
  metaData: struct({
    id: new Utf8(),
    format: struct({ provider: new Utf8(), options: TEXT_MAP }),
    schemaString: new Utf8(),
    partitionColumns: new List(new Field('element', new Utf8(), true)),
    configuration: TEXT_MAP,
    createdTime: new Int64(),
  }),
  add: struct({
    path: new Utf8(),
    partitionValues: TEXT_MAP,
    size: new Int64(),
    modificationTime: new Int64(),
    dataChange: new Bool(),
    stats: new Utf8(),
  }),
});

function struct(fields: Readonly<Record<string, DataType>>): Struct {
  return new Struct(Object.entries(fields).map(([name, type]) => new Field(name, type, true)));
}

function checkpointOf(files: number): Uint8Array {
  const schema = new Schema(ROW.children);
  const batches: RecordBatch[] = [];
  for (let start = 0; start < files; start += BATCH) {
    const actions = [...(start === 0 ? creation() : []), ...adds(start, Math.min(start + BATCH, files))];
    for (const data of vectorFromArray(
      actions.map((action) => ({ ...NO_ACTION, ...arrowValue(action) })),
      ROW,
    ).data)
      batches.push(new RecordBatch(schema, data));
  }
  return writeParquet(WasmTable.fromIPCStream(tableToIPC(new Table(schema, batches), 'stream')));
}

/** Arrow's builders take null, and not undefined, for what is not there. */
const NO_ACTION = { protocol: null, metaData: null, add: null };

/** Arrow's builders take 64-bit numbers as bigints and maps as maps. */
function arrowValue(value: object): object {
  const entries = Object.entries(value).map(([name, field]) => [name, arrowField(name, field)]);
  return Object.fromEntries(entries);
}

function arrowField(name: string, value: unknown): unknown {
  if (typeof value === 'number') return name.startsWith('min') ? value : BigInt(value);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return MAPS.has(name) ? new Map(Object.entries(value)) : arrowValue(value);
}

const MAPS: ReadonlySet<string> = new Set(['partitionValues', 'configuration', 'options']);
