/** Makes the tables that `bench/checkpoint.ts` measures: `node make-table.ts FOLDER FILES KIND`. */
import { randomUUID } from 'node:crypto';
import type { Action, AddFile } from '../../src/delta/actions.ts';
import { serializeCommit } from '../../src/delta/commit-file.ts';
import { commitKey } from '../../src/delta/log-path.ts';
import type { TableRef } from '../../src/delta/table.ts';
import { createRandom, type Random } from '../../src/local/demo/random.ts';
import { checkpointTable } from '../../src/maintenance/checkpoint/checkpoint-table.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';

/** Adds of a commit. */
const ADDS_A_COMMIT = 10_000;
/** 2026-01-01, ms since the epoch. */
const FIRST_TIME = Date.UTC(2026, 0, 1);
const DAYS = 365;

const [folder = '', files = '0', kind = 'classic'] = process.argv.slice(2);
const table: TableRef = { store: createFolderStore(folder), root: '', url: folder };
await makeTable(Number(files), kind === 'v2');
const engine = {
  reader: createCheckpointReader(),
  now: Date.now,
  random: Math.random,
  sleep: async () => {},
};
// The commits alone are a case of their own.
if (kind !== 'commits') await checkpointTable(engine, table);

async function makeTable(count: number, v2: boolean): Promise<void> {
  const random = createRandom(1);
  await table.store.put(commitKey(table, 0), serializeCommit(firstActions(v2)));
  for (let version = 1, made = 0; made < count; version++) {
    const size = Math.min(ADDS_A_COMMIT, count - made);
    const adds = Array.from({ length: size }, (_, index) => ({ add: makeAdd(made + index, count, random) }));
    await table.store.put(commitKey(table, version), serializeCommit(adds));
    made += size;
  }
}

function firstActions(v2: boolean): Action[] {
  const field = (name: string, type: string) => ({ name, type, nullable: true, metadata: {} });
  const fields = [
    field('id', 'long'),
    field('time', 'timestamp'),
    field('name', 'string'),
    field('price', 'double'),
    field('day', 'date'),
  ];
  return [
    {
      protocol: v2
        ? {
            minReaderVersion: 3,
            minWriterVersion: 7,
            readerFeatures: ['v2Checkpoint'],
            writerFeatures: ['v2Checkpoint', 'appendOnly', 'invariants'],
          }
        : { minReaderVersion: 1, minWriterVersion: 2 },
    },
    {
      metaData: {
        id: randomUUID(),
        format: { provider: 'parquet', options: {} },
        schemaString: JSON.stringify({ type: 'struct', fields }),
        partitionColumns: ['day'],
        configuration: v2 ? { 'delta.checkpointPolicy': 'v2' } : {},
        createdTime: FIRST_TIME,
      },
    },
  ];
}

/** Statistics of four columns, as a writer of events has them. */
function makeAdd(index: number, count: number, random: Random): AddFile {
  const time = FIRST_TIME + Math.floor((index / count) * DAYS) * 86_400_000;
  const day = new Date(time).toISOString().slice(0, 10);
  const low = index * 1000;
  const stats = {
    numRecords: 1000,
    minValues: {
      id: low,
      time: new Date(time).toISOString(),
      name: `aaron ${index}`,
      price: round(random.next() * 10),
    },
    maxValues: {
      id: low + 999,
      time: new Date(time + 59_999).toISOString(),
      name: `zoe ${index}`,
      price: round(990 + random.next() * 10),
    },
    nullCount: { id: 0, time: 0, name: Math.floor(random.next() * 100), price: 0 },
  };
  return {
    path: `day=${day}/part-${String(index % 10_000).padStart(5, '0')}-${randomUUID()}.c000.snappy.parquet`,
    partitionValues: { day },
    size: 100_000 + Math.floor(random.next() * 50_000),
    modificationTime: time,
    dataChange: true,
    stats: JSON.stringify(stats),
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
