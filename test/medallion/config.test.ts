import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { parseMedallionConfig } from '../../src/medallion/config.ts';
import type { MedallionConfigInput, StepInput } from '../../src/medallion/config-input.ts';

const BUCKETS = { landing: 'lake', kafka: 'streams' };
const SILVER: StepInput = { target: 'silver/orders', source: 'bronze/orders', sql: 'SELECT * FROM orders' };

function parse(...steps: readonly StepInput[]) {
  return parseMedallionConfig({ steps } satisfies MedallionConfigInput, BUCKETS).steps;
}

/** What is wrong with a configuration, which may have what no `StepInput` has. */
function problemsOf(...steps: readonly unknown[]): readonly string[] {
  try {
    parseMedallionConfig({ steps }, BUCKETS);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('the configuration of steps', () => {
  it('needs a target, a source and SQL, and has a default for the rest', () => {
    assert.deepEqual(parse(SILVER), [
      {
        name: 'silver-orders',
        target: { bucket: 'lake', prefix: 'silver/orders' },
        source: { name: 'orders', bucket: 'lake', prefix: 'bronze/orders' },
        lookups: [],
        transform: { kind: 'sql', sql: 'SELECT * FROM orders' },
        mode: { kind: 'append' },
        partitionBy: [],
        properties: {},
        schema: 'evolve',
        changes: 'fail',
        start: 'beginning',
        quality: [],
        limits: { maxBytes: 268_435_456, maxFiles: 1_000, maxVersions: 1_000 },
        engine: 'auto',
      },
    ]);
  });

  it('takes every setting', () => {
    const [step] = parse({
      name: 'orders',
      target: { bucket: 'elsewhere', prefix: '/silver/orders/' },
      source: { bucket: 'kafka', prefix: 'bronze/order-events', name: 'events' },
      lookups: ['bronze/customers'],
      sql: 'SELECT 1',
      sparkSql: 'SELECT 2',
      mode: 'merge',
      keys: ['id'],
      orderBy: 'at',
      deleteWhen: '_deleted',
      deletes: 'ignore',
      lateness: 24,
      partitionBy: ['day'],
      properties: { 'delta.enableChangeDataFeed': 'true' },
      schema: 'fixed',
      changes: 'skip',
      start: 'latest',
      quality: [
        { check: 'not-null', column: 'id', action: 'fail' },
        { check: 'range', column: 'total', min: 0, max: "DATE '2030-01-01'" },
        { check: 'references', columns: ['customer'], lookup: 'customers', lookupColumns: ['id'], name: 'known' },
      ],
      limits: { maxFiles: 10 },
      engine: 'duckdb',
    });
    assert.deepEqual(step, {
      name: 'orders',
      target: { bucket: 'elsewhere', prefix: 'silver/orders' },
      source: { name: 'events', bucket: 'streams', prefix: 'bronze/order-events' },
      lookups: [{ name: 'customers', bucket: 'lake', prefix: 'bronze/customers' }],
      transform: { kind: 'sql', sql: 'SELECT 1', sparkSql: 'SELECT 2' },
      mode: {
        kind: 'merge',
        keys: ['id'],
        orderBy: 'at',
        deleteWhen: '_deleted',
        deletes: 'ignore',
        lateness: 86_400_000,
      },
      partitionBy: ['day'],
      properties: { 'delta.enableChangeDataFeed': 'true' },
      schema: 'fixed',
      changes: 'skip',
      start: 'latest',
      quality: [
        { name: 'not-null_id', check: { kind: 'not-null', column: 'id' }, action: 'fail' },
        {
          name: 'range_total',
          check: { kind: 'range', column: 'total', min: '0', max: "DATE '2030-01-01'" },
          action: 'warn',
        },
        {
          name: 'known',
          check: { kind: 'references', columns: ['customer'], lookup: 'customers', lookupColumns: ['id'] },
          action: 'warn',
        },
      ],
      limits: { maxBytes: 268_435_456, maxFiles: 10, maxVersions: 1_000 },
      engine: 'duckdb',
    });
  });

  it('chains steps by their names or by their tables', () => {
    const gold = { target: 'gold/sales', sql: 'SELECT 1', mode: 'aggregate', keys: ['day'] } as const;
    const byName = parse({ ...gold, source: { step: 'silver-orders' } }, SILVER)[0]?.source;
    const byTable = parse({ ...gold, source: 'silver/orders' }, SILVER)[0]?.source;
    assert.deepEqual(byName, { name: 'orders', bucket: 'lake', prefix: 'silver/orders' });
    assert.deepEqual(byName, byTable);
  });

  it('lets steps share a target where both append, or merge by the same keys', () => {
    assert.equal(parse(SILVER, { ...SILVER, name: 'more', source: 'bronze/more' }).length, 2);
    const merge = { ...SILVER, mode: 'merge', keys: ['id'] } as const;
    assert.equal(parse(merge, { ...merge, name: 'more', source: 'bronze/more' }).length, 2);
  });

  const mistakes: readonly (readonly [what: string, change: object, problem: RegExp])[] = [
    ['a setting that is none', { modus: 'merge' }, /^steps\[0\]\.modus: is not a setting/],
    ['no target', { target: undefined }, /^steps\[0\]\.target: is required/],
    ['a target without a prefix', { target: { bucket: 'lake' } }, /^steps\[0\]\.target\.prefix: is required/],
    ['no source', { source: undefined }, /^steps\[0\]\.source: is required/],
    ['a source without a prefix', { source: { bucket: 'lake' } }, /^steps\[0\]\.source\.prefix: is required, or step/],
    ['a source that is no prefix', { source: 'bronze/*' }, /^steps\[0\]\.source\.prefix: expected a prefix/],
    ['a source that is no text', { source: 7 }, /^steps\[0\]\.source: expected an object, got 7/],
    [
      'an unknown bucket',
      { source: { bucket: 'No', prefix: 'a' } },
      /^steps\[0\]\.source\.bucket: expected landing, kafka/,
    ],
    [
      'an unknown step',
      { source: { step: 'bronze' } },
      /^steps\[0\]\.source\.step: expected the name of a step \(silver-orders\)/,
    ],
    ['a source that needs a name', { source: 'bronze/2026' }, /^steps\[0\]\.source\.name: is required: the prefix/],
    [
      'two names that are the same',
      { lookups: ['other/orders'] },
      /^steps\[0\]\.lookups: "orders" is the name of two tables/,
    ],
    ['a bad name', { name: 'Silver' }, /^steps\[0\]\.name: expected 1-64 lower-case letters/],
    ['no SQL', { sql: undefined }, /^steps\[0\]\.sql: is required, or sqlFile, or function/],
    [
      'SQL and a function',
      { function: 'a.ts', columns: 'id BIGINT' },
      /^steps\[0\]\.sql: is given, and so is function/,
    ],
    ['a file that nobody read', { sqlFile: 'a.sql' }, /^steps\[0\]\.sqlFile: is for configuration files/],
    ['columns of SQL', { columns: 'id BIGINT' }, /^steps\[0\]\.columns: is for function/],
    [
      'a function without columns',
      { sql: undefined, function: 'a.ts' },
      /^steps\[0\]\.columns: is required with function/,
    ],
    [
      'columns that are no DDL',
      { sql: undefined, function: 'a.ts', columns: 'id BIGINTEGER' },
      /^steps\[0\]\.columns: is no DDL/,
    ],
    ['an unknown mode', { mode: 'upsert' }, /^steps\[0\]\.mode: expected append or merge or/],
    ['a merge without keys', { mode: 'merge' }, /^steps\[0\]\.keys: is required for the mode "merge"/],
    ['a setting of another mode', { orderBy: 'at' }, /^steps\[0\]\.orderBy: is not a setting of the mode "append"/],
    ['a key that is there twice', { mode: 'merge', keys: ['id', 'id'] }, /^steps\[0\]\.keys: "id" is there twice/],
    ['lateness without an order', { mode: 'merge', keys: ['id'], lateness: 1 }, /^steps\[0\]\.lateness: needs orderBy/],
    [
      'an unknown combination',
      { mode: 'aggregate', keys: ['id'], combine: { n: 'avg' } },
      /^steps\[0\]\.combine\.n: expected sum or min or max/,
    ],
    [
      'a key that is combined',
      { mode: 'aggregate', keys: ['id'], combine: { id: 'sum' } },
      /^steps\[0\]\.combine\.id: is a key/,
    ],
    [
      'a count that is no sum',
      { mode: 'aggregate', keys: ['id'], combine: { n: 'max' }, rowCount: 'n' },
      /^steps\[0\]\.rowCount: expected a column that is summed up/,
    ],
    [
      'rows of an aggregate in quarantine',
      { mode: 'aggregate', keys: ['id'], quality: [{ check: 'not-null', column: 'id', action: 'quarantine' }] },
      /^steps\[0\]\.quality\[0\]\.action: expected warn or fail/,
    ],
    ['partitions to replace of none', { mode: 'replace-partitions' }, /^steps\[0\]\.partitionBy: is required/],
    [
      'an unchanged column that is no key',
      { mode: 'aggregate', keys: ['id'], unchanged: ['day'] },
      /^steps\[0\]\.unchanged: expected columns of keys, got "day"/,
    ],
    ['an unknown property', { properties: { 'delta.nothing': '1' } }, /^steps\[0\]\.properties: /],
    [
      'a check that is none',
      { quality: [{ check: 'positive' }] },
      /^steps\[0\]\.quality\[0\]\.check: expected not-null or/,
    ],
    [
      'a check without its column',
      { quality: [{ check: 'not-null' }] },
      /^steps\[0\]\.quality\[0\]\.column: is required/,
    ],
    [
      'a range without bounds',
      { quality: [{ check: 'range', column: 'a' }] },
      /^steps\[0\]\.quality\[0\]\.min: expected it, or max/,
    ],
    [
      'an unknown lookup',
      { quality: [{ check: 'references', columns: ['a'], lookup: 'b' }] },
      /^steps\[0\]\.quality\[0\]\.lookup: expected one of the step's lookups \(none\)/,
    ],
    [
      'a setting of another check',
      { quality: [{ check: 'not-null', column: 'a', min: 1 }] },
      /^steps\[0\]\.quality\[0\]\.min: is not a setting/,
    ],
    [
      'a limit of nothing',
      { limits: { maxFiles: 0 } },
      /^steps\[0\]\.limits\.maxFiles: expected a whole number from 1/,
    ],
    [
      'a target beside its source',
      { target: 'bronze/orders/silver' },
      /^steps\[0\]\.target: "bronze\/orders\/silver" and "bronze\/orders" lie in each other/,
    ],
    [
      'a target that is a quarantine',
      { target: 'silver/orders__quarantine' },
      /^steps\[0\]\.target: expected no prefix that ends with "__quarantine"/,
    ],
    [
      'a target that is its source',
      { target: 'bronze/orders' },
      /^steps\[0\]\.source: tables follow from themselves: lake\/bronze\/orders -> lake\/bronze\/orders/,
    ],
  ];
  for (const [what, change, problem] of mistakes) {
    it(`names ${what}`, () => {
      const problems = problemsOf({ ...SILVER, ...change });
      assert.ok(
        problems.some((text) => problem.test(text)),
        problems.join('\n') || 'no problem was found',
      );
    });
  }

  it('names a circle of steps, by the tables on the way', () => {
    const problems = problemsOf(
      { ...SILVER, lookups: ['gold/top'] },
      { target: 'gold/top', source: 'silver/orders', sql: 'SELECT 1' },
    );
    assert.deepEqual(problems, [
      'steps[1].source: tables follow from themselves: lake/silver/orders -> lake/gold/top -> lake/silver/orders',
    ]);
  });

  it('names a step that would keep its own quarantined rows out again, for ever', () => {
    const quality = [{ check: 'not-null', column: 'total', action: 'quarantine' }];
    const again = { ...SILVER, name: 'again', source: 'silver/orders__quarantine', quality };
    assert.deepEqual(problemsOf({ ...SILVER, quality }, again), [
      'steps[1].source: tables follow from themselves: lake/silver/orders__quarantine -> lake/silver/orders__quarantine',
    ]);
    assert.deepEqual(problemsOf({ ...SILVER, quality }, { ...again, quality: [] }), []);
  });

  it('names steps of one name, and a target of modes that cannot share it', () => {
    assert.deepEqual(problemsOf(SILVER, { ...SILVER, mode: 'replace', source: 'bronze/more' }), [
      'steps[1].name: "silver-orders" is there twice; give each step a name of its own',
      'steps[1].target: is that of the step "silver-orders", too, whose mode is "append": only steps that append, or ' +
        'that merge by the same keys, can share a target',
    ]);
    const merge = { ...SILVER, mode: 'merge', keys: ['id'] };
    assert.match(problemsOf(merge, { ...merge, name: 'b', keys: ['no'] }).join(), /which has other keys/);
    assert.match(problemsOf(SILVER, { ...SILVER, name: 'b', partitionBy: ['d'] }).join(), /another partitionBy/);
  });

  it('names a bucket that the deployment does not have', () => {
    const read = () =>
      parseMedallionConfig({ steps: [{ ...SILVER, source: { bucket: 'kafka', prefix: 'a' } }] }, { landing: 'lake' });
    assert.throws(read, /steps\[0\]\.source\.bucket: is "kafka", and there is no such bucket in this deployment/);
  });

  it('wants at least one step', () => {
    assert.deepEqual(problemsOf(), ['steps: expected at least one step']);
  });
});
