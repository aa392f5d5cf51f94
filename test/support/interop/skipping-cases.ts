import type { ColumnPath, DataType, PrimitiveType } from '../../../src/delta/schema.ts';
import type { Value } from './engines.ts';
import { struct } from './type-cases.ts';

/** A column of a table of many files, each of which has a small part of the column's values. */
export interface SkippingColumn {
  readonly path: ColumnPath;
  readonly type: PrimitiveType;
  /** For each file, the values in it. */
  readonly files: readonly (readonly (string | null)[])[];
  /** What is compared with, besides every value. */
  readonly others: readonly string[];
}

/** Rows of a file. Where a column has fewer values, the last is repeated. */
export const ROWS_PER_FILE = 3;

const X = 'x'.repeat(31);
const LAST = '\u{10ffff}';

/** Bounds that are hard to say: see the rules for statistics in PROTOCOL.md, "Per-file Statistics". */
export const skippingColumns: readonly SkippingColumn[] = [
  // Statistics hold 32 characters. The bound must stay one where the text is cut, also inside a surrogate pair.
  column(
    'text',
    'string',
    [
      ['', 'a'],
      [`${X}a`, `${X}b`],
      [`${X}bb`, `${X}bc`],
      [`${X}x${LAST}`, `${X}x${LAST.repeat(70)}`],
      [`${X}y\u007f\u007f`, `${X}y😀`],
      ['é'.repeat(40), '日本'.repeat(40)],
      [`${'😀'.repeat(40)}a`, LAST.repeat(70)],
    ],
    `${X}x`,
    `${X}y\u007f`,
    '日本'.repeat(16),
  ),
  column(
    'number',
    'long',
    [
      ['-9223372036854775808', '-9223372036854775807'],
      ['-1', '0'],
      ['9007199254740992', '9007199254740993'],
      ['9223372036854775806', '9223372036854775807'],
    ],
    '9007199254740994',
  ),
  column('small', 'byte', [['-128', '-1'], ['0'], ['1', '127']]),
  column(
    'amount',
    'decimal(9,2)',
    [
      ['-9999999.99', '-10.01'],
      ['-10', '-0.01'],
      ['0', '0.01'],
      ['12.5', '9999999.99'],
    ],
    '-10.02',
  ),
  column(
    'wide',
    'decimal(38,10)',
    [
      ['-9999999999999999999999999999.9999999999', '-9999999999999999999999999999.9999999998'],
      ['-0.0000000001', '0.0000000001'],
      ['1234567890123456789012345678.0123456789', '1234567890123456789012345678.012345679'],
    ],
    '1234567890123456789012345678.0123456788',
  ),
  // Bounds of timestamps are in milliseconds.
  ...(['timestamp', 'timestamp_ntz'] as const).map((type) =>
    column(
      type === 'timestamp' ? 'at' : 'local',
      type,
      [
        ['1899-12-31 23:59:59.999999', '1900-01-01 00:00:00.000001'],
        ['1969-12-31 23:59:59.999001', '1969-12-31 23:59:59.999999'],
        ['2024-03-10 12:34:56.789000', '2024-03-10 12:34:56.789001'],
        ['2024-03-10 12:34:56.789999', '2024-03-10 12:34:56.790001'],
        ['2261-12-31 23:59:59.999999'],
      ],
      '2024-03-10 12:34:56.789500',
    ),
  ),
  column(
    'day',
    'date',
    [
      ['0001-01-01', '1500-02-28'],
      ['1582-10-04', '1582-10-15'],
      ['1969-12-31', '1970-01-01'],
      ['2024-02-29', '9999-12-31'],
    ],
    '2024-03-01',
  ),
  column(
    'ratio',
    'double',
    [
      ['-inf', '-1e+300'],
      ['-0.0', '-0.0'],
      ['0.0', '5e-324'],
      ['1.5', 'nan'],
      ['nan', 'nan'],
      ['1e+300', 'inf'],
    ],
    '0.1',
  ),
  column('share', 'float', [
    ['-3.4028234663852886e+38', '-0.5'],
    ['-0.0', '0.0'],
    ['0.5', 'nan'],
    ['16777216.0', 'inf'],
  ]),
  column('flag', 'boolean', [['false'], ['true'], ['false', 'true']]),
  column('bytes', 'binary', [
    ['0x', '0x00'],
    ['0x7f', '0x80'],
    ['0xff', '0xffff'],
  ]),
  column('nothing', 'string', [[null]], 'a'),
  column('sparse', 'integer', [[null], ['1', null], ['2', '3'], [null]]),
  column('inner.count', 'integer', [['1', '2'], [null], ['3', '4']]),
  column('inner.name', 'string', [['a', 'b'], [null], [`${X}b`, `${X}bb`]]),
];

/** The columns of one file, as the writers take them. `inner` is a struct that is null where all in it is. */
export function fileColumns(file: number): { name: string; type: DataType; values: Value[] }[] {
  const top = skippingColumns.filter(({ path }) => path.length === 1);
  const inner = skippingColumns.filter(({ path }) => path.length === 2);
  const names = inner.map(({ path }) => path[1] ?? '');
  const members = inner.map((column) => fileValues(column, file));
  const structs = Array.from({ length: ROWS_PER_FILE }, (_, row): Value => {
    const fields = members.map((values) => values[row] ?? null);
    return fields.every((value) => value === null)
      ? null
      : Object.fromEntries(names.map((name, i) => [name, fields[i] ?? null]));
  });
  return [
    ...top.map((column) => ({ name: column.path[0] ?? '', type: column.type, values: fileValues(column, file) })),
    {
      name: 'inner',
      type: struct(Object.fromEntries(inner.map(({ type }, i) => [names[i] ?? '', type]))),
      values: structs,
    },
  ];
}

/** The number of files in which every value of every column is. */
export const FILE_COUNT = Math.max(...skippingColumns.map(({ files }) => files.length));

function fileValues({ files }: SkippingColumn, file: number): (string | null)[] {
  const values = files[file % files.length] ?? [];
  return Array.from({ length: ROWS_PER_FILE }, (_, row) => values[Math.min(row, values.length - 1)] ?? null);
}

function column(
  name: string,
  type: PrimitiveType,
  files: SkippingColumn['files'],
  ...others: readonly string[]
): SkippingColumn {
  return { path: name.split('.'), type, files, others };
}
