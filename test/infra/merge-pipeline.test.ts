import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Match, type Template } from 'aws-cdk-lib/assertions';
import { parseResacaConfig } from '../../infra/config/parse-config.ts';
import type { ResacaConfig } from '../../infra/config/types.ts';
import { checkedApp, findings } from '../support/nag.ts';
import { type Statement, stackOf, templateOf, textOf } from '../support/templates.ts';

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
function keysFor(template: Template, action: string): string[] {
  const policies = Object.entries(template.findResources('AWS::IAM::Policy'));
  const statements: Statement[] = policies
    .filter(([id]) => id.startsWith('MergeMergePolicy'))
    .flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement);
  return statements
    .filter((one) => [one.Action].flat().includes(action))
    .flatMap(({ Resource }) => [Resource].flat().map(textOf))
    .map((arn) => arn.replace(/^<[^>]*>\/?/, ''))
    .sort();
}

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
    assert.deepEqual(keysFor(template, 's3:GetObject'), [
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
      keysFor(template, 's3:PutObject').filter((key) => key.startsWith('lake/orders')),
      [
        'lake/orders/*/resaca-merged-*',
        'lake/orders/_delta_log/*',
        'lake/orders/_resaca/quarantine/*',
        'lake/orders/resaca-merged-*',
      ],
    );
    assert.ok(keysFor(template, 's3:PutObject').every((key) => key.startsWith('lake/')));
    assert.deepEqual(keysFor(template, 's3:DeleteObject'), []);
    assert.deepEqual(keysFor(template, 's3:ListBucket'), ['']);
  });

  it('may delete its sources where it is to', () => {
    const deleting = templateOf({ ...CONFIG, merge: { rules: CONFIG.merge?.rules ?? [], deleteSources: true } });
    assert.deepEqual(keysFor(deleting, 's3:DeleteObject'), ['staging/orders/*', 'staging/teams/*/*']);
  });

  it('is told of new Parquet files under its prefixes only', () => {
    const [notifications] = Object.values(template.findResources('Custom::S3BucketNotifications'));
    const configurations: { Events: string[]; Filter: { Key: { FilterRules: { Value: string }[] } } }[] =
      notifications?.Properties.NotificationConfiguration.QueueConfigurations;
    const own = configurations
      .map(({ Events, Filter }) => [...Events, ...Filter.Key.FilterRules.map(({ Value }) => Value).sort()].join(' '))
      .filter((text) => text.includes('staging'))
      .sort();
    assert.deepEqual(own, [
      's3:ObjectCreated:* .parquet staging/orders/',
      's3:ObjectCreated:* .parquet staging/teams/',
    ]);
  });

  it('commits through DynamoDB where the append function does', () => {
    const tables = [{ prefix: 'lake/orders', commitProtocol: { type: 'dynamodb', scheme: 's3' } as const }];
    const landing = { prefixes: ['lake'], enforceConditionalCommits: false };
    const policies = templateOf({ ...CONFIG, landing, tables }).findResources('AWS::IAM::Policy');
    assert.ok(Object.keys(policies).some((id) => id.startsWith('MergeCommitPolicy')));
  });

  it('has alarms for what is not merged', () => {
    for (const id of ['MergeDeadLetters', 'MergeMessageAge', 'MergeQuarantine']) {
      template.hasResourceProperties('AWS::CloudWatch::Alarm', { AlarmName: `resaca-dev-${id}` });
    }
    const runbook = readFileSync(join(import.meta.dirname, '../../docs/operations.md'), 'utf8');
    const through = templateOf({ ...CONFIG, landing: { prefixes: ['lake'], notifications: 'eventbridge' } });
    const descriptions = Object.values(through.findResources('AWS::CloudWatch::Alarm'))
      .map(({ Properties }): string => Properties.AlarmDescription)
      .filter((text) => text.includes('"Merge'));
    assert.equal(descriptions.length, 4);
    for (const text of descriptions) {
      const [, section] = /docs\/operations\.md, "(\w+)"\.$/.exec(text) ?? [];
      assert.ok(runbook.includes(`\n### ${section}\n`), text);
    }
  });

  for (const [name, config] of [
    ['as it is', CONFIG],
    ['with keys of its own', { ...CONFIG, encryption: 'kms' }],
    ['through EventBridge', { ...CONFIG, landing: { prefixes: ['lake'], notifications: 'eventbridge' } }],
  ] as const) {
    it(`is found nothing wrong with by cdk-nag, ${name}`, () => {
      const app = checkedApp();
      stackOf(config, app);
      assert.deepEqual(findings(app), []);
    });
  }

  const landing = { prefixes: ['lake'] };
  const rule = { prefix: 'staging', table: 'lake/t' };
  const wrong: readonly (readonly [string, unknown, RegExp])[] = [
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
      { landing, merge: { rules: [{ ...rule, prefix: 'staging/ds=1' }] } },
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
  ];
  for (const [what, config, problem] of wrong) {
    it(`refuses ${what}`, () => {
      assert.throws(() => parseResacaConfig(config as ResacaConfig), problem);
    });
  }
});
