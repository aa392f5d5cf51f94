import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { parseTagConfig, type TagRuleInput } from '../../src/tag/config.ts';
import { tagKeyProblem, tagValueProblem, toTagValue } from '../../src/tag/limits.ts';
import { mergeTags } from '../../src/tag/merge.ts';
import { type Tag, tagsFor } from '../../src/tag/rules.ts';

function tagsOf(key: string, ...rules: TagRuleInput[]): Record<string, string> {
  return Object.fromEntries(tagsFor(key, parseTagConfig({ rules }).rules).map((tag) => [tag.key, tag.value]));
}

describe('the tags of a key', () => {
  it('are constants and parts of the key', () => {
    const rule = {
      prefix: 'tenants/{tenant}/orders',
      tags: {
        team: 'data',
        tenant: '{tenant}',
        day: 'day {ds}',
        type: '{extension}',
        file: '{filename}',
        where: '{tenant}/{region}',
      },
    };
    assert.deepEqual(tagsOf('tenants/acme/orders/ds=2026-11-24/region=eu/part-1.snappy.parquet', rule), {
      team: 'data',
      tenant: 'acme',
      day: 'day 2026-11-24',
      type: 'parquet',
      file: 'part-1.snappy.parquet',
      where: 'acme/eu',
    });
  });

  it('leave out what the key has no value for', () => {
    const tags = { type: '{extension}', day: '{ds}', team: 'data', both: '{tenant}-{ds}' };
    const rule = { prefix: '{tenant}', tags };
    assert.deepEqual(tagsOf('acme/README', rule), { team: 'data' });
    assert.deepEqual(tagsOf('acme/ds=__HIVE_DEFAULT_PARTITION__/.hidden', rule), { team: 'data' });
    assert.deepEqual(tagsOf('acme/ds=/a.', rule), { team: 'data' });
  });

  it('are those of the rules that fit, the earlier rule before the later one', () => {
    const rules = [
      { prefix: 'raw', suffix: '.csv', tags: { type: 'table', from: 'first' } },
      { glob: '**/*.csv', tags: { from: 'second', any: 'csv' } },
      { prefix: 'raw', glob: 'deep/*/x-*', tags: { deep: 'yes' } },
    ];
    assert.deepEqual(tagsOf('raw/a.csv', ...rules), { type: 'table', from: 'first', any: 'csv' });
    assert.deepEqual(tagsOf('other/b/a.csv', ...rules), { from: 'second', any: 'csv' });
    assert.deepEqual(tagsOf('raw/deep/1/x-1', ...rules), { deep: 'yes' });
    assert.deepEqual(tagsOf('raw/deep/1/2/x-1', ...rules), {});
    assert.deepEqual(tagsOf('rawest/a.txt', ...rules), {});
    assert.deepEqual(tagsOf('raw/', { tags: { a: 'b' } }), {}, 'a folder marker');
  });

  it('have the values of folders as they were before Spark escaped them, in characters of S3', () => {
    const rule = { tags: { time: '{time}', city: '{city}', odd: '{odd}' } };
    assert.deepEqual(tagsOf('t/time=10%3A30/city=São Paulo/odd=a&b(c)/x', rule), {
      time: '10:30',
      city: 'São Paulo',
      odd: 'a_b_c_',
    });
  });

  it('take the segment that the prefix names before a folder of the same name', () => {
    assert.equal(tagsOf('a/ds=1/x', { prefix: '{ds}', tags: { ds: '{ds}' } }).ds, 'a');
  });

  it('always fit the limits of S3', () => {
    const rules = parseTagConfig({ rules: [{ prefix: '{a}', tags: { a: '{a}', b: '{b}', f: '{filename}' } }] }).rules;
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 700 }), (text) => {
        for (const { value } of tagsFor(`${text}/b=${text}/${text}`, rules)) {
          assert.equal(tagValueProblem(value), undefined);
          assert.ok(value.isWellFormed());
        }
      }),
    );
  });
});

describe('a value', () => {
  it('is cut where it is too long, but not within a character', () => {
    assert.equal(toTagValue('x'.repeat(300)), 'x'.repeat(256));
    // A letter of two UTF-16 units, of which the limit would split one.
    assert.equal(toTagValue(`x${'𝐀'.repeat(200)}`), `x${'𝐀'.repeat(127)}`);
    assert.equal(toTagValue(''), '');
  });
});

describe('a configuration of tags', () => {
  const tags = { a: 'b' };
  const wrong: readonly (readonly [string, unknown, string])[] = [
    ['no rules', {}, 'rules: has none'],
    ['a rule without tags', { rules: [{ prefix: 'a' }] }, 'rules[0].tags: has none'],
    ['a misspelt setting', { rules: [{ tags, sufix: 'x' }] }, 'rules[0].sufix: is not a setting'],
    ['a pattern that is none', { rules: [{ tags, prefix: 'a/*' }] }, 'rules[0].prefix: has the segment "*"'],
    ['a name that is taken', { rules: [{ tags, prefix: '{extension}' }] }, 'rules[0].prefix: has {extension}'],
    ['a glob from the root of nothing', { rules: [{ tags, glob: '/a' }] }, 'rules[0].glob: expected a glob'],
    ['a brace alone', { rules: [{ tags: { a: '{b' } }] }, 'rules[0].tags["a"]: expected text with names in braces'],
    ['no name', { rules: [{ tags: { a: '{}' } }] }, 'rules[0].tags["a"]: expected text with names in braces'],
    ['a character S3 does not take', { rules: [{ tags: { a: 'x&y' } }] }, 'rules[0].tags["a"]: expected letters'],
    ['a value that is too long', { rules: [{ tags: { a: 'x'.repeat(257) } }] }, 'rules[0].tags["a"]: expected 256'],
    ['a key that is too long', { rules: [{ tags: { ['k'.repeat(129)]: '' } }] }, 'expected 1-128 characters'],
    ['an empty key', { rules: [{ tags: { '': 'x' } }] }, 'rules[0].tags[""]: as a key: expected 1-128'],
    ['a key with other characters', { rules: [{ tags: { 'a{b}': 'x' } }] }, 'as a key: expected letters'],
    ["a key of AWS's", { rules: [{ tags: { 'aws:x': 'x' } }] }, 'as a key: the beginning "aws:"'],
    [
      'more tags than an object takes',
      { rules: [{ tags: Object.fromEntries(Array.from({ length: 11 }, (_, index) => [`k${index}`, ''])) }] },
      'rules[0].tags: has 11, but an object takes 10',
    ],
  ];
  for (const [name, config, problem] of wrong) {
    it(`is refused with ${name}`, () => {
      assert.throws(
        () => parseTagConfig(config),
        (error) => error instanceof ConfigError && error.problems.some((text) => text.includes(problem)),
      );
    });
  }

  it('takes letters and spaces of any language', () => {
    assert.equal(tagKeyProblem('Größe 大小 + - = . _ : / @'), undefined);
    assert.equal(tagValueProblem(''), undefined);
  });
});

describe('tags are added to those of the object', () => {
  const numbered = (prefix: string, count: number): Tag[] =>
    Array.from({ length: count }, (_, index) => ({ key: `${prefix}${index}`, value: `${index}` }));

  it('which stay', () => {
    const foreign = { key: 'cost', value: '7' };
    assert.deepEqual(mergeTags([foreign, { key: 'own0', value: 'old' }], numbered('own', 2)), {
      tags: [foreign, { key: 'own0', value: '0' }, { key: 'own1', value: '1' }],
      isChanged: true,
      leftOut: [],
    });
  });

  it('unless it has them', () => {
    const has = [...numbered('own', 2), { key: 'cost', value: '7' }];
    assert.equal(mergeTags(has, numbered('own', 2)).isChanged, false);
  });

  it('as far as there is place, the first of the rules first', () => {
    const foreign = numbered('foreign', 8);
    const { tags, leftOut } = mergeTags(foreign, numbered('own', 4));
    assert.deepEqual(tags, [...foreign, ...numbered('own', 2)]);
    assert.deepEqual(
      leftOut.map(({ key }) => key),
      ['own2', 'own3'],
    );
    const full = mergeTags(numbered('foreign', 10), [
      { key: 'own', value: '' },
      { key: 'foreign3', value: 'new' },
    ]);
    assert.equal(full.isChanged, true, 'a tag that is there is replaced');
    assert.equal(full.tags.length, 10);
  });
});
