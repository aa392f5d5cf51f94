import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Match, type Template } from 'aws-cdk-lib/assertions';
import type { ResacaConfig } from '../../infra/config/types.ts';
import { itRefuses } from '../support/refusals.ts';
import { alarmsOf, announcedTo, keysFor, templateOf } from '../support/templates.ts';

const CONFIG: ResacaConfig = {
  landing: { prefixes: ['lake'] },
  merge: {
    rules: [
      { prefix: 'staging/orders', table: 'lake/orders' },
      { prefix: 'staging/teams/{team}', table: 'lake/{team}/events' },
    ],
  },
};

/** Keys of the bucket by action, for the role of the merge function. */
const keysOf = (template: Template, action: string) => keysFor(template, 'MergeMergePolicy', action);

describe('the merge of a deployment', () => {
  const template = templateOf(CONFIG);

  it('gathers files for as long as it may, from a queue with dead letters', () => {
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      BatchSize: 10_000,
      MaximumBatchingWindowInSeconds: 300,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: 2 },
    });
    template.hasResourceProperties('AWS::SQS::Queue', {
      VisibilityTimeout: 6 * 300,
      RedrivePolicy: Match.objectLike({ maxReceiveCount: 5 }),
    });
    template.hasResourceProperties('AWS::Lambda::Function', { Timeout: 300, MemorySize: 1024 });
  });

  it('reads its sources, and writes logs, its own files and quarantine; it deletes nothing', () => {
    assert.deepEqual(keysOf(template, 's3:GetObject'), [
      'lake/*/events/*/resaca-merged-*',
      'lake/*/events/_delta_log/*',
      'lake/*/events/resaca-merged-*',
      'lake/orders/*/resaca-merged-*',
      'lake/orders/_delta_log/*',
      'lake/orders/resaca-merged-*',
      'staging/orders/*',
      'staging/teams/*/*',
    ]);
    assert.deepEqual(
      keysOf(template, 's3:PutObject').filter((key) => key.startsWith('lake/orders')),
      [
        'lake/orders/*/resaca-merged-*',
        'lake/orders/_delta_log/*',
        'lake/orders/_resaca/quarantine/*',
        'lake/orders/resaca-merged-*',
      ],
    );
    assert.ok(keysOf(template, 's3:PutObject').every((key) => key.startsWith('lake/')));
    assert.deepEqual(keysOf(template, 's3:DeleteObject'), []);
    assert.deepEqual(keysOf(template, 's3:ListBucket'), ['']);
  });

  it('may delete its sources where it is to', () => {
    const deleting = templateOf({ ...CONFIG, merge: { rules: CONFIG.merge?.rules ?? [], deleteSources: true } });
    assert.deepEqual(keysOf(deleting, 's3:DeleteObject'), ['staging/orders/*', 'staging/teams/*/*']);
  });

  it('is told of new Parquet files under its prefixes only', () => {
    assert.deepEqual(announcedTo(template, 'Merge'), [
      's3:ObjectCreated:*, suffix .parquet, prefix staging/orders/',
      's3:ObjectCreated:*, suffix .parquet, prefix staging/teams/',
    ]);
  });

  it('commits through DynamoDB where the append function does', () => {
    const tables = [{ prefix: 'lake/orders', commitProtocol: { type: 'dynamodb', scheme: 's3' } as const }];
    const landing = { prefixes: ['lake'], enforceConditionalCommits: false };
    const policies = templateOf({ ...CONFIG, landing, tables }).findResources('AWS::IAM::Policy');
    assert.ok(Object.keys(policies).some((id) => id.startsWith('MergeCommitPolicy')));
  });

  it('has alarms for what is not merged', () => {
    const names = ['DeadLetters', 'Errors', 'MessageAge', 'Quarantine', 'Undelivered'].map((name) => `Merge${name}`);
    const bridged = templateOf({ ...CONFIG, landing: { notifications: 'eventbridge', prefixes: ['lake'] } });
    assert.deepEqual(alarmsOf(bridged, 'Merge'), names);
    assert.deepEqual(alarmsOf(template, 'Merge'), names.slice(0, 4));
  });

  const landing = { prefixes: ['lake'] };
  const rule = { prefix: 'staging', table: 'lake/t' };
  itRefuses([
    ['no rule', { landing, merge: { rules: [] } }, /merge\.rules: expected one at least/],
    [
      'a name that the prefix lacks',
      { landing, merge: { rules: [{ ...rule, table: 'lake/{x}' }] } },
      /rules\[0\]\.table: uses \{x\}, which the prefix does not have/,
    ],
    [
      'a prefix without a beginning',
      { landing, merge: { rules: [{ ...rule, prefix: '{x}' }] } },
      /rules\[0\]\.prefix: expected it to begin/,
    ],
    [
      'a partition folder in a prefix',
      {
        landing: { ...landing, notifications: 'eventbridge' },
        merge: { rules: [{ ...rule, prefix: 'staging/ds=1' }] },
      },
      /rules\[0\]\.prefix: has a partition folder/,
    ],
    [
      'files that would be taken as a table’s',
      { merge: { rules: [rule] } },
      /rules\[0\]\.prefix: files under "staging" would be taken as files of tables, too/,
    ],
    [
      'files within the tables',
      { landing, merge: { rules: [{ ...rule, prefix: 'lake/staging' }] } },
      /rules\[0\]\.prefix: files under "lake\/staging" would be taken/,
    ],
    [
      'a table where no files land',
      { landing, merge: { rules: [{ ...rule, table: 'other/t' }] } },
      /rules\[0\]\.table: expected it within the prefixes of tables \(lake\), got "other\/t"/,
    ],
    [
      'files that the loader takes',
      { landing, merge: { rules: [rule] }, loader: { rules: [{ prefix: 'staging/in', table: 'lake/u' }] } },
      /rules\[0\]\.prefix: overlaps with "staging\/in", from which the loader takes files/,
    ],
    [
      'a large batch without a window',
      { landing, merge: { rules: [rule], batchingWindow: 0, batchSize: 100 } },
      /merge\.batchSize: /,
    ],
  ]);
});
