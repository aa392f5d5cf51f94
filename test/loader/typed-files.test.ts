import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { crc32, deflateRawSync, gzipSync, zstdCompressSync } from 'node:zlib';
import avro from 'avsc';
import { typeName } from '../../src/delta/schema.ts';
import { RowWriter } from '../../src/parquet/write/row-writer.ts';
import { parquet, rowsOf } from '../support/landing.ts';
import { createLoadWorld, type LoadWorld, loaded } from '../support/load-world.ts';

const SCHEMA = {
  type: 'record',
  name: 'r',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'name', type: ['null', 'string'] },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-micros' } },
    { name: 'tags', type: { type: 'array', items: 'string' } },
    { name: 'raw', type: 'bytes' },
  ],
} as const;

interface AvroRow {
  readonly id: number;
  readonly name: string | null;
  readonly at: number;
  readonly tags: readonly string[];
  readonly raw: Buffer;
}

const avroRows = (first: number, count: number): AvroRow[] =>
  Array.from({ length: count }, (_, index) => ({
    id: first + index,
    name: index % 3 === 0 ? null : `n${index}`,
    at: 1_795_500_000_000_000 + index,
    tags: ['a', `t${index}`],
    raw: Buffer.of(index & 255),
  }));

const type = avro.Type.forSchema(SCHEMA as unknown as avro.Schema, { wrapUnions: false } as never);
const SYNC = Buffer.alloc(16, 7);

function long(value: number): Buffer {
  return avro.Type.forSchema('long').toBuffer(value);
}

function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([long(bytes.length), bytes]);
}

const PACK: Readonly<Record<string, (data: Buffer) => Buffer>> = {
  null: (data) => data,
  deflate: (data) => deflateRawSync(data),
  zstandard: (data) => zstdCompressSync(data),
  // One literal, and the checksum.
  snappy: (data) => {
    const size = varint(data.length);
    const head = Buffer.alloc(5);
    head.writeUInt8(63 << 2, 0);
    head.writeUInt32LE(data.length - 1, 1);
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc32(data), 0);
    return Buffer.concat([size, head, data, sum]);
  },
};

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}

function header(codec: string, schema: string = JSON.stringify(SCHEMA)): Buffer {
  return Buffer.concat([
    Buffer.from('Obj\u0001', 'latin1'),
    long(2),
    text('avro.schema'),
    text(schema),
    text('avro.codec'),
    text(codec),
    long(0),
    SYNC,
  ]);
}

function block(codec: string, rows: readonly AvroRow[], count = rows.length): Buffer {
  const data = (PACK[codec] ?? PACK.null ?? assert.fail())(Buffer.concat(rows.map((row) => type.toBuffer(row))));
  return Buffer.concat([long(count), long(data.length), data, SYNC]);
}

function avroFile(codec: string, ...blocks: readonly (readonly AvroRow[])[]): Buffer {
  return Buffer.concat([header(codec), ...blocks.map((rows) => block(codec, rows))]);
}

async function types(world: LoadWorld): Promise<string[]> {
  return (await world.schema()).fields.map((field) => `${field.name} ${typeName(field.type)}`);
}

const ids = async (world: LoadWorld) => (await world.rows()).map(({ id }) => Number(id)).sort((a, b) => a - b);

describe('Avro files become rows', () => {
  for (const codec of Object.keys(PACK)) {
    it(`of the codec ${codec}`, async () => {
      const world = await loaded('in/a.avro', avroFile(codec, avroRows(0, 100), avroRows(100, 50)));
      const rows = await world.rows();
      assert.equal(rows.length, 150);
      assert.deepEqual(await types(world), [
        'id long',
        'name string',
        'at timestamp',
        'tags array<string>',
        'raw binary',
      ]);
      assert.deepEqual(rows[101], {
        id: 101n,
        name: 'n1',
        at: new Date(1_795_500_000_000),
        tags: ['a', 't1'],
        raw: Uint8Array.of(1),
      });
    });
  }

  it('converted to the types of the table, in its partitions', async () => {
    const world = createLoadWorld({
      rule: { columns: { id: 'decimal(12,0)' }, partitionBy: [{ name: 'name' }] },
      append: { tables: [{ prefix: 'lake/t', partitionColumns: [{ name: 'name' }] }] },
    });
    await world.run(await world.put('in/a.avro', gzipSync(avroFile('deflate', avroRows(0, 4)))));
    await world.append();
    assert.deepEqual(
      (await world.rows()).map(({ id, name }) => [Number(id), name]),
      [
        [0, null],
        [3, null],
        [1, 'n1'],
        [2, 'n2'],
      ],
    );
    assert.deepEqual((await types(world))[0], 'id decimal(12,0)');
  });

  it('over several invocations, from the middle of a block', async () => {
    const body = avroFile('deflate', avroRows(0, 20_000), avroRows(20_000, 1), avroRows(20_001, 9_999));
    const world = createLoadWorld({ config: { partRows: 5_000 }, pace: 4_000 });
    const invocations = await world.run(await world.put('in/a.avro', body), 30_000);
    assert.ok(invocations > 1, `${invocations}`);
    await world.append();
    assert.deepEqual(
      await ids(world),
      Array.from({ length: 30_000 }, (_, id) => id),
    );
  });

  const whole = avroFile('null', avroRows(0, 10));
  const damaged = Buffer.from(whole);
  damaged.writeUInt8(8, whole.length - 1);
  const cases: readonly (readonly [string, Uint8Array, string, RegExp])[] = [
    ['no Avro', Buffer.from('{"a":1}'), 'INVALID_FILE', /does not begin as an Avro/],
    ['nothing', Buffer.alloc(0), 'INVALID_FILE', /does not begin as an Avro/],
    ['one cut off', whole.subarray(0, whole.length - 20), 'INVALID_FILE', /ends early/],
    ['another marker', damaged, 'INVALID_FILE', /does not end with the marker/],
    ['another codec', avroFile('bzip2', []), 'UNSUPPORTED_FILE', /its codec is "bzip2"/],
    ['a schema that is none', header('null', '{"type":"thing"}'), 'INVALID_FILE', /its schema cannot be read/],
    [
      'rows that are not there',
      Buffer.concat([header('null'), block('null', avroRows(0, 2), 3)]),
      'INVALID_FILE',
      /row 3, in the block/,
    ],
    [
      'far too many rows',
      Buffer.concat([header('null'), block('null', avroRows(0, 2), 2 ** 50)]),
      'INVALID_FILE',
      /claims 1125899906842624 rows/,
    ],
    [
      'a large block',
      Buffer.concat([header('null'), long(1), long(2 ** 40)]),
      'TOO_LARGE',
      /expected at most 100000 bytes/,
    ],
    [
      'a bomb',
      Buffer.concat([header('deflate'), long(1), text(deflateRawSync(Buffer.alloc(1e7))), SYNC]),
      'TOO_LARGE',
      /expected at most 100000/,
    ],
    [
      'a bad deflate',
      Buffer.concat([header('deflate'), long(1), text('xxxx'), SYNC]),
      'INVALID_FILE',
      /deflate of the block/,
    ],
    [
      'a bad snappy',
      Buffer.concat([header('snappy'), long(1), text('xx'), SYNC]),
      'INVALID_FILE',
      /snappy of the block/,
    ],
  ];
  for (const [name, body, reason, detail] of cases) {
    it(`and a damaged one goes to quarantine: ${name}`, async () => {
      const world = createLoadWorld({ config: { maxLineBytes: 100_000 } });
      await world.run(await world.put('in/a.avro', body));
      const [record] = await world.quarantined();
      assert.equal(record?.reason, reason);
      assert.match(record?.detail ?? '', detail);
      assert.deepEqual(await world.keys('lake/t/resaca'), []);
    });
  }
});

describe('Parquet files of another schema become rows', () => {
  const rule = { format: 'parquet' };

  it('cast to the types of the table', async () => {
    const world = createLoadWorld({ rule: { ...rule, columns: { id: 'decimal(10,1)', name: 'string' } } });
    await world.run(await world.put('in/a.parquet', parquet(rowsOf(1, 3))));
    await world.append();
    assert.deepEqual(await types(world), ['id decimal(10,1)', 'name string']);
    const other = parquet([{ ID: '4.5', extra: true }], { ID: 'string', extra: 'boolean' });
    await world.run(await world.put('in/b.parquet', other));
    await world.append();
    const rows = (await world.rows()).sort((a, b) => Number(a.id) - Number(b.id));
    assert.deepEqual(rows.at(-1), { id: 4.5, name: null, extra: true });
    assert.deepEqual(
      rows.map(({ id }) => id),
      [1, 2, 3, 4.5],
    );
  });

  it('with every type', async () => {
    const field = (name: string, of: object | string) => ({ name, type: of, nullable: true, metadata: {} });
    const schema = {
      type: 'struct',
      fields: [
        field('byte', 'byte'),
        field('int', 'integer'),
        field('long', 'long'),
        field('float', 'float'),
        field('double', 'double'),
        field('bool', 'boolean'),
        field('text', 'string'),
        field('bytes', 'binary'),
        field('day', 'date'),
        field('at', 'timestamp'),
        field('dec', 'decimal(38,2)'),
        field('list', { type: 'array', elementType: 'long', containsNull: true }),
        field('map', { type: 'map', keyType: 'string', valueType: 'double', valueContainsNull: true }),
        field('struct', { type: 'struct', fields: [field('x', 'long'), field('y', 'boolean')] }),
      ],
    };
    const writer = new RowWriter(schema as never);
    const big = -(2n ** 63n);
    const values = [
      -1,
      7,
      big,
      0.5,
      -0.1,
      true,
      'ä',
      Uint8Array.of(0, 255),
      20_000,
      1_795_500_000_000_001,
      -123_456_789_012_345_678_901_234_567_890n,
      [1, null, 3],
      [['k', 1.5]],
      { x: 9, y: false },
    ] as const;
    writer.append(values as never);
    writer.append(schema.fields.map(() => null));
    const file = await writer.finish();
    const direct = await loaded('lake/t/a.parquet', file);
    const cast = await loaded('in/a.parquet', file, { rule });
    assert.deepEqual(await types(cast), await types(direct));
    assert.deepEqual(await cast.rows(), await direct.rows());
    assert.equal((await cast.rows()).length, 2);
  });

  it('over several invocations, and several row groups', async () => {
    const rows = rowsOf(0, 30_000);
    const body = parquet(rows, undefined, { rowGroupSize: 7_000 });
    const world = createLoadWorld({ rule, config: { partRows: 5_000 }, pace: 4_000 });
    const invocations = await world.run(await world.put('in/a.parquet', body), 30_000);
    assert.ok(invocations > 1, `${invocations}`);
    await world.append();
    assert.deepEqual(
      await ids(world),
      rows.map(({ id }) => id),
    );
  });

  it('or go to quarantine where they are damaged', async () => {
    const world = createLoadWorld({ rule });
    await world.run(await world.put('in/a.parquet', parquet(rowsOf(1, 3)).subarray(0, 50)));
    await world.run(await world.put('in/b.parquet', ''));
    assert.deepEqual(
      (await world.quarantined()).map(({ reason }) => reason),
      ['INVALID_FILE', 'INVALID_FILE'],
    );
  });
});
