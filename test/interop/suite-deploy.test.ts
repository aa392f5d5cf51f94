import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { listFunctions } from '../support/deployment-control.ts';
import { startDeltaRs } from '../support/interop/engines.ts';
import { startS3Server } from '../support/s3-server.ts';
import { available, resource } from '../support/unavailable.ts';
import { catalog } from './suite/catalog.ts';
import { exports } from './suite/exports.ts';
import { grouping } from './suite/grouping.ts';
import { ingest } from './suite/ingest.ts';
import { loader } from './suite/loader.ts';
import { maintenance } from './suite/maintenance.ts';
import { merge } from './suite/merge.ts';
import { reconcile } from './suite/reconcile.ts';
import { steps } from './suite/steps.ts';
import { deploySuite, type Suite, type SuitePart } from './suite/suite.ts';
import { tagging } from './suite/tagging.ts';

/** A part more is a file more in `suite/`, and its name here. Those that have tests alone run them in this order. */
const PARTS: readonly SuitePart[] = [
  ingest,
  merge,
  loader,
  catalog,
  exports,
  grouping,
  reconcile,
  maintenance,
  tagging,
  steps,
];
/** Messages that parts send so that they fail. */
const DEAD_LETTERS: Readonly<Record<string, number>> = { GroupingDeadLetterQueueUrl: 1 };

const found = await resource(async () => ({ server: await startS3Server(), deltaRs: await startDeltaRs() }));

/** All parts as they are deployed, in one stack, by one `cdk deploy` to a local AWS. */
describe('a deployment with all parts', { skip: found.skip ?? false }, () => {
  let suite: Suite;
  const get = () => suite;

  before(async () => {
    const { server, deltaRs } = available(found);
    suite = await deploySuite(server, deltaRs, PARTS);
  });

  describe('beside each other', { concurrency: true }, () => {
    for (const { name, beside } of PARTS) {
      if (beside !== undefined) describe(name, { concurrency: false }, () => beside(get));
    }
  });

  for (const { name, alone } of PARTS) if (alone !== undefined) describe(`${name}, alone`, () => alone(get));

  it('leaves nothing waiting, and no dead letters but those that were meant', async () => {
    const queues = Object.keys(suite.outputs).filter((name) => name.endsWith('QueueUrl'));
    const [dead, waiting] = [/DeadLetterQueueUrl$/, /(?<!DeadLetter)QueueUrl$/].map((form) =>
      queues.filter((name) => form.test(name)),
    );
    await suite.handled(...(waiting ?? []));
    const letters = await Promise.all(
      (dead ?? []).map(async (name) => [name, await suite.stack.depth(suite.output(name))] as const),
    );
    const expected = (dead ?? []).map((name) => [name, DEAD_LETTERS[name] ?? 0]);
    assert.ok(expected.length > 5, `${expected.length} queues of dead letters`);
    assert.deepEqual(Object.fromEntries(letters), Object.fromEntries(expected));
  });

  it('is gone when it is destroyed, but for the tables', async () => {
    await suite.destroy();
    assert.deepEqual(await listFunctions(suite.server), []);
    assert.ok((await suite.stack.files('grouped/web')).size > 0);
  });
});
