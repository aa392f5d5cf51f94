import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Duration, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { BronzeAlarms, type BronzeAlarmsProps } from '../../infra/constructs/bronze-alarms.ts';
import { BronzeDashboard } from '../../infra/constructs/bronze-dashboard.ts';
import { BronzePipeline, type BronzePipelineProps } from '../../infra/constructs/bronze-pipeline.ts';
import { createApp } from '../support/templates.ts';
import { bucketOf, MSK, POLLERS } from './bronze-stacks.ts';

function watched(settings: Partial<BronzePipelineProps>, alarmProps: Partial<BronzeAlarmsProps> = {}): Template {
  const stack = new Stack(createApp(), 'kafka');
  const pipeline = new BronzePipeline(stack, 'Bronze', { bucket: bucketOf(stack), source: MSK, ...settings });
  const alarms = new BronzeAlarms(stack, 'Alarms', { pipeline, ...alarmProps });
  new BronzeDashboard(stack, 'Dashboard', { pipeline, alarms });
  return Template.fromStack(stack);
}

const bounded = watched(
  { provisionedPollers: POLLERS, maximumRetryAttempts: 3, config: { commits: 'deferred' } },
  { email: 'data@example.com', maxLag: Duration.minutes(2), maxOffsetLag: 7, maxConflictsPerCommit: 9 },
);
const onDemand = watched({});

interface AlarmProperties {
  readonly AlarmName: string;
  readonly AlarmDescription: string;
  readonly Threshold: number;
  readonly TreatMissingData: string;
  readonly AlarmActions: unknown;
  readonly OKActions: unknown;
}

function alarmsOf(template: Template): AlarmProperties[] {
  return Object.values(template.findResources('AWS::CloudWatch::Alarm')).map(({ Properties }) => Properties);
}

const idOf = ({ AlarmName }: AlarmProperties) => AlarmName.replace('kafka-Bronze-', '');

describe('the alarms of a bronze pipeline', () => {
  it('look at records that are late, left out and given up', () => {
    const always = ['Conflicts', 'DeadLetters', 'Errors', 'Lag', 'OffsetLag', 'TableFailures', 'Throttles'];
    assert.deepEqual(alarmsOf(onDemand).map(idOf).sort(), always);
    assert.deepEqual(
      alarmsOf(bounded).map(idOf).sort(),
      [...always, 'CommitterErrors', 'Discarded-orders', 'Discarded-web', 'LostDiscards'].sort(),
    );
  });

  it('fire at the limits that are given', () => {
    const thresholds = Object.fromEntries(alarmsOf(bounded).map((alarm) => [idOf(alarm), alarm.Threshold]));
    assert.deepEqual(
      [thresholds.Lag, thresholds.OffsetLag, thresholds.Conflicts, thresholds.DeadLetters],
      [120_000, 7, 9, 0],
    );
    assert.ok(alarmsOf(bounded).every(({ TreatMissingData }) => TreatMissingData === 'notBreaching'));
  });

  it('look at what Lambda counts of the function and its mappings', () => {
    bounded.hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmName: 'kafka-Bronze-OffsetLag',
      Namespace: 'AWS/Lambda',
      MetricName: 'OffsetLag',
      Statistic: 'Maximum',
      Dimensions: [{ Name: 'FunctionName', Value: Match.anyValue() }],
    });
    const [mapping] = Object.entries(bounded.findResources('AWS::Lambda::EventSourceMapping'))
      .filter(([, { Properties }]) => Properties.Topics[0] === 'web')
      .map(([id]) => id);
    for (const MetricName of ['DroppedEventCount', 'OnFailureDestinationDeliveredEventCount']) {
      bounded.hasResourceProperties('AWS::CloudWatch::Alarm', {
        AlarmName: 'kafka-Bronze-Discarded-web',
        Metrics: Match.arrayWith([
          Match.objectLike({
            MetricStat: Match.objectLike({
              Metric: {
                Namespace: 'AWS/Lambda',
                MetricName,
                Dimensions: [{ Name: 'EventSourceMappingUUID', Value: { 'Fn::GetAtt': [mapping, 'Id'] } }],
              },
            }),
          }),
        ]),
      });
    }
  });

  it('look at what the function reports', () => {
    onDemand.hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmName: 'kafka-Bronze-DeadLetters',
      Namespace: 'resaca',
      MetricName: 'quarantined',
      Dimensions: [
        { Name: 'pipeline', Value: 'kafka-Bronze' },
        { Name: 'service', Value: 'bronze' },
      ],
    });
  });

  it('notify the topic, also when they are over', () => {
    for (const { AlarmActions, OKActions } of alarmsOf(bounded)) {
      assert.match(JSON.stringify(AlarmActions), /AlarmsTopic/);
      assert.deepEqual(OKActions, AlarmActions);
    }
    bounded.hasResourceProperties('AWS::SNS::Subscription', { Protocol: 'email', Endpoint: 'data@example.com' });
  });

  it('each have a section in the runbook, and the runbook no others', () => {
    const runbook = readFileSync(join(import.meta.dirname, '../../docs/kafka-deploy.md'), 'utf8');
    const sections = [...runbook.matchAll(/^### (\w+)$/gm)].map(([, name]) => name);
    const ids = new Set(alarmsOf(bounded).map((alarm) => idOf(alarm).replace(/-.*/, '')));
    assert.deepEqual(sections.sort(), [...ids].sort());
    for (const alarm of alarmsOf(bounded)) {
      const id = idOf(alarm).replace(/-.*/, '');
      assert.ok(alarm.AlarmDescription.endsWith(`docs/kafka-deploy.md, "${id}".`));
    }
  });
});

describe('the dashboard of a bronze pipeline', () => {
  const bodyOf = (template: Template) => JSON.stringify(template.findResources('AWS::CloudWatch::Dashboard'));

  it('shows what an operator asks first', () => {
    const asked = ['freshnessLag', 'OffsetLag', 'recordsWritten', 'quarantined', 'skipped', 'failures', 'conflicts'];
    const body = bodyOf(onDemand);
    assert.deepEqual(
      [...asked, 'Errors', 'Duration', 'Alarms'].filter((name) => !body.includes(name)),
      [],
    );
  });

  it('shows records that were given up, where Lambda counts them', () => {
    assert.match(bodyOf(bounded), /DroppedEventCount/);
    assert.doesNotMatch(bodyOf(onDemand), /DroppedEventCount/);
  });
});
