import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { hiveFolders, parseHiveSegments, partitionValues } from '../../../src/delta/partition.ts';
import type { DataType } from '../../../src/delta/schema.ts';
import { type Datum, NumberText } from '../../../src/kafka/decode/datum.ts';
import { PayloadError } from '../../../src/kafka/decode/payload-error.ts';
import { compilePartition } from '../../../src/kafka/transform/partition.ts';

const toValue = (type: DataType, p: Datum) => compilePartition({ name: 'p', type }).valueOf({ p });

const CODE_UNIT = fc.nat({ max: 0xffff }).map((unit) => String.fromCharCode(unit));

describe('a partition value', () => {
  const cases: readonly (readonly [DataType, Datum, string | null])[] = [
    ['string', 'a/b=c é', 'a/b=c é'],
    ['string', '..', '..'],
    ['string', 5, '5'],
    ['string', 1.5, '1.5'],
    ['string', true, 'true'],
    ['string', new NumberText('9007199254740993'), '9007199254740993'],
    ['string', '', null],
    ['string', null, null],
    ['string', undefined, null],
    ['date', '2021-07-20', '2021-07-20'],
    ['date', null, null],
    ['integer', 5, '5'],
    ['integer', '-5', '-5'],
    ['long', new NumberText('9223372036854775807'), '9223372036854775807'],
    ['boolean', true, 'true'],
    ['boolean', 'FALSE', 'false'],
    ['double', 1.5, '1.5'],
    ['double', 1e21, '1.0E21'],
    ['decimal(10,2)', new NumberText('12.50'), '12.50'],
    ['decimal(10,2)', 12.5, '12.50'],
    ['timestamp', '2021-07-20T23:18:18+02:00', '2021-07-20T21:18:18.000000Z'],
    ['timestamp_ntz', '2021-07-20 23:18:18', '2021-07-20 23:18:18'],
  ];
  for (const [type, value, expected] of cases) {
    it(`is ${JSON.stringify(expected)} of ${JSON.stringify(value)} for ${type}`, () => {
      assert.equal(toValue(type, value), expected);
    });
  }

  it('is none of what its type does not have', () => {
    const wrong: readonly (readonly [DataType, Datum])[] = [
      ...(['date', 'timestamp', 'timestamp_ntz', 'boolean'] as const).map((type) => [type, 5] as const),
      ['date', '2021-02-30'],
      ['date', '2021-07-20T00:00:00Z'],
      ['integer', 1.5],
      ['integer', 2 ** 31],
      ['integer', true],
      ['long', new NumberText('9223372036854775808')],
      ['double', new NumberText('1e400')],
      ['boolean', 'yes'],
      ['string', []],
      ['string', { a: 1 }],
      ['string', 'a\0b'],
      ['string', '\ud800'],
      ['string', 'é'.repeat(129)],
      ['string', '__HIVE_DEFAULT_PARTITION__'],
    ];
    for (const [type, value] of wrong) {
      assert.throws(
        () => toValue(type, value),
        (error) => {
          assert.ok(error instanceof PayloadError, String(error));
          assert.equal(error.code, 'INVALID_TARGET');
          assert.match(error.message, /^The partition column "p" got .*, expected a value of type /);
          return error.message.length < 300;
        },
        `${type} ${JSON.stringify(value)}`,
      );
    }
    assert.equal(toValue('string', 'é'.repeat(128)), 'é'.repeat(128));
  });

  it('comes of an expression, or of the field with the name of the column', () => {
    const expression = 'substr(at, `0`, `10`)';
    const partition = compilePartition({ name: 'day', type: 'date', expression });
    assert.equal(partition.valueOf({ at: '2021-07-20T23:18:18Z' }), '2021-07-20');
    assert.equal(partition.usesRow, true);
    assert.equal(compilePartition({ name: 'an odd "name"', type: 'string' }).valueOf({ 'an odd "name"': 'x' }), 'x');
    assert.equal(compilePartition({ name: 't', type: 'string', expression: 'kafka.topic' }).usesRow, false);
    assert.throws(() => partition.valueOf({ at: 5 }), { code: 'EXPRESSION_FAILED' });
    assert.throws(() => compilePartition({ name: 'p', type: 'variant' }), /of type variant cannot partition a table/);
    assert.throws(() => compilePartition({ name: 'p', type: 'string', expression: 'a b' }), /at position 3/);
  });

  it('comes back from the folder that it has', () => {
    fc.assert(
      fc.property(fc.string({ unit: CODE_UNIT, maxLength: 20 }), (text) => {
        let value: string | null;
        try {
          value = toValue('string', text);
        } catch (error) {
          assert.ok(error instanceof PayloadError);
          return;
        }
        const folder = hiveFolders([{ name: 'p', value }]);
        assert.deepEqual(partitionValues(parseHiveSegments(`${folder}/f`), [{ name: 'p', type: 'string' }]), {
          p: value,
        });
      }),
    );
  });
});
