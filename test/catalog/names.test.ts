import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseCatalogConfig } from '../../src/catalog/config.ts';
import { nameFor, prefixesOf } from '../../src/catalog/names.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';

const rulesOf = (config: unknown) => parseCatalogConfig(config).rules;
const nameOf = (config: unknown, root: string) => {
  const name = nameFor(rulesOf(config), root);
  return name && `${name.database}.${name.table}`;
};

describe('names in the catalog', () => {
  const pattern = 'lake/{database}/{table}';

  it('come from the segments of the path', () => {
    assert.equal(nameOf({ pattern }, 'lake/sales/orders'), 'sales.orders');
    assert.equal(nameOf({ pattern: '/lake/{database}/{table}/' }, 'lake/sales/orders'), 'sales.orders');
  });

  it('are none for a path that no rule fits', () => {
    for (const root of ['lake/orders', 'lake/a/b/c', 'other/a/b', ''])
      assert.equal(nameOf({ pattern }, root), undefined);
  });

  it('are in lower case, with underscores for what engines do not take', () => {
    assert.equal(nameOf({ pattern }, 'lake/Sales-EU/Web Hits.v2'), 'sales_eu.web_hits_v2');
    assert.equal(nameOf({ pattern }, 'lake/ümläut/😀'), '_ml_ut._');
  });

  it('come from the first rule that fits', () => {
    const rules = [
      { root: 'lake/{tenant}/orders', database: 'Lake-{tenant}', table: 'orders' },
      { root: 'lake/{tenant}/{table}', database: 'lake_{tenant}', table: 'raw_{table}' },
      { root: 'bronze/{table}', database: 'bronze' },
    ];
    assert.equal(nameOf({ rules }, 'lake/A/orders'), 'lake_a.orders');
    assert.equal(nameOf({ rules }, 'lake/a/hits'), 'lake_a.raw_hits');
    assert.equal(nameOf({ rules }, 'bronze/hits'), 'bronze.hits');
  });

  it('are refused when they are too long', () => {
    assert.equal(nameOf({ pattern }, `lake/a/${'x'.repeat(255)}`), `a.${'x'.repeat(255)}`);
    assert.throws(
      () => nameOf({ pattern }, `lake/a/${'x'.repeat(256)}`),
      /the table of .*: expected 1 to 255 characters/,
    );
    assert.throws(() => nameOf({ pattern }, 'lake//t'), /the database of the table at "lake\/\/t" would be named ""/);
  });

  it('tell where tables can be', () => {
    assert.deepEqual(prefixesOf(rulesOf({ pattern })), ['lake']);
    assert.deepEqual(prefixesOf(rulesOf({ pattern: '{database}/{table}' })), ['']);
    const rules = [
      { root: 'a/{table}', database: 'x' },
      { root: 'a/b/{table}', database: 'x' },
      { root: 'ab/fixed', database: 'x', table: 'y' },
    ];
    assert.deepEqual(prefixesOf(rulesOf({ rules })), ['a', 'ab/fixed']);
  });
});

describe('the configuration of the catalog', () => {
  const WRONG: readonly (readonly [unknown, RegExp])[] = [
    [{}, /pattern: expected it, such as "lake\/\{database\}\/\{table\}", or rules, and not both/],
    [{ pattern: '{database}/{table}', rules: [{ root: '{database}/{table}' }] }, /and not both/],
    [{ pattern: 'lake/{table}' }, /database: needs \{database\}, which "lake\/\{table\}" has not/],
    [{ pattern: 'lake/x{database}/{table}' }, /pattern: has the segment "x\{database\}"/],
    [{ pattern: 'lake//{database}/{table}' }, /has the segment ""/],
    [{ pattern: 'lake/*/{database}/{table}' }, /has the segment "\*"/],
    [{ pattern: '{table}/{table}' }, /names a segment twice/],
    [{ rules: [{ root: 'a/{table}', database: '' }] }, /rules\[0\]\.database: expected a name/],
    [{ rules: [{ root: 'a/{table}', database: 'x{' }] }, /rules\[0\]\.database: expected a name/],
    [{ rules: [{ root: 'a/{t}', database: 'x' }] }, /rules\[0\]\.table: needs \{table\}/],
    [{ pattern: '{database}/{table}', createDatabse: true }, /createDatabse: is not a setting/],
  ];
  for (const [config, expected] of WRONG) {
    it(`refuses ${JSON.stringify(config)}`, () => {
      assert.throws(
        () => parseCatalogConfig(config),
        (error) => error instanceof ConfigError && expected.test(error.message),
      );
    });
  }
});
