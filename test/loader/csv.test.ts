import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { typeName } from '../../src/delta/schema.ts';
import { createLoadWorld, type LoadWorld, loaded } from '../support/load-world.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

async function types(world: LoadWorld): Promise<string[]> {
  return (await world.schema()).fields.map(({ name, type }) => `${name} ${typeName(type)}`);
}

describe('CSV files become rows', () => {
  it('of texts, where nothing is said of their types', async () => {
    const body = '\ufeffid,"a ""name""",empty\r\n007,"x, y\r\nz",\r\n\r\n2.50,ä€😀,\r\n';
    const world = await loaded('in/a.csv', body);
    assert.deepEqual(await world.rows(), [
      { id: '007', 'a_"name"': 'x, y\r\nz', empty: null },
      { id: '2.50', 'a_"name"': 'ä€😀', empty: null },
    ]);
    assert.deepEqual(await types(world), ['id string', 'a_"name" string', 'empty string']);
  });

  it('in the types that are given', async () => {
    const columns = {
      i: 'long',
      d: 'decimal(10,2)',
      f: 'double',
      b: 'boolean',
      day: 'date',
      at: 'timestamp',
      local: 'timestamp_ntz',
      bin: 'binary',
    };
    const body =
      'i,d,f,b,day,at,local,bin,s\n' +
      '9007199254740993,12.50,1e-3,true,2026-11-24,2026-11-24T06:00:00.5+02:00,2026-11-24T06:00:00,AQI=,1\n' +
      ',,,,,,,,\n';
    const world = await loaded('in/a.csv.gz', gzipSync(body), { rule: { columns } });
    const [row, nulls] = await world.rows();
    assert.deepEqual(row, {
      i: 9_007_199_254_740_993n,
      d: 12.5,
      f: 0.001,
      b: true,
      day: new Date('2026-11-24'),
      at: new Date('2026-11-24T04:00:00.500Z'),
      local: new Date('2026-11-24T06:00:00Z'),
      bin: Uint8Array.of(1, 2),
      s: '1',
    });
    assert.deepEqual(new Set(Object.values(nulls ?? {})), new Set([null]));
  });

  it('in types that are found out, where that is asked for', async () => {
    const body =
      'i,f,b,day,at,zip,long,mixed,none\n' +
      '1,1,true,2026-11-24,2026-11-24T06:00:00Z,01234,12345678901234567890,1,\n' +
      '-20,2.5,false,2026-11-25,2026-11-24 07:00:00,9,1,x,\n';
    const world = await loaded('in/a.csv', body, { rule: { csv: { inferTypes: true } } });
    assert.deepEqual(await types(world), [
      'i long',
      'f double',
      'b boolean',
      'day date',
      'at timestamp',
      'zip string',
      'long string',
      'mixed string',
      'none string',
    ]);
    const rows = await world.rows();
    assert.deepEqual(
      rows.map(({ i, f, zip }) => [i, f, zip]),
      [
        [1n, 1, '01234'],
        [-20n, 2.5, '9'],
      ],
    );
  });

  it('with the delimiters, quotes, comments, encodings and nulls of the settings', async () => {
    const csv = {
      delimiter: ';',
      quote: "'",
      escape: '\\',
      comment: '#',
      encoding: 'latin1',
      header: false,
      columns: ['a', 'b', 'c'],
      nullTexts: ['NULL', '\\N'],
      trim: true,
    };
    const body = Buffer.from("# no row\n'it\\'s; x' ; é ;NULL\n;\\N; # c\n", 'latin1');
    const world = await loaded('in/a.csv', body, { rule: { csv } });
    assert.deepEqual(await world.rows(), [
      { a: "it's; x", b: 'é', c: null },
      { a: '', b: null, c: '# c' },
    ]);
  });

  it('tab-separated where the ending says so', async () => {
    const world = await loaded('in/a.tsv', 'a\tb\n1,2\t3\n');
    assert.deepEqual(await world.rows(), [{ a: '1,2', b: '3' }]);
  });

  it('whatever is in their fields', async () => {
    const field = fc.oneof(fc.string(), fc.constantFrom('"', ',', '\n', '\r\n', 'x\n"y"', ' ', '#'));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(field, field), { minLength: 1, maxLength: 30 }), async (rows) => {
        const quoted = (text: string) => `"${text.toWellFormed().replaceAll('"', '""')}"`;
        const body = `a,b\n${rows.map((row) => row.map(quoted).join(',')).join('\n')}\n`;
        const world = await loaded('in/a.csv', body, { rule: { csv: { nullTexts: [] } } });
        const expected = rows.map(([a, b]) => ({ a: a.toWellFormed(), b: b.toWellFormed() }));
        assert.deepEqual(await world.rows(), expected);
      }),
      { numRuns: 30 },
    );
  });
});

describe('a CSV file that is none', () => {
  const cases: readonly (readonly [string, string | Uint8Array, string, RegExp])[] = [
    ['a quote without an end', 'a,b\n1,"2\n3,4\n', 'INVALID_FILE', /Quote/i],
    ['a quote within a field', 'a,b\n1,2\n1,x"2\n', 'INVALID_FILE', /line 3|[Qq]uote/],
    ['a column named twice', 'a,A\n1,2\n', 'INVALID_FILE', /column 2 of the header "A" is named twice/],
    ['a column without a name', 'a,,b\n1,2,3\n', 'INVALID_FILE', /column 2 of the header has no name/],
    [
      'another encoding',
      Uint8Array.of(...bytes('a\n'), 0xe9, 0x0a),
      'INVALID_FILE',
      /it is not UTF-8 .* csv\.encoding/,
    ],
    ['half a character at its end', Uint8Array.of(...bytes('a\nb\n'), 0xe2, 0x82), 'INVALID_FILE', /it is not UTF-8/],
    ['a long record', `a\n${'x'.repeat(5_000)}\n`, 'TOO_LARGE', /more than 1000 bytes/],
    [
      'too many fields',
      'a,b\n1,2\n\n"x\ny",2,3\n',
      'TOO_MANY_REJECTED',
      /at line 4: INVALID_CSV: The record has 3 fields, expected 2/,
    ],
  ];
  for (const [name, body, reason, detail] of cases) {
    it(`goes to quarantine: ${name}`, async () => {
      const world = createLoadWorld({ config: { maxLineBytes: 1_000 } });
      await world.run(await world.put('in/a.csv', body));
      const [record] = await world.quarantined();
      assert.equal(record?.reason, reason);
      assert.match(record?.detail ?? '', detail);
      assert.deepEqual(await world.keys('lake/t/resaca'), []);
    });
  }
});
