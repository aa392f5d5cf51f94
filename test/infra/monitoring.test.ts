import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Match } from 'aws-cdk-lib/assertions';
import { templateOf, textOf } from '../support/templates.ts';

const template = templateOf({
  landing: { notifications: 'eventbridge' },
  maintenance: { optimize: {}, spark: {} },
  catalog: { pattern: '{database}/{table}' },
  loader: { rules: [{ prefix: 'in', table: 'lake/t' }] },
  alarms: { email: 'data@example.com', maxLag: 120, maxMessageAge: 600 },
  exports: [{ prefix: 'lake/orders', to: 's3://feeds/cdf' }],
});
const alarms = Object.values(template.findResources('AWS::CloudWatch::Alarm')).map(({ Properties }) => Properties);
/** With the other parts that have alarms of their own. */
const others = templateOf({
  landing: { notifications: 'eventbridge', prefixes: ['lake'] },
  merge: { rules: [{ prefix: 'staging', table: 'lake/merged' }] },
  append: { queue: 'grouped' },
  webhooks: [{ path: '/in', table: 'in', secretName: 'in', signature: 'bearer' }],
  maintenance: { optimize: {}, spark: {}, reconcile: {} },
  tagging: { rules: [{ tags: { type: '{extension}' } }] },
  medallion: {
    architecture: process.arch === 'x64' ? 'x86_64' : 'arm64',
    spark: {},
    steps: [{ target: 'silver/a', source: 'lake/a', sql: 'SELECT 1' }],
  },
});
const all = Object.values(others.findResources('AWS::CloudWatch::Alarm')).map(({ Properties }) => Properties);
const alarmOf = (id: string) => alarms.find(({ AlarmName }) => AlarmName === `resaca-dev-${id}`);

describe('the alarms', () => {
  it('notify the topic, also when they are over', () => {
    assert.ok(alarms.length > 0);
    for (const { AlarmActions, OKActions } of alarms) {
      assert.match(JSON.stringify(AlarmActions), /AlarmsTopic/);
      assert.deepEqual(OKActions, AlarmActions);
    }
    template.hasResourceProperties('AWS::SNS::Subscription', { Protocol: 'email', Endpoint: 'data@example.com' });
  });

  it('may publish to a topic that takes TLS only', () => {
    template.hasResourceProperties('AWS::SNS::TopicPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
          Match.objectLike({
            Effect: 'Allow',
            Action: 'sns:Publish',
            Principal: { Service: 'cloudwatch.amazonaws.com' },
            Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
          }),
        ]),
      },
    });
  });

  it('fire at the limits of the configuration', () => {
    assert.equal(alarmOf('Lag')?.Threshold, 120_000);
    assert.equal(alarmOf('MessageAge')?.Threshold, 600);
    assert.equal(alarmOf('DeadLetters')?.Threshold, 0);
    assert.ok(alarms.every(({ TreatMissingData }) => TreatMissingData === 'notBreaching'));
  });

  it('look at what the function of this stage reports', () => {
    const { MetricName, Namespace, Dimensions } = alarmOf('Lag') ?? {};
    assert.deepEqual(
      { MetricName, Namespace, Dimensions },
      {
        MetricName: 'freshnessLag',
        Namespace: 'resaca',
        Dimensions: [
          { Name: 'pipeline', Value: 'resaca-dev' },
          { Name: 'service', Value: 'append' },
        ],
      },
    );
  });

  it('each have a section in the runbook, and the runbook no others', () => {
    const runbook = readFileSync(join(import.meta.dirname, '../../docs/operations.md'), 'utf8');
    const sections = [...runbook.matchAll(/^### (\w+)$/gm)].map(([, name]) => name);
    const idOf = ({ AlarmName }: (typeof alarms)[number]) => AlarmName.split('-').at(-1);
    assert.deepEqual(sections.sort(), [...new Set([...alarms, ...all].map(idOf))].sort());
    for (const alarm of [...alarms, ...all]) {
      assert.ok(alarm.AlarmDescription.endsWith(`docs/operations.md, "${idOf(alarm)}".`));
    }
  });
});

describe('the dashboard', () => {
  const bodyOf = (of: typeof template) =>
    textOf(Object.values(of.findResources('AWS::CloudWatch::Dashboard'))[0]?.Properties.DashboardBody);
  const body = bodyOf(template);

  it('shows what an operator asks first', () => {
    const asked = [
      'freshnessLag',
      'ApproximateAgeOfOldestMessage',
      'files outstanding',
      'bytes outstanding',
      'commits',
      'conflicts',
      'quarantined',
      'Errors',
      'Duration',
      'USD',
    ];
    assert.deepEqual(
      asked.filter((name) => !body.includes(name)),
      [],
    );
  });

  it('has a row for each part that is there, with what it did, what waits for it and how it is', () => {
    const rows = (of: string) => [...of.matchAll(/"## ([^"]+)"/g)].map(([, title]) => title);
    assert.deepEqual(rows(body), ['Loader', 'Maintenance', 'Catalog', 'Exports']);
    assert.deepEqual(rows(bodyOf(others)), [
      'Grouping',
      'Tagging',
      'Merge',
      'Steps',
      'Webhooks',
      'Maintenance',
      'Queue webhook-in',
    ]);
    for (const title of ['Loader', 'Maintenance', 'Catalog', 'Exports']) {
      for (const graph of ['what it did', 'messages; age of the oldest, s', 'invocations, errors, throttles; ms']) {
        assert.ok(body.includes(`"title":"${title}: ${graph}"`), `${title}: ${graph}`);
      }
    }
    assert.match(bodyOf(others), /"resaca","tagsLeftOut","pipeline","resaca-dev","service","tag"/);
  });

  it('calls what waits files where a message is about one, and messages otherwise', () => {
    const grouped = bodyOf(others);
    assert.ok(grouped.includes('files to be grouped') && grouped.includes('messages outstanding (of up to 100 files)'));
    assert.ok(!/(files|bytes) outstanding/.test(grouped));
    assert.ok(!body.includes('messages outstanding'));
  });

  it('shows metrics that the functions know', () => {
    const known = readFileSync(join(import.meta.dirname, '../../src/aws/telemetry.ts'), 'utf8');
    const shown = [body, bodyOf(others)].flatMap((text) =>
      [...text.matchAll(/\["resaca","(\w+)"/g)].map(([, name]) => name),
    );
    assert.ok(shown.length > 20);
    assert.deepEqual(
      shown.filter((name) => !known.includes(`  ${name}: MetricUnit`)),
      [],
    );
  });

  it('can be left out', () => {
    templateOf({ dashboard: false }).resourceCountIs('AWS::CloudWatch::Dashboard', 0);
  });
});
