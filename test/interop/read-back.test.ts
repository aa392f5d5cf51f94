import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { DataType } from '../../src/delta/schema.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import type { Value } from '../support/interop/engines.ts';
import { createPipeline } from '../support/interop/pipeline.ts';
import { assertRows, enginesOf, findEngines } from '../support/interop/readers.ts';
import { arrayOf, struct } from '../support/interop/type-cases.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const found = await findEngines();
const folder = makeTempFolder();
const store = createFolderStore(folder);

describe('What we append', { skip: found.skip ?? false }, () => {
  it('is read under keys with any character that is legal in a key', async () => {
    const names = [
      'sp ace',
      'plus+',
      'percent%',
      '%20',
      '%2F',
      'hash#',
      'question?',
      'amp&',
      "quote'",
      'double"quote',
      'brackets[](){}<>',
      'back\\slash',
      'star*',
      'pipe|^`~',
      ',;:@!$',
      'é',
      '日本',
      '😀',
      'dots..x',
    ];
    const keys = names.map((name) => `keys/${name}/file ${name}.parquet`);
    for (const [index, key] of keys.entries()) await write(key, [column('id', 'long', String(index))]);
    await createPipeline(store, { tables: [{ prefix: 'keys' }] }).append(...keys);
    const rows = names.map((_, index) => [String(index)]);
    await assertRows(enginesOf(found), join(folder, 'keys'), { columns: ['id'], rows });
  });

  it('is read with the partition values of its path, whatever characters they have', async () => {
    // As Spark escapes them, and as others leave them.
    const values: Readonly<Record<string, string | null>> = {
      'sp ace': 'sp ace',
      'plus+': 'plus+',
      'percent%25': 'percent%',
      'slash%2Fed': 'slash/ed',
      'equals=a': 'equals=a',
      'equals%3Db': 'equals=b',
      "quote'": "quote'",
      'double%22quote': 'double"quote',
      'hash%23': 'hash#',
      'question?': 'question?',
      '%7Bbraces%7D[]': '{braces}[]',
      'colon%3A': 'colon:',
      'back%5Cslash': 'back\\slash',
      'é日本😀': 'é日本😀',
      __HIVE_DEFAULT_PARTITION__: null,
    };
    const keys = Object.keys(values).map((segment) => `values/text=${segment}/day=2024-03-10/file.parquet`);
    for (const [index, key] of keys.entries()) await write(key, [column('id', 'long', String(index))]);
    await createPipeline(store).append(...keys);
    await assertRows(enginesOf(found), join(folder, 'values'), {
      columns: ['id', 'text', 'day'],
      rows: Object.values(values).map((value, index) => [String(index), value, '2024-03-10']),
    });
  });

  it('is read with partition values of every type', async () => {
    const columns: readonly (readonly [name: string, type: string, segment: string, value: string])[] = [
      ['a_byte', 'byte', '-5', '-5'],
      ['a_short', 'short', '0300', '300'],
      ['an_integer', 'integer', '7', '7'],
      ['a_long', 'long', '-9223372036854775808', '-9223372036854775808'],
      ['a_float', 'float', '0.5', '0.5'],
      ['a_double', 'double', '1e300', '1e+300'],
      ['a_boolean', 'boolean', 'TRUE', 'true'],
      ['a_decimal', 'decimal(10,2)', '12.5', '12.5'],
      ['a_date', 'date', '2024-03-10', '2024-03-10'],
      ['a_timestamp', 'timestamp', '2024-03-10 12%3A34%3A56.789', '2024-03-10 12:34:56.789000'],
      ['a_local', 'timestamp_ntz', '2024-03-10T12%3A34%3A56', '2024-03-10 12:34:56.000000'],
      ['a_string', 'string', 'x', 'x'],
    ];
    const key = `typed/${columns.map(([name, , segment]) => `${name}=${segment}`).join('/')}/file.parquet`;
    const nulls = `typed/${columns.map(([name]) => `${name}=__HIVE_DEFAULT_PARTITION__`).join('/')}/file.parquet`;
    await write(key, [column('id', 'long', '1')]);
    await write(nulls, [column('id', 'long', '2')]);
    const partitionColumns = columns.map(([name, type]) => ({ name, type }));
    await createPipeline(store, { tables: [{ prefix: 'typed', partitionColumns }] }).append(key, nulls);
    await assertRows(enginesOf(found), join(folder, 'typed'), {
      columns: ['id', ...columns.map(([name]) => name)],
      rows: [
        ['1', ...columns.map(([, , , value]) => value)],
        ['2', ...columns.map(() => null)],
      ],
    });
  });

  it('is read with the columns that came later, at every level, in any order', async () => {
    const pipeline = createPipeline(store);
    const point = struct({ x: 'integer', y: 'integer' });
    const labelled = struct({ label: 'string', y: 'integer', x: 'integer' });
    await write('evolved/1.parquet', [
      column('id', 'long', '1'),
      column('at', point, { x: '1', y: '2' }),
      column('path', arrayOf(point), [{ x: '3', y: '4' }]),
    ]);
    await pipeline.append('evolved/1.parquet');
    await write('evolved/2.parquet', [
      column('path', arrayOf(labelled), [{ label: 'l', y: '6', x: '5' }]),
      column('note', 'string', 'new'),
      column('at', labelled, { label: 'm', y: '8', x: '7' }),
      column('id', 'long', '2'),
    ]);
    await write('evolved/3.parquet', [
      column('id', 'long', '3'),
      column('when', 'timestamp_ntz', '2024-03-10 00:00:00.000000'),
    ]);
    await write('evolved/4.parquet', [column('id', 'long', '4')]);
    await pipeline.append('evolved/2.parquet', 'evolved/3.parquet');
    await pipeline.append('evolved/4.parquet');

    const withLabel = (x: string, y: string, label: string | null): Value => ({ x, y, label });
    await assertRows(enginesOf(found), join(folder, 'evolved'), {
      columns: ['id', 'at', 'path', 'note', 'when'],
      rows: [
        ['1', withLabel('1', '2', null), [withLabel('3', '4', null)], null, null],
        ['2', withLabel('7', '8', 'm'), [withLabel('5', '6', 'l')], 'new', null],
        ['3', null, null, null, '2024-03-10 00:00:00.000000'],
        ['4', null, null, null, null],
      ],
    });
  });

  it('is read when it has no rows', async () => {
    const empty = { ...column('id', 'long', '1'), values: [] };
    await write('empty/1.parquet', [empty]);
    await write('empty/2.parquet', [column('id', 'long', '1')]);
    await createPipeline(store).append('empty/1.parquet', 'empty/2.parquet');
    await assertRows(enginesOf(found), join(folder, 'empty'), { columns: ['id'], rows: [['1']] });
  });
});

interface Column {
  readonly name: string;
  readonly type: DataType;
  readonly values: readonly Value[];
}

function column(name: string, type: DataType, value: Value): Column {
  return { name, type, values: [value] };
}

async function write(key: string, columns: readonly Column[]): Promise<void> {
  await enginesOf(found).writers.call('write', { path: join(folder, key), columns });
}
