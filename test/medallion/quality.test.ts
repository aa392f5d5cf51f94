import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readCommit } from '../../src/delta/commit-file.ts';
import { commitKey } from '../../src/delta/log-path.ts';
import { isStepError } from '../../src/medallion/errors.ts';
import type { QualityCheck, QualityRule, StepMode, StepRule } from '../../src/medallion/rule.ts';
import { structOf } from '../cdf/cdf-world.ts';
import { CrashError, createFaultyStore, failCall } from '../support/faulty-store.ts';
import { createStepWorld, type Row, ruleOf, type StepWorld } from './step-world.ts';

const EVENTS = structOf({ id: 'long', name: 'string', n: 'double' });
const SQL = 'SELECT * FROM bronze';
const APPEND: StepMode = { kind: 'append' };

const ROWS: readonly Row[] = [
  [1n, 'a', 1],
  [2n, 'b', 10],
  [2n, "it's", Number.NaN],
  [4n, null, null],
  [null, 'a', -1],
];

const CHECKS: Readonly<Record<string, { readonly check: QualityCheck; readonly broken: number }>> = {
  'not null': { check: { kind: 'not-null', column: 'name' }, broken: 1 },
  'a range, in which null is and NaN is not': { check: { kind: 'range', column: 'n', min: '0', max: '10' }, broken: 2 },
  'a range without an end': { check: { kind: 'range', column: 'n', min: '0' }, broken: 1 },
  'accepted values': { check: { kind: 'accepted', column: 'name', values: ['a', "it's"] }, broken: 1 },
  'accepted values of a number': { check: { kind: 'accepted', column: 'id', values: ['1', '2'] }, broken: 1 },
  'all rows of a key that is not unique': { check: { kind: 'unique', columns: ['id'] }, broken: 2 },
  'a reference': {
    check: { kind: 'references', columns: ['name'], lookup: 'names', lookupColumns: ['key'] },
    broken: 1,
  },
  'a condition that is not true': { check: { kind: 'condition', sql: "name <> 'b' -- not b" }, broken: 2 },
};

function withRules(quality: readonly QualityRule[], mode = APPEND): StepRule {
  return ruleOf({ mode, quality, lookups: [{ bucket: 'lake', prefix: 'names', name: 'names' }] }, SQL);
}

async function worldOf() {
  const world = createStepWorld();
  const source = await world.source('bronze', { schema: EVENTS });
  const names = await world.source('names', { schema: structOf({ key: 'string' }) });
  await names.append([['a'], ['b']]);
  await source.append(ROWS);
  return { world, source, names };
}

describe('a quality rule', () => {
  for (const [name, { check, broken }] of Object.entries(CHECKS)) {
    it(`counts what breaks it, and keeps it out where it is to: ${name}`, async () => {
      const { world } = await worldOf();
      const warned = await world.run(withRules([{ name: 'rule', check, action: 'warn' }]));
      assert.deepEqual(warned.metrics.violations, { rule: broken });
      assert.equal(warned.metrics.rowsInserted, ROWS.length);
      assert.equal(await qualityOf(world), JSON.stringify({ rule: broken }));
      const rule = { ...withRules([{ name: 'rule', check, action: 'quarantine' }]), name: 'strict' };
      const { metrics } = await world.run({ ...rule, target: { bucket: 'lake', prefix: 'strict' } });
      assert.equal(metrics.rowsQuarantined, broken);
      assert.equal(metrics.rowsInserted, ROWS.length - broken);
      const [good, bad, all] = [
        await world.rows('strict'),
        await world.rows('strict__quarantine'),
        await world.rows('silver'),
      ];
      assert.deepEqual([...good, ...bad.map((row) => rowOf(row))].sort(), all);
    });
  }

  it('fails the batch, of which nothing is there then', async () => {
    const { world } = await worldOf();
    const check = { kind: 'not-null', column: 'id' } as const;
    const rule = withRules([
      { name: 'other', check: { kind: 'not-null', column: 'name' }, action: 'quarantine' },
      { name: 'has id', check, action: 'fail' },
    ]);
    await assert.rejects(
      world.run(rule),
      (error) => isStepError(error, 'QUALITY') && /1 rows break the rule has id/.test(error.message),
    );
    await assert.rejects(world.snapshot('silver'));
    await assert.rejects(world.snapshot('silver__quarantine'));
  });

  it('tells with the row the rules, the step and the versions', async () => {
    const { world } = await worldOf();
    await world.run(
      withRules([
        { name: 'named', check: { kind: 'not-null', column: 'name' }, action: 'quarantine' },
        { name: 'small', check: { kind: 'range', column: 'n', max: '1' }, action: 'warn' },
        { name: 'not b', check: { kind: 'condition', sql: "name <> 'b'" }, action: 'quarantine' },
      ]),
    );
    assert.deepEqual(
      (await world.rows('silver__quarantine')).map((row) => JSON.parse(row)),
      [
        {
          step: 'silver',
          rules: 'named, not b',
          row: '{"id":4,"name":null,"n":null}',
          source: 's3://lake/bronze',
          source_from_version: '1',
          source_until_version: '1',
        },
        {
          step: 'silver',
          rules: 'small, not b',
          row: '{"id":2,"name":"b","n":10.0}',
          source: 's3://lake/bronze',
          source_from_version: '1',
          source_until_version: '1',
        },
      ],
    );
  });

  it('lets a step take rows back that were kept out, put right, each once, wherever it ends', async () => {
    const { world, source } = await worldOf();
    const check = { kind: 'range', column: 'n', min: '0' } as const;
    const mode = { kind: 'merge', keys: ['id'], deletes: 'ignore', lateness: 0 } as const;
    await world.run(withRules([{ name: 'n', check, action: 'quarantine' }], mode));
    await source.append([[7n, 'g', -7]]);
    await world.run(withRules([{ name: 'n', check, action: 'quarantine' }], mode));
    assert.equal((await world.rows('silver__quarantine')).length, 2);
    const sql = `SELECT CAST("row"->>'id' AS BIGINT) AS id, "row"->>'name' AS "name", abs(CAST("row"->>'n' AS DOUBLE)) AS n
      FROM kept_out WHERE list_contains(string_split("rules", ', '), 'n')`;
    const place = { bucket: 'lake', prefix: 'silver__quarantine' };
    const again: StepRule = { ...ruleOf({ mode, source: { ...place, name: 'kept_out' } }, sql), name: 'again' };
    for (let failAt = 1; ; failAt++) {
      const store = createFaultyStore(world.store, failCall(failAt, { kind: 'crash', when: 'after' }));
      const run = await world.run(again, { store }).catch((error: unknown) => {
        if (!(error instanceof CrashError)) throw error;
      });
      if (run !== undefined) break;
    }
    const rows = (await world.rows('silver')).filter((row) => /"id":("7"|null)/.test(row));
    assert.deepEqual(rows, ['{"id":"7","name":"g","n":7}', '{"id":null,"name":"a","n":1}']);
  });

  it('keeps a row out once, wherever a run ends, and whatever came to the source since', async () => {
    const check = { kind: 'not-null', column: 'name' } as const;
    const rule = withRules([{ name: 'named', check, action: 'quarantine' }], {
      kind: 'merge',
      keys: ['id'],
      deletes: 'apply',
      lateness: 0,
    });
    let tried = 0;
    for (let isHit = true; isHit; ) {
      const number = ++tried;
      const world = createStepWorld();
      const source = await world.source('bronze', { schema: EVENTS });
      const names = await world.source('names', { schema: structOf({ key: 'string' }) });
      await names.append([['a']]);
      await world.run(rule);
      await source.append(
        [
          [1n, null, 1],
          [2n, 'b', 1],
        ],
        [[3n, null, 3]],
      );
      let count = 0;
      const store = createFaultyStore(world.store, ({ method }) => {
        if (method !== 'put' && method !== 'putIfAbsent') return undefined;
        return ++count === number ? { kind: 'crash', when: 'after' } : undefined;
      });
      await world.run(rule, { store }).catch((error: unknown) => {
        if (!(error instanceof CrashError)) throw error;
      });
      isHit = count >= number;
      await source.append([
        [4n, null, 4],
        [5n, 'e', 5],
      ]);
      await world.run({ ...rule, limits: { ...rule.limits, maxFiles: 100 } });
      const kept = (await world.rows('silver__quarantine')).map((row) => JSON.parse(JSON.parse(row).row).id).sort();
      assert.deepEqual([number, kept], [number, [1, 3, 4]]);
      assert.deepEqual(
        (await world.rows('silver')).map((row) => JSON.parse(row).id),
        ['2', '5'],
      );
    }
    assert.ok(tried > 4, `${tried} writes`);
  });

  it('has each row in the target or in quarantine, though a lookup changes before the batch is tried again', async () => {
    const check = { kind: 'references', columns: ['name'], lookup: 'names', lookupColumns: ['key'] } as const;
    const rule = withRules([{ name: 'known', check, action: 'quarantine' }]);
    const { world, source, names } = await worldOf();
    const store = createFaultyStore(world.store, ({ method, key }) =>
      method === 'putIfAbsent' && key.startsWith('silver/_delta_log/') ? { kind: 'crash', when: 'before' } : undefined,
    );
    await assert.rejects(world.run(rule, { store }), CrashError);
    await names.change(([key]) => (key === 'a' ? ["it's"] : [key ?? null]));
    await world.run(rule);
    const kept = (await world.rows('silver__quarantine')).map((row) => JSON.parse(JSON.parse(row).row).name);
    const there = (await world.rows('silver')).map((row) => JSON.parse(row).name);
    assert.deepEqual([kept, there.sort()], [["it's"], ['a', 'a', 'b', null]]);
    await source.append([[7n, 'a', 7]]);
    await world.run(rule);
    assert.equal((await world.rows('silver__quarantine')).length, 2, 'the next batch has the newer lookup');
  });
});

/** What the first commit of the target says of the rules. */
async function qualityOf({ tableAt }: StepWorld): Promise<unknown> {
  const { actions } = await readCommit(tableAt('silver'), { version: 0, key: commitKey(tableAt('silver'), 0) });
  const [first] = actions;
  return first !== undefined && 'commitInfo' in first ? first.commitInfo.operationParameters?.quality : undefined;
}

/** A quarantined row as the target would have it. */
function rowOf(text: string): string {
  const { id, name, n } = JSON.parse(JSON.parse(text).row);
  return JSON.stringify({ id: id === null ? null : String(id), name, n: n === 'NaN' ? null : n });
}
