import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Duration, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { parseResacaConfig } from '../../infra/config/parse-config.ts';
import type { ResacaConfig } from '../../infra/config/types.ts';
import { TableMaintenance, type TableMaintenanceProps } from '../../infra/constructs/table-maintenance.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { actionsOf, createApp, roleStatements, type Statement, templateOf, textOf } from '../support/templates.ts';
import { CLUSTER_ARN } from './bronze-stacks.ts';

const DAILY = Duration.hours(24);

function templateWith(props: Partial<TableMaintenanceProps> = {}): Template {
  const stack = new Stack(createApp(), 'upkeep');
  const bucket = Bucket.fromBucketName(stack, 'Lake', 'lake');
  new TableMaintenance(stack, 'Maintenance', { tables: [{ bucket, prefixes: ['lake/raw/'] }], ...props });
  return Template.fromStack(stack);
}

/** Allowed and denied keys of the bucket by action, for the role of the maintenance function. */
function keysFor(template: Template, action: string, effect = 'Allow'): string[] {
  const policies = Object.entries(template.findResources('AWS::IAM::Policy'));
  const own = policies.filter(([id]) => id.startsWith('MaintenanceTables'));
  const statements: Statement[] = own.flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement);
  return statements
    .filter((one) => one.Effect === effect && [one.Action].flat().includes(action))
    .flatMap(({ Resource }) => [Resource].flat().map(textOf))
    .map((arn) => arn.slice(arn.indexOf(':::') + 3))
    .sort();
}

describe('table maintenance', () => {
  it('works through a FIFO queue with dead letters, one message at a time', () => {
    const template = templateWith();
    template.hasResourceProperties('AWS::SQS::Queue', {
      FifoQueue: true,
      VisibilityTimeout: 6 * 15 * 60,
      RedrivePolicy: Match.objectLike({ maxReceiveCount: 3 }),
    });
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      BatchSize: 1,
      ScalingConfig: { MaximumConcurrency: 2 },
    });
    template.resourceCountIs('AWS::Events::Rule', 0);
  });

  it('may delete nothing and write logs only, unless it is asked for more', () => {
    const template = templateWith();
    assert.deepEqual(keysFor(template, 's3:DeleteObject'), []);
    assert.deepEqual(keysFor(template, 's3:PutObject'), ['lake/lake/raw/*_delta_log/*']);
    assert.deepEqual(keysFor(template, 's3:GetObject'), ['lake/lake/raw/*']);
  });

  it('may write compacted files for the compaction', () => {
    const template = templateWith({ schedules: { optimize: DAILY } });
    assert.deepEqual(keysFor(template, 's3:DeleteObject'), []);
    assert.deepEqual(keysFor(template, 's3:PutObject'), [
      'lake/lake/raw/*_delta_log/*',
      'lake/lake/raw/*resaca-compacted-*',
    ]);
  });

  it('may delete files for a vacuum, but none of a log', () => {
    const template = templateWith({ schedules: { vacuum: DAILY } });
    assert.deepEqual(keysFor(template, 's3:DeleteObject'), ['lake/lake/raw/*']);
    const log = ['lake/lake/raw/*_delta_log/*'];
    assert.deepEqual(keysFor(template, 's3:DeleteObject', 'Deny'), log);
    // Files that wait for a deferred commit are named there, and stay.
    assert.deepEqual(keysFor(template, 's3:GetObject'), ['lake/_resaca/pending/*', 'lake/lake/raw/*']);
  });

  it('may delete files of logs for their clean-up, and no others', () => {
    const template = templateWith({ schedules: { cleanLog: DAILY } });
    const log = ['lake/lake/raw/*_delta_log/*'];
    assert.deepEqual(keysFor(template, 's3:DeleteObject'), log);
    assert.deepEqual(keysFor(template, 's3:DeleteObject', 'Deny'), []);
  });

  it('may write records of quarantine where what events missed is looked for, and only where files land', () => {
    const stack = new Stack(createApp(), 'upkeep');
    const bucket = Bucket.fromBucketName(stack, 'Lake', 'lake');
    new TableMaintenance(stack, 'Maintenance', {
      tables: [
        { bucket, prefixes: ['raw'], landing: true },
        { bucket, prefixes: ['bronze'] },
      ],
      schedules: { reconcile: DAILY },
      reconcile: { append: { tables: [{ prefix: 'raw/web' }] } },
    });
    const template = Template.fromStack(stack);
    assert.deepEqual(keysFor(template, 's3:PutObject'), [
      'lake/bronze/*_delta_log/*',
      'lake/raw/*_delta_log/*',
      'lake/raw/*_resaca/quarantine/*',
      'lake/raw/*_resaca/reconcile.json',
    ]);
    assert.deepEqual(keysFor(template, 's3:DeleteObject'), []);
    const functions = Object.values(template.findResources('AWS::Lambda::Function'));
    const { RESACA_PLACES: places } = functions[0]?.Properties.Environment.Variables ?? {};
    assert.equal(
      textOf(places),
      '[{"bucket":"lake","prefixes":["raw"],"landing":true},{"bucket":"lake","prefixes":["bronze"]}]',
    );
    const rules = Object.values(template.findResources('AWS::Events::Rule'));
    assert.equal(
      rules[0]?.Properties.Targets[0].InputTransformer.InputTemplate,
      '{"tasks":["reconcile"],"time":<time>}',
    );
  });

  it('is called by schedules with the tasks, and with the time that tells two calls apart', () => {
    const template = templateWith({ schedules: { optimize: Duration.hours(6), vacuum: DAILY, cleanLog: DAILY } });
    const rules = Object.values(template.findResources('AWS::Events::Rule')).map(({ Properties }) => [
      Properties.ScheduleExpression,
      Properties.Targets[0].InputTransformer,
    ]);
    const tasks = rules.map(([rate, { InputTemplate, InputPathsMap }]) => [rate, InputTemplate, InputPathsMap]);
    const time = { time: '$.time' };
    assert.deepEqual(tasks.toSorted(), [
      ['rate(1 day)', '{"tasks":["cleanLog"],"time":<time>}', time],
      ['rate(1 day)', '{"tasks":["vacuum"],"time":<time>}', time],
      ['rate(6 hours)', '{"tasks":["optimize","checkpoint"],"time":<time>}', time],
    ]);
  });

  it('knows where the tables are', () => {
    const functions = Object.values(templateWith().findResources('AWS::Lambda::Function'));
    const { RESACA_PLACES: places } = functions[0]?.Properties.Environment.Variables ?? {};
    assert.equal(textOf(places), '[{"bucket":"lake","prefixes":["lake/raw"]}]');
  });

  it('refuses what cannot be', () => {
    assert.throws(() => templateWith({ schedules: { vacuum: Duration.minutes(90) } }), ConfigError);
    assert.throws(() => templateWith({ optimize: { targetFileSize: 1 } }), /optimize\.targetFileSize: expected/);
    assert.throws(() => templateWith({ schedules: { reconcile: DAILY } }), /schedules\.reconcile: expected the rules/);
    const wrong = { append: { convention: 'all' } } as unknown as NonNullable<TableMaintenanceProps['reconcile']>;
    assert.throws(() => templateWith({ reconcile: wrong }), /reconcile\.append: convention: expected hive or none/);
  });
});

describe('the maintenance of a deployment', () => {
  it('makes checkpoints, which all functions that commit ask for', () => {
    const kafka = { clusterArn: CLUSTER_ARN, topics: ['web'], tables: { commits: 'deferred' } } as const;
    const template = templateOf({ kafka });
    const asking = Object.values(template.findResources('AWS::Lambda::Function')).filter(
      ({ Properties }) => 'RESACA_MAINTENANCE_QUEUE_URL' in (Properties.Environment?.Variables ?? {}),
    );
    assert.equal(asking.length, 4);
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmName: 'resaca-dev-MaintenanceFailures',
    });
    template.resourceCountIs('AWS::Events::Rule', 1);
  });

  it('is not there where it is turned off', () => {
    const template = templateOf({ maintenance: false });
    assert.deepEqual(
      Object.keys(template.findResources('AWS::SQS::Queue')).filter((id) => /Maintenance/.test(id)),
      [],
    );
    assert.ok(!JSON.stringify(template.toJSON()).includes('RESACA_MAINTENANCE'));
  });

  it('has Spark for what is beyond the function, where the configuration says so', () => {
    const maintenance = { optimize: { maxBacklog: 2 ** 40 }, spark: { maxConcurrentRuns: 2 } };
    const template = templateOf({ maintenance, landing: { prefixes: ['lake/raw'] } });
    template.hasResourceProperties('AWS::EMRServerless::Application', {
      MaximumCapacity: { Cpu: '64 vCPU', Memory: '256 GB', Disk: '2000 GB' },
      SchedulerConfiguration: { MaxConcurrentRuns: 2 },
    });
    const [own] = Object.entries(template.findResources('AWS::Lambda::Function')).filter(([id]) =>
      id.startsWith('MaintenanceFunction'),
    );
    const variables = own?.[1].Properties.Environment.Variables;
    const application = variables.RESACA_SPARK_APPLICATION_ID;
    assert.match(textOf(application), /^<SparkApplication\w*\.ApplicationId>$/);
    const postponed = textOf(variables.RESACA_POSTPONED_QUEUE_URL);
    assert.match(postponed, /^<MaintenanceQueuePostponedQueue\w*>$/);
    // Both queues call the function, and it may come back to each.
    const mappings = Object.values(template.findResources('AWS::Lambda::EventSourceMapping'));
    const sources = mappings.map(({ Properties }) => textOf(Properties.EventSourceArn));
    assert.ok(sources.includes(`${postponed.slice(0, -1)}.Arn>`));
    const started = roleStatements(template).filter((one) => actionsOf([one]).includes('emr-serverless:StartJobRun'));
    assert.deepEqual(
      started.map(({ Resource }) => textOf(Resource).replace(/^<SparkApplication\w*/, '<Spark')),
      ['<Spark.Arn>'],
    );
    template.hasResourceProperties('AWS::CloudWatch::Alarm', { AlarmName: 'resaca-dev-SparkFailures' });
    const without = templateOf({ maintenance: { optimize: {} } });
    assert.ok(!/Spark|Postponed/.test(JSON.stringify(without.toJSON())));
  });

  it('looks for what events missed where it is asked to, and has an alarm for it', () => {
    const template = templateOf({ maintenance: { reconcile: { every: 6 } } });
    template.hasResourceProperties('AWS::CloudWatch::Alarm', { AlarmName: 'resaca-dev-MissedEvents' });
    template.hasResourceProperties('AWS::Events::Rule', { ScheduleExpression: 'rate(6 hours)' });
    const without = JSON.stringify(templateOf({ maintenance: { vacuum: {} } }).toJSON());
    assert.ok(!/MissedEvents|"tasks":\["reconcile/.test(without));
    const { maintenance } = parseResacaConfig({ maintenance: { reconcile: { minAge: 90, deletes: 'keep' } } });
    assert.deepEqual(maintenance?.reconcile, { every: 24, minAge: 90, deletes: 'keep' });
  });

  it('has its settings in the configuration', () => {
    const { maintenance } = parseResacaConfig({ maintenance: { optimize: { minAge: 5 }, vacuum: { every: 48 } } });
    assert.deepEqual(maintenance, {
      optimize: { every: 24, settings: { minAge: 5 } },
      vacuum: { every: 48 },
      maxConcurrency: 2,
      memorySize: 2048,
    });
  });

  for (const [what, maintenance, problem] of [
    ['an unknown setting', { vaccum: {} }, /maintenance\.vaccum: is not a setting/],
    ['another policy', { reconcile: { deletes: 'all' } }, /maintenance\.reconcile\.deletes: expected keep or remove/],
    ['rules twice', { reconcile: { append: {} } }, /maintenance\.reconcile\.append: is not a setting/],
    ['a rate of minutes', { vacuum: { every: 0.5 } }, /maintenance\.vacuum\.every: expected a whole number/],
    ['a target below a MiB', { optimize: { targetFileSize: 1 } }, /maintenance\.optimize: targetFileSize: expected/],
    ['Spark without a compaction', { spark: {} }, /maintenance\.spark: compacts what is beyond the function/],
    ['a limit for Spark alone', { optimize: { maxBacklog: 1 } }, /maintenance\.optimize\.maxBacklog: is where Spark/],
    [
      'a capacity of text',
      { optimize: {}, spark: { maximumCapacity: { cpu: '4' } } },
      /maximumCapacity\.cpu: expected/,
    ],
    [
      'another release',
      { optimize: {}, spark: { releaseLabel: '7.13' } },
      /maintenance\.spark\.releaseLabel: expected/,
    ],
    ['true', true, /maintenance: expected an object, got true/],
  ] as const) {
    it(`refuses ${what}`, () => {
      assert.throws(() => parseResacaConfig({ maintenance } as unknown as ResacaConfig), problem);
    });
  }
});
