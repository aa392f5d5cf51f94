import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type App, Stack } from 'aws-cdk-lib';
import { ContainerImage } from 'aws-cdk-lib/aws-ecs';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import type { ResacaConfig } from '../../infra/config/types.ts';
import { BronzeAlarms } from '../../infra/constructs/bronze-alarms.ts';
import { BronzeDashboard } from '../../infra/constructs/bronze-dashboard.ts';
import { KafkaEndpoints } from '../../infra/constructs/bronze-endpoints.ts';
import { BronzePipeline } from '../../infra/constructs/bronze-pipeline.ts';
import type { BronzeConfigInput } from '../../infra/constructs/bronze-tables.ts';
import { checkedApp, findings } from '../support/nag.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { stackOf } from '../support/templates.ts';
import {
  bronzeStack,
  CLUSTER_ARN,
  consumerStack,
  MSK,
  POLLERS,
  scheduledStack,
  secretOf,
  selfManaged,
  vpcOf,
} from './bronze-stacks.ts';

const LANDING_PARTS: ResacaConfig = {
  landing: { prefixes: ['lake'] },
  loader: {
    rules: [
      { prefix: 'in/orders', table: 'lake/orders', format: 'csv' },
      { prefix: 'in/{team}/events', table: 'lake/{team}/events', suffixes: ['.jsonl'] },
    ],
  },
  merge: { rules: [{ prefix: 'staging/{team}', table: 'lake/{team}/small' }] },
};

/** Of this machine: DuckDB is there for it. */
const ARCHITECTURE = process.arch === 'x64' ? 'x86_64' : 'arm64';

const SHAPES: Readonly<Record<string, ResacaConfig>> = {
  'without a configuration': {},
  'with an existing bucket': { landing: { bucketName: 'mine' } },
  'through EventBridge': { landing: { notifications: 'eventbridge', prefixes: ['lake/raw'] } },
  'with Kafka, keys of its own and deferred commits': {
    encryption: 'kms',
    kafka: { clusterArn: CLUSTER_ARN, topics: ['web'], tables: { commits: 'deferred' } },
    maintenance: { optimize: {}, vacuum: {}, cleanLog: {}, reconcile: {}, spark: {} },
    catalog: { pattern: 'lake/{database}/{table}', createDatabase: true },
  },
  'with a vacuum and Spark, in prefixes': {
    maintenance: { optimize: {}, vacuum: {}, spark: {} },
    landing: { prefixes: ['lake/raw'] },
  },
  'with exports to another bucket and to its own, and keys': {
    encryption: 'kms',
    exports: [
      { prefix: 'lake/orders', to: 's3://feeds/cdf' },
      { prefix: 'lake/web', to: 'feeds', layout: 'split' },
    ],
  },
  'without maintenance': { maintenance: false },
  'with a loader and a merge': LANDING_PARTS,
  'with the same and keys of its own': { ...LANDING_PARTS, encryption: 'kms' },
  'with the same through EventBridge': {
    ...LANDING_PARTS,
    landing: { ...LANDING_PARTS.landing, notifications: 'eventbridge' },
  },
  'with steps in its buckets and another, and keys': {
    encryption: 'kms',
    landing: { notifications: 'eventbridge', prefixes: ['bronze'] },
    kafka: { clusterArn: CLUSTER_ARN, topics: ['web'] },
    medallion: {
      architecture: ARCHITECTURE,
      steps: [
        { target: 'silver/orders', source: 'bronze/orders', sql: 'SELECT 1', mode: 'merge', keys: ['id'] },
        {
          target: { bucket: 'gold-tables', prefix: 'gold/sales' },
          source: { step: 'silver-orders' },
          lookups: [{ bucket: 'kafka', prefix: 'bronze/web' }],
          sql: 'SELECT 1',
        },
      ],
    },
  },
  'with grouped events and tags': {
    append: { queue: 'grouped', groups: 4 },
    tagging: { rules: [{ prefix: 'raw/{team}', suffix: '.csv', tags: { team: '{team}' } }] },
  },
  'with the same through EventBridge, in prefixes, with keys of its own': {
    encryption: 'kms',
    append: { queue: 'grouped', tracing: true },
    landing: { notifications: 'eventbridge', prefixes: ['lake/raw'] },
    tagging: { rules: [{ tags: { type: '{extension}' } }] },
  },
  'with queues, one of them FIFO, one that is there': {
    encryption: 'kms',
    queues: [
      { name: 'orders', table: 'bronze/orders', drain: true },
      { name: 'events', table: 'bronze/events', fifo: true, bucketName: 'theirs' },
      { name: 'clicks', table: 'bronze/clicks', queueArn: 'arn:aws:sqs:eu-west-1:111122223333:clicks' },
    ],
    webhooks: [
      { path: '/github', table: 'bronze/github', secretName: 'github', signature: 'github' },
      {
        path: '/orders',
        queue: 'orders',
        secretArn: 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:orders-AbCdEf',
        signature: 'bearer',
      },
    ],
    webhookFunction: { reservedConcurrency: 20 },
  },
  'with a FIFO queue, keys of its own, traces and an e-mail': {
    encryption: 'kms',
    append: { queue: 'fifo', tracing: true },
    alarms: { email: 'someone@example.com' },
    convention: 'none',
    tables: [{ prefix: 'orders' }, { prefix: 'tenants/{tenant}/web' }],
  },
};

/** Parts of one's own apps. */
const KAFKA_SHAPES: Readonly<Record<string, (app: App) => void>> = {
  'of an MSK cluster with IAM, and its alarms': (app) => {
    const stack = bronzeStack(() => ({}), app);
    const [pipeline] = stack.node.findAll().filter((node) => node instanceof BronzePipeline);
    assert.ok(pipeline);
    const alarms = new BronzeAlarms(stack, 'Alarms', { pipeline });
    new BronzeDashboard(stack, 'Dashboard', { pipeline, alarms });
    new KafkaEndpoints(stack, 'Endpoints', { vpc: vpcOf(stack), source: MSK, onFailure: true });
  },
  'of an MSK cluster with a certificate and pollers that discard': (app) => {
    bronzeStack((scope) => {
      const authentication = { method: 'mtls', certificate: secretOf(scope, 'Cert') } as const;
      const source = { ...MSK, authentication };
      return { source, provisionedPollers: POLLERS, maximumRetryAttempts: 3, reportBatchItemFailures: true };
    }, app);
  },
  'of a Kafka of one’s own, with Glue': (app) => {
    const config: BronzeConfigInput = { topics: [{ topic: '*', format: { type: 'glue' } }] };
    bronzeStack((scope) => ({ source: selfManaged(scope), config }), app);
  },
  'of a scheduled consumer with a user': (app) => {
    scheduledStack((scope) => {
      const field = (name: string) => ({ secret: secretOf(scope, name), field: name });
      const [username, password] = [{ env: 'KAFKA_USER' }, { env: 'KAFKA_PASSWORD' }];
      const sasl = { mechanism: 'SCRAM-SHA-512', username, password } as const;
      return {
        config: { brokers: ['kafka:9094'], topics: ['web'], group: 'bronze', tls: true, sasl },
        secrets: { KAFKA_USER: field('user'), KAFKA_PASSWORD: field('password') },
      };
    }, app);
  },
  'of a scheduled consumer of an MSK cluster with IAM': (app) => {
    const config = { brokers: ['b:9098'], topics: ['raw-*'], group: 'g', awsIam: { region: 'eu-west-1' } };
    scheduledStack(() => ({ config, clusterArn: CLUSTER_ARN }), app);
  },
  'of a Fargate consumer': (app) => {
    consumerStack(() => ({}), app);
  },
  'of a Fargate consumer in a cluster of its own, with an image of its own': (app) => {
    const folder = makeTempFolder();
    writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch');
    const config = { brokers: ['b:9098'], topics: ['raw-*'], group: 'g', awsIam: { region: 'eu-west-1' } };
    consumerStack(
      (scope) => ({ vpc: vpcOf(scope), image: ContainerImage.fromAsset(folder), config, clusterArn: CLUSTER_ARN }),
      app,
    );
  },
};

describe('the AwsSolutions pack of cdk-nag', () => {
  for (const [name, config] of Object.entries(SHAPES)) {
    it(`finds nothing in the stack ${name}`, () => {
      const app = checkedApp();
      stackOf(config, app);
      assert.deepEqual(findings(app), []);
    });
  }

  for (const [name, build] of Object.entries(KAFKA_SHAPES)) {
    it(`finds nothing in the stack ${name}`, () => {
      const app = checkedApp();
      build(app);
      assert.deepEqual(findings(app), []);
    });
  }

  it('finds what is wrong in another stack', () => {
    const app = checkedApp();
    new Bucket(new Stack(app, 'other'), 'Bucket');
    assert.ok(findings(app).includes('AwsSolutions-S10'));
  });
});
