import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { columnOf } from '../../src/cdf/changes/constant-column.ts';
import { readOutputSettings } from '../../src/cdf/output/settings.ts';
import type { ValueSettings } from '../../src/cdf/text/cell-text.ts';
import { type CsvSettings, csvHeader, csvLine } from '../../src/cdf/text/csv-text.ts';
import { jsonObject } from '../../src/cdf/text/json-text.ts';
import { timestampText } from '../../src/cdf/text/time-text.ts';
import type { DataType, StructType } from '../../src/delta/schema.ts';
import { ConfigReader } from '../../src/ingest/config-reader.ts';
import type { CellValue } from '../../src/parquet/write/cell.ts';
import { structOf } from './cdf-world.ts';

const VALUES: ValueSettings = { timestamps: 'iso', zone: 'UTC', binary: 'base64' };

function csvSettings(input: Partial<CsvSettings> = {}): CsvSettings {
  const problems: string[] = [];
  const { csv } = readOutputSettings(new ConfigReader({ csv: input }, '', problems));
  assert.deepEqual(problems, []);
  return csv;
}

/** The line of one row, without its end. */
function lineOf(
  columns: Readonly<Record<string, readonly [DataType, CellValue]>>,
  csv = csvSettings(),
  values = VALUES,
) {
  const schema = structOf(Object.fromEntries(Object.entries(columns).map(([name, [type]]) => [name, type])));
  const slices = Object.values(columns).map(([type, value]) => columnOf(type, 1, () => value));
  return csvLine(schema, slices, csv, values)(0).replace(/\r?\n$/, '');
}

function textLine(texts: readonly (string | null)[], csv: CsvSettings): string {
  return lineOf(Object.fromEntries(texts.map((text, index) => [`c${index}`, ['string', text]])), csv);
}

describe('CSV', () => {
  it('quotes what has a meaning, and tells an empty text from null', () => {
    assert.equal(
      textLine(['a', null, '', 'b,c', 'say "x"', 'two\nlines', ' x'], csvSettings()),
      'a,,"","b,c","say ""x""","two\nlines"," x"',
    );
    const other = csvSettings({ nullText: 'NULL', delimiter: ';' });
    assert.equal(textLine(['NULL', null, 'a,b', 'a;b'], other), '"NULL";NULL;a,b;"a;b"');
  });

  it('quotes everything but null where that is wanted', () => {
    assert.equal(textLine(['a', null, 'x"y'], csvSettings({ quote: 'all', nullText: '\\N' })), '"a",\\N,"x""y"');
  });

  it('escapes by backslashes instead, and lines so that they can be undone', () => {
    const mysql = csvSettings({ quote: 'all', escape: 'backslash', nullText: '\\N', newlines: 'escape' });
    assert.equal(textLine(['a"b\\c\nd\re', null, '\\N'], mysql), '"a\\"b\\\\c\\nd\\re",\\N,"\\\\N"');
    const bare = csvSettings({ quote: 'none', nullText: '\\N' });
    assert.equal(textLine(['a,b\\c"d\ne', null, '\\N'], bare), 'a\\,b\\\\c\\"d\\\ne,\\N,\\\\N');
  });

  it('has the names first, and the line ends that are wanted', () => {
    const schema: StructType = structOf({ id: 'long', 'a,b': 'string' });
    assert.equal(csvHeader(schema, csvSettings({ lineEnding: 'crlf' })), 'id,"a,b"\r\n');
    assert.equal(csvHeader(schema, csvSettings({ quote: 'all' })), '"id","a,b"\n');
  });

  it('is read back as it was written by a reader of RFC 4180', () => {
    const text = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', '\\', ' ', 'é', '😀') });
    fc.assert(
      fc.property(
        fc.array(fc.option(text), { minLength: 1, maxLength: 5 }),
        fc.constantFrom('minimal', 'all'),
        (row, quote) => {
          assert.deepEqual(parseRfc4180(textLine(row, csvSettings({ quote }))), row);
        },
      ),
    );
  });

  it('is read back as it was written by a reader that knows MySQL’s escapes', () => {
    const text = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', '\\', 'n', 'N', '😀') });
    const csv = csvSettings({ quote: 'all', escape: 'backslash', nullText: '\\N', newlines: 'escape' });
    fc.assert(
      fc.property(fc.array(fc.option(text), { minLength: 1, maxLength: 5 }), (row) => {
        const line = textLine(row, csv);
        assert.ok(!/[\n\r]/.test(line));
        const fields = [...line.matchAll(/(?:^|,)(?:"((?:[^"\\]|\\.)*)"|(\\N))/g)];
        const read = fields.map(([, quoted]) =>
          quoted === undefined
            ? null
            : quoted.replace(/\\(.)/g, (_, one) => ({ n: '\n', r: '\r' })[one as string] ?? one),
        );
        assert.deepEqual(read, row);
      }),
    );
  });

  it('has every type, exact', () => {
    const line = lineOf({
      long: ['long', -9223372036854775808n],
      decimal: ['decimal(38,10)', -12345678901234567890123456789012345678n],
      small: ['decimal(5,3)', -5n],
      whole: ['decimal(5,0)', 12n],
      float: ['float', 0.1],
      double: ['double', 1e21],
      zero: ['double', -0],
      nan: ['double', Number.NaN],
      infinite: ['float', Number.NEGATIVE_INFINITY],
      flag: ['boolean', true],
      day: ['date', -719_162],
      time: ['timestamp', -1n],
      clock: ['timestamp_ntz', 1_767_225_600_000_001n],
      bytes: ['binary', Uint8Array.of(0, 255)],
    });
    assert.equal(
      line,
      '-9223372036854775808,-1234567890123456789012345678.9012345678,-0.005,12,0.1,1e+21,-0,NaN,-Infinity,true,' +
        '0001-01-01,1969-12-31T23:59:59.999999Z,2026-01-01T00:00:00.000001,AP8=',
    );
  });

  it('has booleans as numbers, also those that are null', () => {
    const flags = { a: ['boolean', true], b: ['boolean', false], c: ['boolean', null] } as const;
    assert.equal(lineOf(flags, csvSettings({ booleans: '1-0' })), '1,0,');
    assert.equal(lineOf(flags, csvSettings({ booleans: '1-0', nullBooleansAsFalse: true })), '1,0,0');
  });

  it('has nested values as JSON', () => {
    const inner = structOf({ n: 'decimal(4,2)', t: 'string' });
    const list: DataType = { type: 'array', elementType: inner, containsNull: true };
    const map: DataType = { type: 'map', keyType: 'integer', valueType: 'string', valueContainsNull: true };
    const columns = {
      list: [list, [{ n: 150n, t: 'x"' }, null]],
      map: [
        map,
        [
          [1, null],
          [2, 'b'],
        ],
      ],
    } as const;
    const json = '[{""n"":1.50,""t"":""x\\""""},null]';
    assert.equal(lineOf(columns), `"${json}","{""1"":null,""2"":""b""}"`);
  });
});

describe('JSON lines', () => {
  it('keep digits, and have texts for what JSON has no number', () => {
    const schema = structOf({ id: 'long', d: 'decimal(20,2)', f: 'double', when: 'timestamp', none: 'string' });
    const values: readonly CellValue[] = [9007199254740993n, 1234567890123456789n, Number.NaN, 0n, null];
    const slices = schema.fields.map(({ type }, index) => columnOf(type, 1, () => values[index]));
    assert.equal(
      jsonObject(schema, slices, { ...VALUES, timestamps: 'epoch-micros' })(0),
      '{"id":9007199254740993,"d":12345678901234567.89,"f":"NaN","when":0,"none":null}',
    );
  });
});

describe('timestamps', () => {
  const micros = 1_774_747_800_123_456n; // 2026-03-29T01:30:00.123456Z, half an hour after Berlin went to summer time.

  it('have the form and the zone that are wanted', () => {
    assert.equal(timestampText(micros, 'iso', 'UTC', true), '2026-03-29T01:30:00.123456Z');
    assert.equal(timestampText(micros, 'iso', 'Europe/Berlin', true), '2026-03-29T03:30:00.123456+02:00');
    assert.equal(timestampText(micros - 3_600_000_000n, 'mysql', 'Europe/Berlin', true), '2026-03-29 01:30:00.123456');
    assert.equal(timestampText(micros, 'mysql', 'Asia/Kathmandu', true), '2026-03-29 07:15:00.123456');
    assert.equal(timestampText(micros, 'mysql', 'Asia/Kathmandu', false), '2026-03-29 01:30:00.123456');
    assert.equal(timestampText(-1n, 'epoch-seconds', 'UTC', true), '-0.000001');
    assert.equal(timestampText(-1n, 'epoch-millis', 'UTC', true), '-1');
    assert.equal(timestampText(micros, 'epoch-seconds', 'UTC', true), '1774747800.123456');
  });

  it('are those of the zone at any time, as another way to them has it', () => {
    const zones = fc.constantFrom('Europe/Berlin', 'America/St_Johns', 'Australia/Lord_Howe', 'Pacific/Apia');
    const seconds = fc.integer({ min: 0, max: 4_000_000_000 });
    fc.assert(
      fc.property(zones, seconds, (zone, second) => {
        const expected = new Date(second * 1000).toLocaleString('sv-SE', { timeZone: zone });
        assert.equal(timestampText(BigInt(second) * 1_000_000n, 'mysql', zone, true).slice(0, 19), expected);
      }),
    );
  });
});

/** One record; a field that is empty and not quoted is null. */
function parseRfc4180(line: string): (string | null)[] {
  const fields: (string | null)[] = [];
  for (let at = 0; at <= line.length; ) {
    if (line[at] === '"') {
      let text = '';
      for (at += 1; ; at++) {
        if (line[at] !== '"') text += line[at];
        else if (line[at + 1] === '"') text += line[at++];
        else break;
      }
      fields.push(text);
      at += 2;
      continue;
    }
    const end = line.indexOf(',', at);
    const text = line.slice(at, end === -1 ? line.length : end);
    fields.push(text === '' ? null : text);
    at = end === -1 ? line.length + 1 : end + 1;
  }
  return fields;
}
