import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseAppendConfig } from '../../src/ingest/config.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';

function problems(value: unknown): readonly string[] {
  try {
    parseAppendConfig(value);
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems;
  }
}

describe('the configuration', () => {
  it('has defaults for everything', () => {
    assert.deepEqual(parseAppendConfig({}), {
      tables: [],
      convention: 'hive',
      defaults: { schemaPolicy: 'evolve', deletes: 'apply', adoptExisting: false, properties: {} },
      footerConcurrency: 32,
      tableConcurrency: 8,
      maxFooterBytes: 16 * 2 ** 20,
      footerMemory: 64 * 2 ** 20,
      clockMargin: 60_000,
    });
  });

  it('hands the defaults on to the rules', () => {
    const { tables } = parseAppendConfig({
      defaults: { schemaPolicy: 'strict', properties: { 'delta.appendOnly': 'true' } },
      tables: [{ prefix: '/a/b/', properties: { owner: 'x' }, partitionColumns: [{ name: 'ds', type: 'date' }] }],
    });
    assert.deepEqual(tables[0], {
      schemaPolicy: 'strict',
      deletes: 'apply',
      adoptExisting: false,
      properties: { 'delta.appendOnly': 'true', owner: 'x' },
      prefix: 'a/b',
      root: 'a/b',
      exclude: [],
      columnComments: {},
      partitionColumns: [{ name: 'ds', type: 'date' }],
    });
  });

  it('names every mistake at once, by its place', () => {
    const found = problems({
      convention: 'hvie',
      footerConcurency: 3,
      clockMargin: 'soon',
      defaults: { deletes: true },
      tables: [
        { prefix: 'a/{x}/{x}' },
        { root: 'b' },
        { prefix: 'a', root: 'b' },
        { prefix: 'a', partitionColumns: [{ name: 'd', type: 'datum' }, { name: 'D' }], adoptExisting: 'false' },
        'nonsense',
      ],
    });
    assert.deepEqual(found.map((problem) => problem.split(':')[0] ?? '').sort(), [
      'clockMargin',
      'convention',
      'defaults.deletes',
      'footerConcurency',
      'tables[0].prefix',
      'tables[1].prefix',
      'tables[2].root',
      'tables[3].adoptExisting',
      'tables[3].partitionColumns',
      'tables[3].partitionColumns[0].type',
      'tables[4]',
      'tables[4].prefix',
    ]);
  });

  it('refuses table properties that no table can have, at their place', () => {
    const found = problems({
      defaults: { properties: { 'delta.appendonly': 'true', owner: 'anything' } },
      tables: [
        { prefix: 'a', properties: { 'delta.checkpointInterval': 'often', 'delta.appendOnly': 'true' } },
        { prefix: 'b', properties: { 'delta.feature.catalogManaged': 'supported' } },
      ],
    });
    assert.equal(found.length, 3);
    assert.match(found[0] ?? '', /^defaults\.properties: .*"delta\.appendonly" is not known; .*"delta\.appendOnly"$/);
    assert.match(found[1] ?? '', /^tables\[0\]\.properties: .*"delta\.checkpointInterval" is "often", expected /);
    assert.match(found[2] ?? '', /^tables\[1\]\.properties: .*catalogManaged \(not supported\)$/);
  });

  describe('with two rules for one root', () => {
    const raw = { prefix: 'raw/b', root: 'raw' };
    const differing: Record<string, unknown> = {
      schemaPolicy: 'strict',
      deletes: 'ignore',
      adoptExisting: true,
      properties: { owner: 'x' },
      partitionColumns: [{ name: 'ds' }],
      description: 'x',
      columnComments: { id: 'x' },
    };
    for (const [name, value] of Object.entries(differing)) {
      it(`refuses another ${name}, naming both`, () => {
        assert.deepEqual(problems({ tables: [{ prefix: 'other' }, { ...raw, prefix: 'raw/a', [name]: value }, raw] }), [
          `tables[2]: has the same root as tables[1], but differs from it in ${name}`,
        ]);
      });
    }

    it('refuses them also where the captures have other names, or only one is for a bucket', () => {
      const roots = [
        { prefix: '{x}/a', root: '{x}', deletes: 'ignore' },
        { prefix: '{y}/b', root: '{y}' },
      ];
      assert.equal(problems({ tables: roots }).length, 1);
      assert.equal(problems({ tables: [{ ...raw, prefix: 'raw/a', bucket: 'x', deletes: 'ignore' }, raw] }).length, 1);
      assert.equal(problems({ tables: [raw, { ...raw, bucket: 'x', deletes: 'ignore' }] }).length, 1);
    });

    it('takes what cannot lend a table other settings', () => {
      const other = { ...raw, prefix: 'raw/a' };
      const ignoring = { ...other, deletes: 'ignore' };
      assert.deepEqual(problems({ tables: [other, { ...raw, exclude: ['tmp/**'] }] }), []);
      assert.deepEqual(problems({ tables: [{ ...other, deletes: 'apply' }, raw] }), []);
      assert.deepEqual(problems({ tables: [{ ...ignoring, root: 'raw/a' }, raw] }), []);
      assert.deepEqual(
        problems({
          tables: [
            { ...ignoring, bucket: 'x' },
            { ...raw, bucket: 'y' },
          ],
        }),
        [],
      );
      // In bucket x the first rule has all the keys.
      assert.deepEqual(problems({ tables: [{ ...ignoring, prefix: 'raw', bucket: 'x' }, raw] }), []);
    });
  });
});
