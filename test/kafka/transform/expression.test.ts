import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { search } from '@jmespath-community/jmespath';
import fc from 'fast-check';
import { type Datum, NumberText } from '../../../src/kafka/decode/datum.ts';
import { PayloadError } from '../../../src/kafka/decode/payload-error.ts';
import type { KafkaRecord } from '../../../src/kafka/record.ts';
import { compileExpression } from '../../../src/kafka/transform/expression.ts';

const evaluate = (text: string, row: Datum) => compileExpression(text).evaluate(row);

function assertFails(text: string, row: Datum, message: RegExp): void {
  assert.throws(
    () => evaluate(text, row),
    (error) => {
      assert.ok(error instanceof PayloadError, String(error));
      assert.equal(error.code, 'EXPRESSION_FAILED');
      assert.match(error.message, message);
      assert.ok(error.message.includes(text), 'names the expression');
      return true;
    },
  );
}

const RECORD: KafkaRecord = {
  topic: 'web',
  partition: 0,
  offset: 1,
  timestamp: undefined,
  timestampType: 'NO_TIMESTAMP_TYPE',
  key: undefined,
  value: undefined,
  headers: [],
};

const ROW = {
  a: { b: { c: 1 }, list: [3, 1, 2], 'with space': 'x' },
  items: [
    { id: 1, tags: ['x', 'y'], price: 2.5 },
    { id: 2, tags: [], price: 10 },
    { id: 3, tags: ['z'], price: null },
  ],
  text: 'Grüße 👋 an alle',
  empty: '',
  zero: 0,
  no: false,
  nothing: null,
};

/** Expressions without what the library gets wrong. */
const EXPRESSIONS = [
  'a',
  'a.b.c',
  'a."with space"',
  'x.y.z',
  'items[0].id',
  'items[-1]',
  'items[9]',
  'items[*].id',
  'items[].tags[]',
  'items[*].tags[0]',
  'items[?price > `3`].id | [0]',
  "items[?contains(tags, 'z')].id",
  'items[?!price]',
  'items[1:].id',
  'items[::-1].id',
  'items[-2:5:1].id',
  'items[5:0:-2].id',
  'text[0:5]',
  'text[::-1]',
  'a.*',
  '*.b.c',
  'a.list | sort(@)',
  'items[*].{n: id, "t t": tags}',
  '[a.b.c, zero, nothing]',
  'empty || zero',
  'zero && a.b.c',
  '!no && !nothing && !empty',
  'zero ? `1` : `2`',
  'nothing ? `1` : `2`',
  'a.b.c == `1`',
  "text == 'x' || a.b != `{}`",
  'zero < `1` && zero >= `0` && zero <= `0`',
  "text < 'x'",
  'a.b.c + `2` * `3`',
  'a.b.c - `5`',
  'a.b.c / `4`',
  '`7` // `2`',
  '`-7` % `4`',
  '-a.b.c',
  '+a.b.c',
  'let $x = a.b.c in items[?id == $x].id',
  'let $x = a in let $y = $x.b, $z = items in [$y.c, length($z)]',
  '@',
  '$',
  'items[?id == $.a.b.c].id',
  'length(items) == `3`',
  'abs(`-2`)',
  'avg(a.list)',
  'ceil(`1.2`)',
  'floor(`1.8`)',
  'sum(a.list)',
  "contains(text, 'an')",
  'contains(a.list, `3`)',
  "ends_with(text, 'alle')",
  "starts_with(text, 'Gr')",
  "find_first(text, 'e')",
  "find_last(text, 'e')",
  "find_first(text, 'e', `5`, `20`)",
  'from_items(`[["a", 1], ["b", 2]]`)',
  'group_by(items[?id < `3`].{k: to_string(id), v: tags}, &k)',
  'items(a.b)',
  "join('-', items[0].tags)",
  'keys(a)',
  'values(a.b)',
  'length(text)',
  'length(a)',
  'map(&id, items)',
  'max(a.list)',
  'min(a.list)',
  'max_by(items, &id).id',
  'min_by(items, &id).id',
  'merge(a.b, {d: zero})',
  'not_null(nothing, x, zero)',
  "pad_left('ab', `5`)",
  "pad_right('ab', `5`, '*')",
  "replace('aXbXc', 'X', '--')",
  "replace('aXbXc', 'X', '-', `1`)",
  'reverse(text)',
  'reverse(a.list)',
  "sort(['b', 'a', 'c'])",
  'sort_by(items, &id)[*].id',
  "split('a,b,c', ',')",
  "split('a,b,c', ',', `1`)",
  'to_array(zero)',
  'to_array(a.list)',
  "to_number('12.5')",
  'to_number(no)',
  'to_string(a)',
  'to_string(text)',
  "trim('  x ')",
  "trim_left('  x ')",
  "trim_right('xyx', 'x')",
  '[type(a), type(text), type(zero), type(no), type(nothing), type(items)]',
  'lower(text)',
  'upper(text)',
  'zip(a.list, items[*].id)',
];

describe('an expression', () => {
  for (const text of EXPRESSIONS) {
    it(`gives what JMESPath gives: ${text}`, () => {
      assert.deepEqual(evaluate(text, ROW), search(ROW, text));
    });
  }

  it('gives what JMESPath gives for any fields', () => {
    const names = fc.constantFrom('a', 'b', 'c', 'd e');
    const { value } = fc.letrec<{ value: Datum }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(null, true, false, 0, 1, '', 'x'),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(names, tie('value'), { maxKeys: 4, noNullPrototype: true }),
      ),
    }));
    const step = fc.oneof(
      names.map((name) => `.${JSON.stringify(name)}`),
      fc.constantFrom('[0]', '[*]', '[]', '.*', '[?a]', '[?b == `1`].c', ' | [0]', '[1:]', ' || b', ' && b'),
    );
    const texts = fc.tuple(names, fc.array(step, { maxLength: 5 })).map(([first, steps]) => {
      return `${JSON.stringify(first)}${steps.join('')}`;
    });
    fc.assert(
      fc.property(texts, value, (text, row) => {
        // The library's types have no undefined and no NumberText, and there is none here.
        const expected = search(JSON.parse(JSON.stringify(row)), text);
        assert.deepEqual(evaluate(text, row), expected);
      }),
      { numRuns: 1000 },
    );
  });

  it('compares objects by the fields that both have', () => {
    assert.equal(evaluate('a == b', { a: { x: null }, b: { y: null } }), false);
    assert.equal(evaluate('a == b', { a: { x: null, y: 1 }, b: { y: 1, x: null } }), true);
    assert.equal(evaluate('a == b', { a: { x: 1 }, b: { x: 1, y: 1 } }), false);
  });

  it('is refused with its text and the position of what is wrong', () => {
    const cases: readonly (readonly [string, number])[] = [
      ['a.b c', 5],
      ['a[', 3],
      ['', 1],
      ['a..b', 3],
      ['a ~ b', 3],
      ['f(a', 4],
      ['a.', 3],
      ["a == 'x", 6],
      ['a == `1', 6],
      ['a == `{x}`', 6],
      ['[?a].b)', 7],
      ['a == `12345678901234567890`', 6],
    ];
    for (const [text, position] of cases) {
      assert.throws(
        () => compileExpression(text),
        ({ message }: Error) => message.startsWith(`The expression ${text}, at position ${position}: `),
        `${text} at ${position}`,
      );
    }
  });

  it('is refused for functions, arguments and variables that there are not', () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      ['constructor(a)', /no function constructor\(\)/],
      ['toString(a)', /no function/],
      ['length(a, b)', /length\(\) got 2 arguments, expected 1$/],
      ['trim(a, b, c)', /expected 1 to 2$/],
      ['merge()', /expected 1 to any number of$/],
      ['map(a, b)', /needs an &expression as argument 1/],
      ['length(&a)', /only taken as an argument of a function/],
      ['$x', /no variable \$x/],
      ['let $x = a in $y', /no variable \$y/],
      ['a[::0]', /step of a slice/],
      [`a${'.a'.repeat(2000)}`, /4001 characters, expected 4000 at most/],
      ['('.repeat(4000), /./],
    ];
    for (const [text, message] of cases) assert.throws(() => compileExpression(text), { name: 'Error', message });
  });

  it('fails for values that it does not take', () => {
    assertFails('length(zero)', ROW, /length\(\) got the number 0 as argument 1, expected an object/);
    assertFails('lower(nothing)', ROW, /lower\(\) got null as argument 1, expected a string/);
    assertFails('sum(items)', ROW, /expected an array of numbers/);
    assertFails('sort(items)', ROW, /expected an array of numbers, or of strings/);
    assertFails('sort_by(items, &price)', ROW, /got null from its &expression, expected only numbers, or only strings/);
    assertFails('group_by(items, &id)', ROW, /got the number 1 from its &expression, expected strings/);
    assertFails("join(',', a.list)", ROW, /expected an array of strings/);
    assertFails('text + `1`', ROW, /\+ got the string "Grüße 👋 an alle", expected a number/);
    assertFails('zero / zero', ROW, /0 \/ 0 is no finite number/);
    assertFails("from_items([['a']])", ROW, /pairs of a name and a value/);
  });
});

describe('a number that a double does not hold', () => {
  const big = new NumberText('9007199254740993');
  const row = { big, same: new NumberText('9007199254740993.0'), more: new NumberText('9007199254740994.5'), one: 1 };

  it('passes untouched', () => {
    for (const text of ['big', 'not_null(big)', '[big][0]', '{x: big}.x', 'to_number(big)', 'max([one, big])']) {
      assert.equal(evaluate(text, row), big, text);
    }
  });

  it('has no fields, and no fields of text', () => {
    for (const text of ['big.text', 'big.*', 'keys(big)', 'values(big)']) {
      const value = (() => {
        try {
          return evaluate(text, row);
        } catch (error) {
          return error instanceof PayloadError ? null : error;
        }
      })();
      assert.equal(value, null, text);
    }
  });

  it('is compared exactly', () => {
    const cases: readonly (readonly [string, Datum])[] = [
      ['big == same', true],
      ['[big] == [same]', true],
      ['big == more', false],
      ['big == `9007199254740992`', false],
      ['big > `9007199254740992`', true],
      ['big < more', true],
      ['one < big', true],
      ['type(big)', 'number'],
      ['contains([one, big], same)', true],
      ['sort([more, one, big])', [1, big, row.more]],
      ['min([more, big])', big],
      ['big && `true`', true],
    ];
    for (const [text, expected] of cases) assert.deepEqual(evaluate(text, row), expected, text);
  });

  it('fails in arithmetic rather than being rounded', () => {
    for (const text of ['big + one', '-big', 'sum([big])', 'abs(big)', 'floor(more)', 'avg([one, big])']) {
      assertFails(text, row, /9007199254740993|9007199254740994\.5|doubles hold/);
    }
  });

  it('comes out of whole numbers where they go beyond 2^53', () => {
    const safe = { a: Number.MAX_SAFE_INTEGER, b: 1_000 };
    assert.deepEqual(evaluate('a * b', safe), new NumberText('9007199254740991000'));
    assert.deepEqual(evaluate('a + `2`', safe), new NumberText('9007199254740993'));
    assert.deepEqual(evaluate('`-2` - a', safe), new NumberText('-9007199254740993'));
    assertFails('sum([a, a])', safe, /beyond 2\^53/);
    assertFails('a * `1e300` * `1e300`', safe, /no finite number/);
  });
});

describe('an expression over hostile rows', () => {
  it('sees own fields only', () => {
    const row: Datum = JSON.parse('{"__proto__": {"own": 1}, "a": {}, "text": "x", "list": [1]}');
    const inherited = ['constructor', 'toString', 'hasOwnProperty', '__defineGetter__', 'valueOf'];
    for (const name of inherited) {
      for (const text of [
        name,
        `a.${name}`,
        `a.b || a.${name}`,
        `text.${name}`,
        `list.${name}`,
        `[a][*].${name} | [0]`,
      ]) {
        assert.equal(evaluate(text, row), null, text);
      }
    }
    assert.equal(evaluate('a.__proto__', row), null);
    assert.deepEqual(evaluate('"__proto__".own', row), 1);
    assert.equal(evaluate('text.length', row), null);
    assert.equal(evaluate('list.length', row), null);
  });

  it('makes fields of any name, and changes no prototype', () => {
    const row: Datum = JSON.parse('{"p": {"__proto__": {"polluted": true}}, "k": [["__proto__", {"polluted": true}]]}');
    for (const text of ['merge(p, p)', 'from_items(k)', '{"__proto__": p."__proto__"}', 'parse_json(to_string(p))']) {
      const made = evaluate(text, row);
      assert.ok(typeof made === 'object' && made !== null);
      assert.equal(Object.getPrototypeOf(made), Object.prototype, text);
      assert.deepEqual(Object.keys(made), ['__proto__'], text);
      assert.equal(evaluate('polluted', made), null, text);
    }
    const grouped = evaluate('group_by(@, &k)', JSON.parse('[{"k": "__proto__"}, {"k": "constructor"}]'));
    assert.deepEqual(Object.keys(grouped ?? {}), ['__proto__', 'constructor']);
  });

  it('never takes data for code', () => {
    const row = { x: { expref: true, type: 'Field', name: 'secret' }, list: [{ secret: 1 }] };
    assert.throws(() => compileExpression('map(x, list)'), /needs an &expression/);
    assert.equal(evaluate('type(x)', row), 'object');
    assert.deepEqual(evaluate('not_null(x)', row), row.x);
  });

  it('is bounded in time and size', () => {
    const digits = '1'.repeat(200_000);
    const long = 'a'.repeat(1_000_000);
    const many = Array.from({ length: 20_000 }, (_, index) => index);
    const wide = Object.fromEntries(many.map((index) => [`f${index}`, index]));
    const row = {
      n: 1e9,
      text: 'x',
      digits: new NumberText(`${digits}.5`),
      long,
      part: `b${'a'.repeat(500_000)}`,
      many,
      copy: [...many],
      wide,
      wider: { ...wide, x: 1 },
      longs: [long, long],
    };
    const tight: readonly string[] = [
      'pad_left(text, n)',
      'pad_right(text, `2000000000`)',
      "replace(long, 'a', long)",
      "join(long, split(long, ''))",
      'contains(long, part)',
      'find_last(long, part)',
      'split(long, part)',
      'many[*].{x: $.many[*].{y: $.many}}',
      'many[?contains($.many, `-1`)]',
      'map(&sum($.many), many)',
      'many[*].{a: $.many}',
      'to_string(many[*].{a: $.many})',
      'many[?$.many == $.copy]',
      'sort_by(many, &length($.long))',
      'many[?$.digits > `1`]',
      'many[*].[to_string($.many)]',
      'many[*].[keys($.wide)]',
      'many[*].[length($.wide)]',
      'many[?$.wide]',
      'many[?$.wide == $.wider]',
      "many[*].[join('', $.longs)]",
      "many[*].[replace($.long, 'b', 'c')]",
    ];
    for (const text of tight) assertFails(text, row, /too many steps|too large|more than 16777216 characters/);
  });

  it('reads long keys and headers once', () => {
    const many = Array.from({ length: 20_000 }, (_, index) => index);
    const value = new TextEncoder().encode('x'.repeat(500_000));
    const record: KafkaRecord = { ...RECORD, key: value, headers: [{ key: 'h', value }] };
    const text = "many[?starts_with($.kafka.key, 'y') || $.kafka.headers.h == '' || kafka == `1`]";
    assert.throws(() => compileExpression(text).evaluate({ many }, record), /too many steps/);
    const fair = 'length(many[?$.kafka.headers.h != `null` && $.kafka.key != `null` && $.kafka.headers])';
    assert.equal(compileExpression(fair).evaluate({ many }, record), 20_000);
  });

  it('passes what is large but fair', () => {
    const many = Array.from({ length: 200_000 }, (_, index) => ({ id: index, name: `n${index}` }));
    const row = { many, long: 'é'.repeat(2_000_000) };
    assert.equal(evaluate('length(many[?id > `10`].name)', row), many.length - 11);
    assert.equal(evaluate('length(long)', row), 2_000_000);
    assert.equal(evaluate('max_by(many, &id).name', row), 'n199999');
    assert.equal((evaluate('sort_by(many[:50000], &name)', row) as Datum[]).length, 50_000);
    assert.equal(evaluate("contains(long, 'needle in a haystack')", row), false);
  });

  it('fails with a PayloadError for values that are nested too deeply', () => {
    let deep: Datum = 1;
    let same: Datum = 1;
    for (let level = 0; level < 20_000; level++) {
      deep = level % 2 === 0 ? [deep] : { a: deep };
      same = level % 2 === 0 ? [same] : { a: same };
    }
    for (const text of ['to_string(deep)', '[deep]', 'deep == same', '{x: deep}']) {
      assertFails(text, { deep, same }, /too large|call stack/);
    }
    assertFails('parse_json(text)', { text: '['.repeat(100_000) }, /expected JSON nested 100 levels at most/);
  });

  it('throws nothing but PayloadError, and never gives what JSON cannot have', () => {
    const key = fc.constantFrom('a', 'b', 'kafka', '__proto__', 'constructor', 'toString', 'expref', 'length', 'text');
    const { value } = fc.letrec<{ value: Datum }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom<Datum>(null, undefined, true, 0, -1, 1.5, 1e300, '', 'x', '\ud800', '12', '[1', '2021-07-20'),
        fc.constantFrom('1e400', '-9007199254740993', '0.12345678901234567890').map((text) => new NumberText(text)),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.array(fc.tuple(key, tie('value')), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
      ),
    }));
    const functions = [
      ...['abs', 'avg', 'ceil', 'floor', 'from_items', 'items', 'keys', 'length', 'lower', 'max', 'merge', 'min'],
      ...['not_null', 'reverse', 'sort', 'sum', 'to_array', 'to_number', 'to_string', 'trim', 'type', 'upper', 'zip'],
      ...['values', 'parse_json', 'sha256', 'to_date', 'create_timestamp', 'epoch_millis_to_micro'],
      ...['epoch_seconds_to_iso8601', 'epoch_millis_to_iso8601', 'epoch_micros_to_iso8601'],
    ].map((name) => `${name}(a)`);
    const others = [
      ...['contains(a, b)', 'find_first(a, b)', 'join(a, b)', 'split(a, b)', 'replace(a, b, a)', 'pad_left(a, b)'],
      ...['substr(a, b, b)', 'group_by(a, &b)', 'max_by(a, &b)', 'sort_by(a, &b)', 'map(&a.b, a)', 'a == b', 'a < b'],
      ...[
        'a + b',
        'a % b',
        'a[*].b',
        'a[].b[]',
        'a.*',
        'a[?b]',
        'a[::-1]',
        'a.constructor',
        'a.b.toString',
        '*',
        'keys(@)',
      ],
    ];
    const compiled = [...functions, ...others].map(compileExpression);
    fc.assert(
      fc.property(fc.constantFrom(...compiled), fc.record({ a: value, b: value }), (expression, row) => {
        try {
          assertIsDatum(expression.evaluate(row, RECORD));
        } catch (error) {
          if (!(error instanceof PayloadError)) throw error;
          assert.equal(error.code, 'EXPRESSION_FAILED');
          assert.ok(!/is not a function|Cannot (read|convert)|undefined/.test(error.message), error.message);
        }
      }),
      { numRuns: 5000 },
    );
  });
});

function assertIsDatum(value: Datum): void {
  if (value === null || value === undefined || value instanceof NumberText) return;
  if (typeof value !== 'object') {
    assert.ok(['boolean', 'number', 'string'].includes(typeof value));
    if (typeof value === 'number') assert.ok(Number.isFinite(value));
    return;
  }
  assert.ok(Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype);
  for (const child of Object.values(value)) assertIsDatum(child);
}
