/** What the cost model takes a deployment to have at rest, against what CloudFormation would get. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseResacaConfig } from '../../infra/config/parse-config.ts';
import type { ResacaConfig } from '../../infra/config/types.ts';
import { deployedOf } from '../../src/cli/cost/deployed.ts';
import { PRICES } from '../../src/cost/prices.ts';
import { suiteBills } from '../../src/cost/suite.ts';
import { templateOf } from '../support/templates.ts';

const CLUSTER = 'arn:aws:kafka:eu-west-1:123456789012:cluster/events/11111111-2222-3333-4444-555555555555-6';
const INBOX = { landing: { prefixes: ['lake'] } };
const CONFIGS: Readonly<Record<string, ResacaConfig>> = {
  'without a configuration': {},
  'without maintenance': { maintenance: false },
  'with a FIFO queue': { append: { queue: 'fifo' }, convention: 'none', tables: [{ prefix: 'orders' }] },
  'with grouped events': { append: { queue: 'grouped' } },
  'with grouped events through EventBridge': {
    append: { queue: 'grouped' },
    landing: { notifications: 'eventbridge' },
  },
  'with Kafka on a schedule': {
    kafka: { clusterArn: CLUSTER, bootstrapServers: ['b-1.example.com:9098'], topics: ['web_requests'], schedule: {} },
  },
  'with Kafka': { kafka: { clusterArn: CLUSTER, topics: ['web_requests'] } },
  'with queues': {
    queues: [
      { name: 'orders', table: 'bronze/orders' },
      { name: 'returns', table: 'bronze/returns', fifo: true },
    ],
  },
  'with webhooks': { webhooks: [{ path: '/in', table: 'bronze/in', secretName: 'hook', signature: 'bearer' }] },
  'with the loader': { ...INBOX, loader: { rules: [{ prefix: 'in', table: 'lake/x' }] } },
  'with the merge': { ...INBOX, merge: { rules: [{ prefix: 'in', table: 'lake/x' }] } },
  'with tagging': { ...INBOX, tagging: { rules: [{ prefix: 'in', tags: { team: 'web' } }] } },
  'with the catalog': { catalog: { pattern: 'lake/{database}/{table}' } },
  'with exports': { exports: [{ name: 'orders', prefix: 'lake', to: 'out' }] },
  'with all upkeep': { maintenance: { optimize: {}, vacuum: {}, cleanLog: {}, reconcile: {} } },
  'with steps': {
    medallion: {
      architecture: process.arch === 'x64' ? 'x86_64' : 'arm64',
      steps: [{ target: 'silver/a', source: 'lake/a', sql: 'SELECT 1 AS a' }],
    },
  },
  'with keys of its own': { encryption: 'kms', dashboard: false },
};

describe('the cost model knows what a deployment has at rest', () => {
  for (const [name, config] of Object.entries(CONFIGS)) {
    it(name, () => {
      const template = templateOf(config);
      const count = (type: string) => Object.keys(template.findResources(type)).length;
      const bills = suiteBills(deployedOf(parseResacaConfig(config)).suite, {}, PRICES);
      const quantity = (price: string) =>
        bills
          .flatMap(({ items }) => items.filter((item) => item.price === price))
          .reduce((sum, item) => sum + item.quantity, 0);
      assert.equal(quantity('cloudwatch.alarm'), alarmMetrics(template.findResources('AWS::CloudWatch::Alarm')));
      assert.equal(quantity('cloudwatch.dashboard'), count('AWS::CloudWatch::Dashboard'));
      assert.equal(quantity('kms.key'), count('AWS::KMS::Key'));
    });
  }
});

/** CloudWatch bills an alarm by the metrics that it looks at. */
function alarmMetrics(alarms: ReturnType<ReturnType<typeof templateOf>['findResources']>): number {
  return Object.values(alarms).reduce((sum, { Properties: { Metrics: metrics } }) => {
    const own = (metrics as { MetricStat?: unknown }[] | undefined)?.filter(
      (metric) => metric.MetricStat !== undefined,
    );
    return sum + (own?.length ?? 1);
  }, 0);
}
