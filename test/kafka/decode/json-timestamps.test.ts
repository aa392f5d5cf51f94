import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatDate, formatMicros, parseDate, parseTimestamp } from '../../../src/kafka/decode/cell-time.ts';
import { type Datum, NumberText } from '../../../src/kafka/decode/datum.ts';
import { type JsonCellOptions, jsonToCell } from '../../../src/kafka/decode/json-cells.ts';
import { PayloadError } from '../../../src/kafka/decode/payload-error.ts';

const MIN = -62_135_596_800_000_000n;
const MAX = 253_402_300_799_999_999n;
const BASE = 1_795_525_083_000_000; // 2026-11-24T12:58:03Z

/** Any time that tables have, as ms since the epoch, with µs within them. */
const times = fc.record({
  ms: fc.integer({ min: Number(MIN) / 1000, max: 253_402_300_799_999 }),
  micros: fc.integer({ min: 0, max: 999 }),
});
const micros = ({ ms, micros }: { ms: number; micros: number }) => 1000n * BigInt(ms) + BigInt(micros);

describe('timestamps as text', () => {
  it('are read to the microsecond, in every offset', () => {
    fc.assert(
      fc.property(
        times,
        fc.integer({ min: -18 * 60 - 59, max: 18 * 60 + 59 }),
        fc.integer({ min: 0, max: 3 }),
        (time, offset, form) => {
          const local = new Date(time.ms + offset * 60_000).toISOString();
          fc.pre(/^\d{4}-/.test(local) && !local.startsWith('0000'));
          const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60].map((part) =>
            String(part).padStart(2, '0'),
          );
          const colon = form % 2 === 0 ? ':' : '';
          const text = `${local.slice(0, -1)}${String(time.micros).padStart(3, '0')}${offset < 0 ? '-' : '+'}${hours}${colon}${minutes}`;
          assert.equal(BigInt(parseTimestamp(form < 2 ? text : text.replace('T', ' ')) ?? -1), micros(time));
        },
      ),
    );
  });

  it('come in several shapes', () => {
    const cases: readonly (readonly [string, number])[] = [
      ['2026-11-24T12:58:03Z', BASE],
      ['2026-11-24t12:58:03z', BASE],
      ['2026-11-24 12:58:03', BASE],
      ['2026-11-24T12:58:03+00', BASE],
      ['2026-11-24T12:58:03-00:00', BASE],
      ['2026-11-24T13:58:03+01', BASE],
      ['2026-11-24T18:28:03+0530', BASE],
      ['2026-11-24T03:58:03-09:00', BASE],
      ['2026-11-24T12:58Z', BASE - 3_000_000],
      ['2026-11-24T12:58', BASE - 3_000_000],
      ['2026-11-24', Date.UTC(2026, 10, 24) * 1000],
      ['2026-11-24T12:58:03.1Z', BASE + 100_000],
      ['2026-11-24T12:58:03.000001+00:00', BASE + 1],
      ['2026-11-24T12:58:03.123456789Z', BASE + 123_456],
      ['1969-12-31T23:59:59.9999999Z', -1],
      ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29) * 1000],
      ['2000-02-29', Date.UTC(2000, 1, 29) * 1000],
    ];
    for (const [text, expected] of cases) assert.equal(parseTimestamp(text), expected, text);
  });

  it('are in the years 0001 to 9999, in UTC', () => {
    assert.equal(parseTimestamp('0001-01-01T00:00:00Z'), MIN);
    assert.equal(parseTimestamp('9999-12-31T23:59:59.999999Z'), MAX);
    assert.equal(parseTimestamp('0001-01-01T00:00:00+00:01'), undefined);
    assert.equal(parseTimestamp('9999-12-31T23:59:59-00:01'), undefined);
    assert.equal(parseTimestamp('0000-12-31T23:59:00-00:01'), undefined);
  });

  it('are numbers as long as these are safe', () => {
    const safe = BigInt(Number.MAX_SAFE_INTEGER);
    for (let near = safe - 3000n; near < safe + 3000n; near += 250n) {
      for (const value of [near, -near]) {
        const parsed = parseTimestamp(formatMicros(value));
        assert.equal(BigInt(parsed ?? 0), value);
        if (typeof parsed === 'number') assert.ok(Number.isSafeInteger(parsed));
      }
    }
    assert.equal(typeof parseTimestamp('2255-01-01T00:00:00Z'), 'number');
  });

  it('are no other texts', () => {
    const wrong = [
      '',
      '2026',
      '2026-11',
      '2026-11-24T',
      '2026-11-24T12',
      '2026-11-24T12:5',
      '2026-11-24T12:58:',
      '2026-11-24T12:58:03.',
      '2026-11-24T12:58:03.Z',
      '2026-11-24T12:58:03.1234567890Z',
      '2026-11-24T12:58:03,5Z',
      '2026-11-24T12:58.5Z',
      '2026-11-24T12:58:03ZZ',
      '2026-11-24T12:58:03 Z',
      '2026-11-24T12:58:03+1',
      '2026-11-24T12:58:03+19:00',
      '2026-11-24T12:58:03+01:60',
      '2026-11-24T12:58:03+01:0',
      '2026-11-24T12:58:03+01:000',
      '2026-11-24T12:58:03+',
      '2026-11-24T12:58:03+0a',
      '2026-11-24T24:00:00Z',
      '2026-11-24T12:60:00Z',
      '2026-11-24T12:58:60Z',
      '2026-11-24X12:58:03Z',
      '2026-11-24T12-58:03Z',
      '2026/11/24T12:58:03Z',
      '2026-11/24T12:58:03Z',
      '2026-00-24',
      '2026-13-24',
      '2026-11-00',
      '2026-11-31',
      '2026-02-29',
      '2100-02-29',
      '２026-11-24',
      '20261124T125803Z',
      '1636668718000000',
      ' 2026-11-24',
      '2026-11-24 ',
    ];
    for (const text of wrong) assert.equal(parseTimestamp(text), undefined, text);
    for (const text of wrong) assert.equal(parseDate(text), undefined, text);
  });

  it('are never read from other characters', () => {
    const text = '2026-11-24T12:58:03.123456+01:00';
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.nat(0xffff), (at, code) => {
        const other = String.fromCharCode(code);
        fc.pre(!/[0-9Tt+-]|[Zz ]/.test(other));
        assert.equal(parseTimestamp(text.slice(0, at) + other + text.slice(at + 1)), undefined);
      }),
    );
  });
});

describe('dates and times', () => {
  it('are written so that they are read back', () => {
    fc.assert(
      fc.property(times, (time) => {
        const value = micros(time);
        const text = formatMicros(value);
        const iso = new Date(time.ms).toISOString();
        assert.equal(text, `${iso.slice(0, -1)}${String(time.micros).padStart(3, '0')}`);
        assert.equal(BigInt(parseTimestamp(text) ?? -1), value);
        assert.equal(formatDate(Math.floor(time.ms / 86_400_000)), iso.slice(0, 10));
        assert.equal(parseDate(iso), Math.floor(time.ms / 86_400_000));
        assert.equal(parseDate(iso.slice(0, 10)), Math.floor(time.ms / 86_400_000));
        if (Number.isSafeInteger(Number(value))) assert.equal(formatMicros(Number(value)), text);
      }),
    );
  });

  it('have years of six digits beyond those', () => {
    assert.equal(formatDate(2_932_897), '+010000-01-01');
    assert.equal(formatDate(-719_163), '0000-12-31');
    assert.equal(formatDate(-719_529), '-000001-12-31');
    assert.equal(formatMicros(2n ** 63n - 1n), '+294247-01-10T04:00:54.775807');
    assert.equal(formatMicros(-(2n ** 63n)), '-290308-12-21T19:59:05.224192');
  });
});

describe('timestamps as numbers', () => {
  const read = (value: Datum, options: JsonCellOptions = {}) => jsonToCell('timestamp', options)(value);

  it('count ms, or the unit of the options', () => {
    const ms = BASE / 1000;
    assert.equal(read(ms), BASE);
    assert.equal(read(ms, { timestampUnit: 'ms' }), BASE);
    assert.equal(read(ms / 1000, { timestampUnit: 's' }), BASE);
    assert.equal(read(BASE, { timestampUnit: 'us' }), BASE);
    assert.equal(read(BASE * 1000, { timestampUnit: 'ns' }), BASE);
    assert.equal(read(new NumberText(`${BASE}789`), { timestampUnit: 'ns' }), BASE);
    assert.equal(read(new NumberText('-1'), { timestampUnit: 'ns' }), -1);
    assert.equal(read(-1), -1000);
  });

  it('may have a fraction, of which the µs are taken exactly', () => {
    assert.equal(read(1_700_000_000.123456, { timestampUnit: 's' }), 1_700_000_000_123_456);
    assert.equal(read(new NumberText('1700000000.1234569999'), { timestampUnit: 's' }), 1_700_000_000_123_456);
    assert.equal(read(1_700_000_000_123.456), 1_700_000_000_123_456);
    assert.equal(read(0.9, { timestampUnit: 'us' }), 0);
    assert.equal(read(-0.1, { timestampUnit: 'us' }), -1);
    assert.equal(read(1e-320), 0);
  });

  it('are in the years 0001 to 9999', () => {
    assert.equal(read(new NumberText(String(MAX)), { timestampUnit: 'us' }), MAX);
    assert.equal(read(new NumberText(String(MIN)), { timestampUnit: 'us' }), MIN);
    assert.equal(read(253_402_300_799_999), MAX - 999n);
    const wrong = [MAX + 1n, MIN - 1n].map((value) => new NumberText(String(value)));
    for (const value of wrong) assert.throws(() => read(value, { timestampUnit: 'us' }), PayloadError);
    for (const value of [1e300, new NumberText('1e400'), Number.NaN, 253_402_300_800_000, true, '5', [], {}]) {
      assert.throws(() => read(value), PayloadError);
    }
  });
});

describe('timestamps without time zone', () => {
  const read = jsonToCell('timestamp_ntz');

  it('are local, or in UTC', () => {
    assert.equal(read('2026-11-24T12:58:03'), BASE);
    assert.equal(read('2026-11-24 12:58:03Z'), BASE);
    assert.equal(read('2026-11-24'), Date.UTC(2026, 10, 24) * 1000);
    assert.equal(read(BASE / 1000), BASE);
    assert.throws(() => read('2026-11-24T12:58:03+00:00'), /expected timestamp_ntz, .* without offset/);
  });
});
