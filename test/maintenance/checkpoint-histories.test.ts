import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Action, DeletionVector } from '../../src/delta/actions.ts';
import { checkpointTable } from '../../src/maintenance/checkpoint/checkpoint-table.ts';
import {
  add,
  createCountedLog,
  domain,
  FIRST_TIME,
  featureProtocol,
  metaData,
  remove,
} from '../support/delta-log-builder.ts';
import { checkpointState, engineAt, expectedState, WEEK } from './checkpoint-world.ts';

/** What happens to a table; few names, so that much happens to the same ones. */
type Step =
  | { readonly kind: 'commit'; readonly actions: readonly Action[] }
  | { readonly kind: 'checkpoint' | 'theirs' }
  | { readonly kind: 'wait'; readonly days: number };

const path = fc.constantFrom('a', 'b', 'c%20d', 'day=1/e', 'day=2/f', 'day=2/g', 's3a://bucket/lake/orders/h');
const vector = fc.option(
  fc.record({
    storageType: fc.constant('u'),
    pathOrInlineDv: fc.constantFrom('v1', 'v2'),
    offset: fc.constant(1),
    sizeInBytes: fc.constant(3),
    cardinality: fc.constant(1),
  }),
  { nil: undefined, freq: 2 },
);
const withVector = (deletionVector: DeletionVector | undefined) =>
  deletionVector === undefined ? {} : { deletionVector };
const fileAction = fc.oneof(
  fc
    .record({ path, vector, size: fc.nat(1000), stats: fc.constantFrom(undefined, '{"numRecords":1}') })
    .map(({ path, vector, size, stats }) => add(path, { size, ...withVector(vector), ...(stats && { stats }) })),
  fc
    .record({ path, vector, age: fc.nat(10) })
    .map(({ path, vector, age }) =>
      remove(path, { deletionTimestamp: FIRST_TIME - age * 86_400_000, ...withVector(vector) }),
    ),
);
const otherAction = fc.oneof(
  fc
    .record({ app: fc.constantFrom('x', 'y'), version: fc.nat(9) })
    .map(({ app, version }) => ({ txn: { appId: app, version } })),
  fc
    .record({ name: fc.constantFrom('d', 'e'), removed: fc.boolean() })
    .map(({ name, removed }) => domain(name, '{}', removed)),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .array(fc.oneof({ weight: 4, arbitrary: fileAction }, otherAction), { maxLength: 6 })
      .map((actions) => ({ kind: 'commit' as const, actions })),
  },
  { weight: 3, arbitrary: fc.constant({ kind: 'checkpoint' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'theirs' as const }) },
  { weight: 1, arbitrary: fc.nat(9).map((days) => ({ kind: 'wait' as const, days })) },
);

describe('checkpoints of any history', () => {
  for (const policy of ['classic', 'v2'] as const) {
    it(`say what the commits say, with the policy ${policy}`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 14 }), (steps) => checkHistory(policy, steps)),
        { numRuns: 40 },
      );
    });
  }
});

async function checkHistory(policy: 'classic' | 'v2', steps: readonly Step[]): Promise<void> {
  const log = createCountedLog();
  let version = await log.commit(
    featureProtocol(['v2Checkpoint', 'deletionVectors'], ['domainMetadata']),
    metaData({ configuration: { 'delta.checkpointPolicy': policy } }),
  );
  let now = FIRST_TIME;
  for (const current of [...steps, { kind: 'checkpoint' } as const]) {
    if (current.kind === 'wait') now += current.days * 86_400_000;
    else if (current.kind === 'commit') version = await log.commit(...current.actions);
    else if (current.kind === 'theirs') await log.checkpoint(version, policy === 'v2' ? 'v2Json' : 'classic');
    else await checkpointTable(engineAt(now), log.table);
  }
  const cutoff = now - WEEK;
  const found = await checkpointState(log.table);
  const expected = await expectedState(log.table, cutoff);
  // Another checkpoint of that version, or a sidecar that stayed, may still have expired tombstones.
  const isLive = (entry: unknown) =>
    ((entry as [string, { deletionTimestamp: number }])[1].deletionTimestamp ?? 0) > cutoff;
  assert.deepEqual({ ...found, removes: found.removes.filter(isLive) }, expected);
}
