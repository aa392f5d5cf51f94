import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import { typeName } from '../../src/delta/schema.ts';
import { createLoadWorld, type LoadWorld, loaded } from '../support/load-world.ts';

const LINES = '{"id":1,"name":"ä€😀","big":9007199254740993,"tags":["a",null],"at":{"x":1.5}}\n{"id":2,"name":null}\n';
const ROWS = [
  { id: 1n, name: 'ä€😀', big: 9_007_199_254_740_993n, tags: ['a', null], at: { x: 1.5 } },
  { id: 2n, name: null, big: null, tags: null, at: null },
];

async function types(world: LoadWorld): Promise<Record<string, string>> {
  const { fields } = await world.schema();
  return Object.fromEntries(fields.map(({ name, type }) => [name, typeName(type)]));
}

describe('JSON lines become rows', () => {
  const gzip = gzipSync(LINES);
  const zstd = zstdCompressSync(LINES);
  const half = LINES.indexOf('\n') + 1;
  const encodings: readonly (readonly [string, string | Uint8Array])[] = [
    ['a.jsonl', LINES],
    ['a.ndjson', LINES],
    ['without-feed.json', LINES.trimEnd()],
    ['crlf.jsonl', `\ufeff\r\n${LINES.replaceAll('\n', '\r\n  \t\r\n')}`],
    ['a.jsonl.gz', gzip],
    ['members.jsonl.gz', Buffer.concat([gzipSync(LINES.slice(0, half)), gzipSync(''), gzipSync(LINES.slice(half))])],
    ['padded.jsonl.gz', Buffer.concat([gzip, Buffer.alloc(100)])],
    ['a.jsonl.zst', zstd],
    ['frames.jsonl.zst', Buffer.concat([zstdCompressSync(LINES.slice(0, half)), zstdCompressSync(LINES.slice(half))])],
    ['not-named-so.jsonl', gzip],
  ];
  for (const [name, body] of encodings) {
    it(`of ${name}`, async () => {
      const world = await loaded(`in/${name}`, body);
      assert.deepEqual(await world.rows(), ROWS);
      assert.deepEqual(await world.quarantined(), []);
      assert.equal((await types(world)).big, 'long');
    });
  }

  it('in the types that a table has, and those that are given', async () => {
    const rule = { columns: { at: 'timestamp', price: 'decimal(10,2)', day: 'date' } };
    const line = '{"at":"2026-11-24T06:00:00.123456Z","price":12.5,"day":"2026-11-24","n":1}\n';
    const world = await loaded('in/a.jsonl', line, { rule });
    assert.deepEqual(await types(world), { at: 'timestamp', price: 'decimal(10,2)', day: 'date', n: 'long' });
    await world.run(await world.put('in/b.jsonl', '{"n":"7","PRICE":"0.10","later":true}\n'));
    await world.append();
    const [, second] = (await world.rows()).sort((a, b) => Number(a.n) - Number(b.n));
    assert.deepEqual([second?.n, second?.price, second?.later, second?.at], [7n, 0.1, true, null]);
  });

  it('also where columns come late, in files of the same source', async () => {
    const early = Array.from({ length: 30_000 }, (_, id) => `{"id":${id}}\n`).join('');
    const world = await loaded('in/a.jsonl', `${early}{"id":30000,"late":"x"}\n`);
    const rows = await world.rows();
    assert.equal(rows.length, 30_001);
    assert.deepEqual(rows.at(-1), { id: 30_000n, late: 'x' });
    assert.equal((await world.keys('lake/t/resaca-loaded-')).length, 2);
  });

  it('and an empty file none', async () => {
    const world = createLoadWorld();
    await world.run(await world.put('in/a.jsonl', ''));
    await world.run(await world.put('in/b.jsonl', '\n\n'));
    assert.deepEqual(await world.quarantined(), []);
    assert.deepEqual(await world.keys('lake/t/resaca'), []);
    assert.equal((await world.keys('lake/t/_resaca/loaded/')).length, 2);
  });
});

describe('rows that do not fit', () => {
  const lines = ['{"id":1}', '{"id":"x"}', 'no json', '[1]', '{"id":2}', '{"id":\ud800}'].join('\n');
  const rule = { columns: { id: 'long' } };

  it('keep the file out, with the first reasons', async () => {
    const world = createLoadWorld({ rule });
    await world.run(await world.put('in/a.jsonl', lines));
    const [record] = await world.quarantined();
    assert.equal(record?.reason, 'TOO_MANY_REJECTED');
    assert.deepEqual(
      record?.firstRejected.map(({ line, reason }) => [line, reason]),
      [
        [2, 'TYPE_MISMATCH'],
        [3, 'INVALID_JSON'],
        [4, 'INVALID_JSON'],
        [6, 'INVALID_JSON'],
      ],
    );
    assert.match(record?.detail ?? '', /4 rows cannot be rows of the table, 0 may be left out, the first at line 2/);
    assert.deepEqual(await world.keys('lake/t/resaca'), []);
  });

  for (const [name, limit] of [
    ['a number', { maxRejected: 4 }],
    ['a share', { maxRejectedPercent: 67 }],
  ] as const) {
    it(`are left out, up to ${name}, and kept`, async () => {
      const world = await loaded('in/a.jsonl', lines, { rule: { ...rule, ...limit } });
      assert.deepEqual(await world.rows(), [{ id: 1n }, { id: 2n }]);
      const [kept = ''] = await world.keys('lake/t/_resaca/rejected/');
      const rows = (await world.text(kept))
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      assert.deepEqual(rows.map(({ line, row }) => [line, row]).slice(0, 2), [
        [2, '{"id":"x"}'],
        [3, 'no json'],
      ]);
      assert.deepEqual(
        world.metrics.filter(({ rowsLoaded }) => rowsLoaded !== undefined),
        [{ table: 's3://landing/lake/t', filesLoaded: 1, rowsLoaded: 2, rowsRejected: 4 }],
      );
    });
  }

  it('are one too many for a smaller share', async () => {
    const world = createLoadWorld({ rule: { ...rule, maxRejectedPercent: 66 } });
    await world.run(await world.put('in/a.jsonl', lines));
    assert.equal((await world.quarantined())[0]?.reason, 'TOO_MANY_REJECTED');
  });

  it('are those with columns that a strict table lacks', async () => {
    const world = await loaded('in/a.jsonl', '{"id":1}\n', { rule: { schemaPolicy: 'strict' } });
    await world.run(await world.put('in/b.jsonl', '{"id":2,"other":null}\n{"id":3,"other":1}\n'));
    const [record] = await world.quarantined();
    assert.deepEqual(
      record?.firstRejected.map(({ line, reason }) => [line, reason]),
      [[2, 'UNKNOWN_COLUMN']],
    );
    assert.match(record?.detail ?? '', /the table has no column for the field "other"/);
  });

  it('are nulls where the table has none', async () => {
    const world = createLoadWorld({ rule: { schemaPolicy: 'fixed' } });
    const { commitKey } = await import('../../src/delta/log-path.ts');
    const { serializeCommit } = await import('../../src/delta/commit-file.ts');
    const { newTableActions } = await import('../../src/delta/new-table.ts');
    const schema = {
      type: 'struct' as const,
      fields: [{ name: 'id', type: 'long' as const, nullable: false, metadata: {} }],
    };
    const table = { store: world.store, root: 'lake/t', url: '' };
    const creation = { schema, partitionColumns: [], configuration: {}, id: crypto.randomUUID(), createdTime: 0 };
    await world.store.put(commitKey(table, 0), serializeCommit(newTableActions(creation)));
    await world.run(await world.put('in/a.jsonl', '{"id":1,"other":2}\n{"id":null}\n{"other":1}\n'));
    const [record] = await world.quarantined();
    assert.deepEqual(
      record?.firstRejected.map(({ line, reason }) => [line, reason]),
      [
        [2, 'TYPE_MISMATCH'],
        [3, 'TYPE_MISMATCH'],
      ],
    );
  });
});

describe('a damaged file', () => {
  const packed = gzipSync(LINES);
  const zstd = zstdCompressSync(LINES.repeat(100), { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
  const cases: readonly (readonly [string, string, string | Uint8Array, RegExp])[] = [
    ['a gzip cut off', 'INVALID_FILE', packed.subarray(0, packed.length - 3), /the gzip is damaged or ends early/],
    ['something behind a gzip', 'INVALID_FILE', Buffer.concat([packed, Buffer.from('more')]), /gzip/],
    ['a zstd cut off', 'INVALID_FILE', zstd.subarray(0, zstd.length - 3), /the zstd is damaged or ends early/],
    [
      'a changed zstd',
      'INVALID_FILE',
      Buffer.concat([zstd.subarray(0, 20), Buffer.alloc(8, 7), zstd.subarray(28)]),
      /zstd/,
    ],
    ['a line too long', 'TOO_LARGE', `{"a":1}\n{"a":"${'x'.repeat(5_000)}"}`, /line 2 has more than 1000 bytes/],
    ['a line too long, packed', 'TOO_LARGE', gzipSync('x'.repeat(50_000_000)), /line 1 has more than 1000 bytes/],
    ['rows without any value', 'TOO_MANY_REJECTED', '{}\n{"a":null}\n', /the row has no value/],
    ['a deep line', 'TOO_MANY_REJECTED', '['.repeat(900), /nested deeper/],
  ];
  for (const [name, reason, body, detail] of cases) {
    it(`goes to quarantine: ${name}`, async () => {
      const world = createLoadWorld({ config: { maxLineBytes: 1_000 } });
      const event = await world.put('in/a.jsonl', body);
      await world.run(event);
      const [record] = await world.quarantined();
      assert.equal(record?.reason, reason);
      assert.match(record?.detail ?? '', detail);
      assert.deepEqual(await world.keys('lake/t/resaca'), []);
      assert.equal((await world.keys('lake/t/_resaca/loaded/')).length, 1);
      // Once more does nothing.
      world.metrics.length = 0;
      await world.run(event);
      assert.deepEqual(world.metrics, []);
    });
  }
});
