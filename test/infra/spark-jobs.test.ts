import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Duration, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { SparkJobs, type SparkJobsProps } from '../../infra/constructs/spark-jobs.ts';
import type { SparkTables } from '../../infra/constructs/spark-policy.ts';
import { SPARK_VARIABLES } from '../../src/aws/emr-env.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { checkedApp, findings } from '../support/nag.ts';
import { createApp } from '../support/templates.ts';
import { bucketOf, rightsOf, vpcOf } from './bronze-stacks.ts';

type PropsOf = (scope: Stack) => Omit<Partial<SparkJobsProps>, 'tables'> & { tables?: Omit<SparkTables, 'bucket'> };

/** A stack with jobs, and with a role that may run them. */
function stackWith(propsOf: PropsOf = () => ({}), app = createApp()): { stack: Stack; jobs: SparkJobs } {
  const stack = new Stack(app, 'spark');
  const { tables, ...props } = propsOf(stack);
  const jobs = new SparkJobs(stack, 'Spark', {
    tables: [{ bucket: bucketOf(stack), prefixes: ['lake/raw'], ...tables }],
    ...props,
  });
  const caller = new Role(stack, 'Caller', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
  jobs.grantRun('Run', caller.withoutPolicyUpdates());
  return { stack, jobs };
}

const templateOf = (propsOf?: PropsOf): Template => Template.fromStack(stackWith(propsOf).stack);

/** `s3:GetObject lake/raw/*` */
function bucketRights(template: Template, role: string): string[] {
  const rights = Object.values(template.findResources('AWS::IAM::Policy'))
    .filter(({ Properties }) => JSON.stringify(Properties.Roles).includes(role))
    .flatMap(({ Properties }) =>
      rightsOf(Template.fromJSON({ Resources: { One: { Type: 'AWS::IAM::Policy', Properties } } })),
    );
  return rights.filter((right) => right.includes(':s3:::lake')).map((right) => right.replace(/arn:.*:s3:::/, ''));
}

describe('Spark jobs', () => {
  it('run in an application that stops by itself, is bounded, has nothing waiting, and is of ARM', () => {
    templateOf().hasResourceProperties('AWS::EMRServerless::Application', {
      Type: 'SPARK',
      Name: 'spark-Spark',
      ReleaseLabel: 'emr-7.13.0',
      Architecture: 'ARM64',
      AutoStartConfiguration: { Enabled: true },
      AutoStopConfiguration: { Enabled: true, IdleTimeoutMinutes: 5 },
      MaximumCapacity: { Cpu: '64 vCPU', Memory: '256 GB', Disk: '2000 GB' },
      SchedulerConfiguration: { MaxConcurrentRuns: 4 },
      InitialCapacity: Match.absent(),
      NetworkConfiguration: Match.absent(),
      RuntimeConfiguration: [
        {
          Classification: 'spark-defaults',
          Properties: Match.objectLike({
            'spark.jars': '/usr/share/aws/delta/lib/delta-spark.jar,/usr/share/aws/delta/lib/delta-storage.jar',
            'spark.sql.extensions': 'io.delta.sql.DeltaSparkSessionExtension',
          }),
        },
      ],
      MonitoringConfiguration: {
        CloudWatchLoggingConfiguration: { Enabled: true, LogGroupName: Match.anyValue() },
        ManagedPersistenceMonitoringConfiguration: { Enabled: true },
      },
    });
  });

  it('have a role that only EMR Serverless can take, and only for this application', () => {
    const template = templateOf();
    const [application] = Object.keys(template.findResources('AWS::EMRServerless::Application'));
    template.hasResourceProperties('AWS::IAM::Role', {
      AssumeRolePolicyDocument: {
        Statement: [
          {
            Action: 'sts:AssumeRole',
            Principal: { Service: 'emr-serverless.amazonaws.com' },
            Condition: {
              StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } },
              ArnLike: { 'aws:SourceArn': { 'Fn::GetAtt': [application, 'Arn'] } },
            },
          },
        ],
      },
    });
  });

  const READ = ['s3:GetObject lake/lake/raw/*', 's3:ListBucket lake'];
  const RUNS = ['lake/lake/raw/*_resaca/optimize/*'];
  const FILES = ['lake/lake/raw/*resaca-compacted-*'];

  it('may read the tables, and write what compaction writes: no log, nothing elsewhere', () => {
    const rights = bucketRights(templateOf(), 'SparkRole');
    assert.deepEqual(
      rights.sort(),
      [
        ...READ,
        ...[...RUNS, ...FILES].flatMap((object) => [`s3:PutObject ${object}`, `s3:AbortMultipartUpload ${object}`]),
        ...RUNS.map((object) => `s3:DeleteObject ${object}`),
      ].sort(),
    );
  });

  it('may write what steps write, where they are for steps', () => {
    const rights = bucketRights(
      templateOf(() => ({ tables: { access: 'steps' } })),
      'SparkRole',
    );
    const written = ['*_resaca/step/*', '*resaca-step-*'];
    assert.deepEqual(
      rights.filter((right) => right.startsWith('s3:PutObject')),
      written.map((name) => `s3:PutObject lake/lake/raw/${name}`),
    );
  });

  it('may read only, or do all, where that is asked for', () => {
    assert.deepEqual(
      bucketRights(
        templateOf(() => ({ tables: { access: 'read' } })),
        'SparkRole',
      ).sort(),
      READ,
    );
    const written = bucketRights(
      templateOf(() => ({ tables: { access: 'write' } })),
      'SparkRole',
    );
    assert.ok(written.includes('s3:PutObject lake/lake/raw/*'));
    assert.ok(written.includes('s3:DeleteObject lake/lake/raw/*'));
  });

  it('may delete files and write checkpoints, but no commits, where a vacuum is asked for', () => {
    const rights = bucketRights(
      templateOf(() => ({ tables: { vacuum: true } })),
      'SparkRole',
    );
    assert.ok(rights.includes('s3:DeleteObject lake/lake/raw/*'));
    assert.ok(rights.includes('s3:PutObject lake/lake/raw/*_delta_log/*.checkpoint.*'));
    const commit = 'lake/lake/raw/orders/_delta_log/00000000000000000001.json';
    const patterns = rights
      .filter((right) => right.startsWith('s3:PutObject '))
      .map((right) => right.slice('s3:PutObject '.length));
    const covering = patterns.filter((pattern) => toRegExp(pattern).test(commit));
    assert.deepEqual(covering, []);
    assert.ok(patterns.some((pattern) => toRegExp(pattern).test(commit.replace('json', 'checkpoint.parquet'))));
  });

  it('read their scripts, the library, and others that are added, and no other asset', () => {
    const { stack, jobs } = stackWith();
    const other = jobs.addScript('Silver', join(import.meta.dirname, '../../package.json'));
    assert.match(String(stack.resolve(other)?.['Fn::Sub'] ?? other), /^s3:\/\/.*\.json$/);
    const objects = rightsOf(Template.fromStack(stack)).filter((right) => /cdk-.*assets/.test(right));
    assert.equal(objects.length, 4);
    for (const right of objects) assert.match(right, /^s3:GetObject .*\/[0-9a-f]{64}\.(py|zip|json)$/);
    const script = readFileSync(join(import.meta.dirname, '../../spark/optimize.py'), 'utf8');
    assert.match(script, /def rewrite\(/);
  });

  it('can be run by who is granted it, who may also keep plans and results, and pass this role to EMR only', () => {
    const template = templateOf();
    const rights = rightsOf(template).filter((right) => /^(emr-serverless|iam):/.test(right));
    assert.deepEqual(
      rights.map((right) => right.replace(/<Spark(\w+?)[0-9A-F]{8}/, '<$1')),
      [
        'emr-serverless:CancelJobRun <Application.Arn>/jobruns/*',
        'emr-serverless:GetJobRun <Application.Arn>/jobruns/*',
        'emr-serverless:StartJobRun <Application.Arn>',
        'iam:PassRole <Role.Arn>',
      ],
    );
    template.hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: 'iam:PassRole',
            Condition: { StringEquals: { 'iam:PassedToService': 'emr-serverless.amazonaws.com' } },
          }),
        ]),
      },
    });
    assert.deepEqual(
      bucketRights(template, 'Caller').sort(),
      RUNS.flatMap((object) =>
        ['GetObject', 'PutObject', 'AbortMultipartUpload', 'DeleteObject'].map((action) => `s3:${action} ${object}`),
      ).sort(),
    );
  });

  it('are found by four variables, of which one is another for steps', () => {
    const { jobs, stack } = stackWith();
    const names = Object.keys(jobs.environment);
    assert.deepEqual(names, SPARK_VARIABLES);
    const { RESACA_SPARK_SCRIPT: script, ...others } = jobs.stepEnvironment;
    const { RESACA_SPARK_SCRIPT: upkeep, ...same } = jobs.environment;
    assert.notDeepEqual(stack.resolve(script), stack.resolve(upkeep));
    assert.deepEqual(others, same);
    assert.ok(names.every((name) => stack.resolve(jobs.environment[name]) !== ''));
  });

  it('use a key for the logs and the tables, and leave nothing with EMR then', () => {
    const stack = new Stack(createApp(), 'spark');
    const encryptionKey = new Key(stack, 'Key');
    const bucket = new Bucket(stack, 'Lake', { encryptionKey });
    new SparkJobs(stack, 'Spark', { tables: [{ bucket }], encryptionKey });
    const template = Template.fromStack(stack);
    template.hasResourceProperties('AWS::Logs::LogGroup', { KmsKeyId: Match.anyValue(), RetentionInDays: 30 });
    template.hasResourceProperties('AWS::EMRServerless::Application', {
      MonitoringConfiguration: { ManagedPersistenceMonitoringConfiguration: { Enabled: false } },
    });
    assert.ok(rightsOf(template).some((right) => right.startsWith('kms:GenerateDataKey')));
  });

  it('are in a VPC where that is asked for', () => {
    const template = templateOf((scope) => ({ network: { vpc: vpcOf(scope) } }));
    template.hasResourceProperties('AWS::EMRServerless::Application', {
      NetworkConfiguration: { SubnetIds: ['subnet-0a1b2c3d', 'subnet-1a2b3c4d'], SecurityGroupIds: [Match.anyValue()] },
    });
    template.resourceCountIs('AWS::EC2::SecurityGroup', 1);
  });

  it('are refused with every mistake by name', () => {
    const wrong: PropsOf = () => ({
      releaseLabel: 'emr-7.9.0',
      maximumCapacity: { cpu: 0, memory: 1.5, disk: 1 },
      maxConcurrentRuns: 0,
      idleTimeout: Duration.seconds(90),
      sparkProperties: { 'fs.s3a.endpoint': 'x' },
    });
    assert.throws(
      () => stackWith(wrong),
      (error) => {
        assert.ok(error instanceof ConfigError);
        assert.deepEqual(error.problems, [
          'releaseLabel: expected a release from emr-7.10.0 on, got "emr-7.9.0"',
          'maximumCapacity.cpu: expected a whole number from 1 on, got 0',
          'maximumCapacity.memory: expected a whole number from 1 on, got 1.5',
          'maxConcurrentRuns: expected 1 to 1000, got 0',
          'idleTimeout: expected whole minutes from 1 to 10080, got 1 minute 30 seconds',
          'sparkProperties: expected names that start with "spark.", got "fs.s3a.endpoint"',
        ]);
        return true;
      },
    );
    const stack = new Stack(createApp(), 'none');
    assert.throws(() => new SparkJobs(stack, 'Spark', { tables: [] }), /at least one bucket/);
  });

  for (const [name, propsOf] of Object.entries<PropsOf>({
    'with what is usual': () => ({}),
    'with a vacuum': () => ({ tables: { vacuum: true } }),
    'that write all': () => ({ tables: { access: 'write' } }),
    'in a VPC, with a key': (scope) => ({
      network: { vpc: vpcOf(scope) },
      encryptionKey: new Key(scope, 'Key', { enableKeyRotation: true }),
    }),
  })) {
    it(`have nothing that the AwsSolutions pack of cdk-nag finds, ${name}`, () => {
      const app = checkedApp();
      stackWith(propsOf, app);
      assert.deepEqual(findings(app), []);
    });
  }
});

function toRegExp(pattern: string): RegExp {
  return new RegExp(`^${pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`);
}
