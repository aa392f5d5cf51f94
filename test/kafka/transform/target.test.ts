import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Datum, NumberText } from '../../../src/kafka/decode/datum.ts';
import { PayloadError } from '../../../src/kafka/decode/payload-error.ts';
import type { KafkaRecord } from '../../../src/kafka/record.ts';
import { compileTarget } from '../../../src/kafka/transform/target.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

const RECORD: KafkaRecord = {
  topic: 'web.requests',
  partition: 3,
  offset: 42,
  timestamp: undefined,
  timestampType: 'NO_TIMESTAMP_TYPE',
  key: undefined,
  value: undefined,
  headers: [
    { key: 'tenant', value: bytes('acme') },
    { key: 'a b/c', value: bytes('odd') },
  ],
};

const ROW = { type: 'click', v: 2, big: new NumberText('9007199254740993'), nested: { a: ['x'] } };

describe('the template of a table', () => {
  const cases: readonly (readonly [template: string, table: string, prefix: string, fallback: string])[] = [
    ['bronze/{topic}', 'bronze/web.requests', 'bronze', 'bronze/web.requests'],
    ['bronze/all', 'bronze/all', 'bronze/all', 'bronze/all'],
    ['{topic}', 'web.requests', '', 'web.requests'],
    ['lake/raw/t-{topic}/x', 'lake/raw/t-web.requests/x', 'lake/raw', 'lake/raw/t-web.requests/x'],
    ['bronze/{topic}/{type}', 'bronze/web.requests/click', 'bronze', 'bronze/web.requests'],
    ['bronze/{ topic }/{ type }', 'bronze/web.requests/click', 'bronze', 'bronze/web.requests'],
    ['bronze/{header:tenant}/{topic}', 'bronze/acme/web.requests', 'bronze', 'bronze/web.requests'],
    ['bronze/{kafka.headers.tenant}', 'bronze/acme', 'bronze', 'bronze/web.requests'],
    ['bronze/{header:a b/c}', 'bronze/odd', 'bronze', 'bronze/web.requests'],
    ['{type}', 'click', '', 'web.requests'],
    ['a/b-{type}-v{v}/c', 'a/b-click-v2/c', 'a', 'a/web.requests'],
    ['a/{topic}-{type}', 'a/web.requests-click', 'a', 'a/web.requests'],
    ['a/{big}', 'a/9007199254740993', 'a', 'a/web.requests'],
    ['a/{kafka.partition}', 'a/3', 'a', 'a/web.requests'],
    ["a/{not_null(none, '}/{')  && type}", 'a/click', 'a', 'a/web.requests'],
    ["a/{not_null(none, 'it\\'s }') && type}", 'a/click', 'a', 'a/web.requests'],
    ['a/{{x: type}.x}', 'a/click', 'a', 'a/web.requests'],
    ['a/{nested.a[0]}', 'a/x', 'a', 'a/web.requests'],
    ["a/{type == 'click' && 'clicks' || 'others'}", 'a/clicks', 'a', 'a/web.requests'],
  ];
  for (const [template, table, prefix, fallback] of cases) {
    it(`gives the table, the prefix and the fallback of ${template}`, () => {
      const target = compileTarget(template);
      assert.equal(target.resolve(RECORD, ROW), table);
      assert.equal(target.resolve({ ...RECORD, topic: 'web.requests' }, ROW), table);
      assert.equal(target.fixedPrefix, prefix);
      assert.equal(target.fallback(RECORD.topic), fallback);
      assert.equal(target.template, template);
    });
  }

  it('gives each topic its own', () => {
    const target = compileTarget('bronze/{topic}');
    assert.equal(target.resolve(RECORD), 'bronze/web.requests');
    assert.equal(target.resolve({ ...RECORD, topic: 'b' }), 'bronze/b');
    assert.equal(target.resolve({ ...RECORD, topic: 'a'.repeat(249) }), `bronze/${'a'.repeat(249)}`);
    const routed = compileTarget('bronze/{type}');
    assert.equal(routed.resolve(RECORD, { type: 'a' }), 'bronze/a');
    assert.equal(routed.resolve(RECORD, { type: 'b' }), 'bronze/b');
  });

  it('tells what it needs', () => {
    const needs: readonly (readonly [string, boolean, boolean])[] = [
      ['bronze/{topic}', false, false],
      ['bronze/x', false, false],
      ['bronze/{type}', true, false],
      ['bronze/{header:tenant}', false, true],
      ['bronze/{kafka.headers.tenant}/{type}', true, true],
    ];
    for (const [template, row, headers] of needs) {
      const { needsRow, needsHeaders } = compileTarget(template);
      assert.deepEqual([needsRow, needsHeaders], [row, headers], template);
    }
  });

  it('is refused when it cannot be one', () => {
    const wrong: readonly (readonly [string, RegExp])[] = [
      ['', /empty segment/],
      ['/a', /empty segment/],
      ['a/', /empty segment/],
      ['a//b', /empty segment/],
      ['a/{topic', /"\{" without a "\}" at position 3/],
      ['a/{topic}}', /"\}" without a "\{" at position 10/],
      ['a/{}', /empty braces/],
      ['a/..', /hidden segment/],
      ['a/../b', /hidden segment/],
      ['a/./b', /hidden segment/],
      ['a/_x', /hidden segment: _x$/],
      ['a/.{topic}', /hidden segment/],
      ['a/{a b}', /The expression a b, at position 3/],
      ['a/{header:}', /The expression header:/],
    ];
    for (const [template, message] of wrong) {
      assert.throws(() => compileTarget(template), { name: 'Error', message }, template);
    }
  });

  it('takes no value that is no name', () => {
    const target = compileTarget('bronze/{x}');
    const wrong: readonly Datum[] = [
      ...[
        null,
        undefined,
        true,
        '',
        1.5,
        1e300,
        new NumberText('1.5'),
        new NumberText('1e400'),
        [],
        ['a'],
        {},
        { a: 1 },
      ],
      ...[
        '..',
        '.',
        '.a',
        '_a',
        '_delta_log',
        'a..b',
        'a/b',
        '/a',
        'a b',
        'a\\b',
        'é',
        'a\n',
        'a%2fb',
        'a=b',
        '{topic}',
      ],
      ...['a'.repeat(101), 'orders__dead_letters', new NumberText('9'.repeat(101))],
    ];
    for (const x of wrong) {
      assert.throws(
        () => target.resolve(RECORD, { x }),
        (error) => {
          assert.ok(error instanceof PayloadError, String(error));
          assert.equal(error.code, 'INVALID_TARGET');
          assert.ok(error.message.length < 300);
          return true;
        },
        JSON.stringify(x),
      );
    }
    for (const x of ['a', 'A-1_b.c', '-a', 'a'.repeat(100), 0, -5, 'a__dead_letters.x']) {
      assert.equal(target.resolve(RECORD, { x }), `bronze/${x}`);
    }
    const missing = compileTarget('bronze/{header:none}');
    assert.throws(() => missing.resolve(RECORD), {
      code: 'INVALID_TARGET',
      message: /\{header:none\} of the table gave null/,
    });
  });

  it('stays below its prefix, whatever the row has', () => {
    const target = compileTarget('bronze/{topic}/x-{a}/{b}');
    const part = fc.oneof(
      fc.string({ maxLength: 6 }),
      fc.string({ unit: fc.constantFrom('.', '/', 'a', '_', '-'), maxLength: 5 }),
      fc.constantFrom<Datum>(null, 1, {}, '..'),
    );
    fc.assert(
      fc.property(part, part, (a, b) => {
        try {
          const segments = target.resolve(RECORD, { a, b }).split('/');
          assert.equal(segments.length, 4);
          for (const segment of segments) assert.match(segment, /^[A-Za-z0-9-][\w.-]*$/);
        } catch (error) {
          assert.ok(error instanceof PayloadError, String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });
});
