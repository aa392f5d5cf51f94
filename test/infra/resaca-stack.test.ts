import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Match, type Template } from 'aws-cdk-lib/assertions';
import { actionsOf, roleStatements, stackOf, templateOf, textOf } from '../support/templates.ts';

const template = templateOf();

describe('the stack without a configuration', () => {
  it('keeps the landing bucket and its tables, private, encrypted, TLS only', () => {
    template.hasResource('AWS::S3::Bucket', {
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
      Properties: {
        BucketEncryption: { ServerSideEncryptionConfiguration: Match.anyValue() },
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
      },
    });
    template.hasResourceProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
        ]),
      },
    });
  });

  it('refuses commits that could overwrite another', () => {
    const [policy] = Object.values(template.findResources('AWS::S3::BucketPolicy'));
    const statement = policy?.Properties.PolicyDocument.Statement.find(
      ({ Sid }: { Sid?: string }) => Sid === 'CommitsOnlyIfAbsent',
    );
    assert.equal(statement.Effect, 'Deny');
    assert.equal(statement.Action, 's3:PutObject');
    assert.deepEqual(statement.Condition, {
      Null: { 's3:if-none-match': 'true' },
      Bool: { 's3:ObjectCreationOperation': 'true' },
    });
    // Twenty digits: neither _last_checkpoint nor a checkpoint, a sidecar or a compacted log is meant.
    assert.deepEqual(statement.Resource.map(textOf), [
      '<LandingBucket6D60388F.Arn>/*/_delta_log/????????????????????.json',
      '<LandingBucket6D60388F.Arn>/_delta_log/????????????????????.json',
    ]);
  });

  it('runs the bundle on Node 24 and ARM, with its configuration beside it', () => {
    template.hasResourceProperties('AWS::Lambda::Function', {
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Handler: 'index.handler',
      Timeout: 120,
      MemorySize: 512,
      TracingConfig: Match.absent(),
      Environment: {
        Variables: {
          NODE_OPTIONS: '--enable-source-maps',
          RESACA_CONFIG_FILE: 'config.json',
          RESACA_PIPELINE: 'resaca-dev',
          RESACA_LOG_LEVEL: 'info',
        },
      },
    });
    template.hasResource('AWS::Logs::LogGroup', { DeletionPolicy: 'Delete', Properties: { RetentionInDays: 30 } });
  });

  it('hides a message for six times the time-out of the function, and keeps dead letters 14 days', () => {
    template.hasResourceProperties('AWS::SQS::Queue', {
      VisibilityTimeout: 720,
      RedrivePolicy: Match.objectLike({ maxReceiveCount: 5 }),
    });
    template.allResourcesProperties('AWS::SQS::Queue', {
      SqsManagedSseEnabled: true,
      MessageRetentionPeriod: 14 * 86_400,
    });
    template.hasResource('AWS::S3::BucketPolicy', { DeletionPolicy: 'Retain' });
    for (const { Properties } of Object.values(template.findResources('AWS::SQS::QueuePolicy'))) {
      const denied = Properties.PolicyDocument.Statement.filter(({ Effect }: { Effect: string }) => Effect === 'Deny');
      assert.deepEqual(
        denied.map(({ Condition }: { Condition: unknown }) => Condition),
        [{ Bool: { 'aws:SecureTransport': 'false' } }],
      );
    }
    template.resourceCountIs('AWS::SQS::QueuePolicy', 4);
  });

  it('answers for single messages of a batch', () => {
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      BatchSize: 1000,
      MaximumBatchingWindowInSeconds: 30,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: 4 },
    });
  });

  it('announces Parquet files only, not the commits that it makes itself', () => {
    template.hasResourceProperties('Custom::S3BucketNotifications', {
      NotificationConfiguration: {
        QueueConfigurations: [['s3:ObjectCreated:*'], ['s3:ObjectRemoved:*'], ['s3:LifecycleExpiration:*']].map(
          (Events) => ({
            Events,
            QueueArn: Match.anyValue(),
            Filter: { Key: { FilterRules: [{ Name: 'suffix', Value: '.parquet' }] } },
          }),
        ),
      },
    });
  });

  it('lets the function read the bucket, write logs and quarantine, take its messages, and nothing else', () => {
    const alone = templateOf({ maintenance: false });
    const statements = roleStatements(alone);
    const ours = statements.filter(
      ({ Action }) => !actionsOf([{ Action } as never]).includes('s3:PutBucketNotification'),
    );
    assert.deepEqual(actionsOf(ours).sort(), [
      'logs:CreateLogStream',
      'logs:PutLogEvents',
      's3:GetObject',
      's3:ListBucket',
      's3:PutObject',
      'sqs:ChangeMessageVisibility',
      'sqs:DeleteMessage',
      'sqs:GetQueueAttributes',
      'sqs:GetQueueUrl',
      'sqs:ReceiveMessage',
    ]);
    const put = ours.find(({ Action }) => Action === 's3:PutObject');
    assert.deepEqual([put?.Resource].flat().map(textOf), [
      '<LandingBucket6D60388F.Arn>/*/_delta_log/*',
      '<LandingBucket6D60388F.Arn>/*/_resaca/*',
      '<LandingBucket6D60388F.Arn>/_delta_log/*',
      '<LandingBucket6D60388F.Arn>/_resaca/*',
    ]);
    assert.ok(ours.every(({ Effect, Resource }) => Effect === 'Allow' && Resource !== '*'));
    const [role] = Object.values(alone.findResources('AWS::IAM::Role')).filter(
      ({ Properties }) => Properties.ManagedPolicyArns === undefined,
    );
    assert.ok(role, 'the role of the function has no managed policies');
  });

  it('has stable ids for what holds data', () => {
    const stateful = ['AWS::S3::Bucket', 'AWS::SQS::Queue', 'AWS::SNS::Topic'].flatMap((type) =>
      Object.keys(template.findResources(type)),
    );
    assert.deepEqual(stateful.sort(), [
      'AlarmsTopic3A2DFEBA',
      'AppendEventsDeadLettersBCA43CA6',
      'AppendEventsQueueF9B1F992',
      'LandingBucket6D60388F',
      'MaintenanceQueueWorkDeadLetters58981D32',
      'MaintenanceQueueWorkQueue156CE73D',
    ]);
  });
});

describe('a configuration', () => {
  it('reaches the function and its event source', () => {
    const configured = templateOf({
      append: {
        memorySize: 1024,
        timeout: 30,
        batchSize: 200,
        batchingWindow: 5,
        maxConcurrency: 9,
        maxReceiveCount: 7,
      },
    });
    configured.hasResourceProperties('AWS::Lambda::Function', { MemorySize: 1024, Timeout: 30 });
    configured.hasResourceProperties('AWS::SQS::Queue', {
      VisibilityTimeout: 180,
      RedrivePolicy: Match.objectLike({ maxReceiveCount: 7 }),
    });
    configured.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      BatchSize: 200,
      MaximumBatchingWindowInSeconds: 5,
      ScalingConfig: { MaximumConcurrency: 9 },
    });
  });

  it('narrows what the function may touch, and what is announced, to the prefixes', () => {
    const narrow = templateOf({
      maintenance: false,
      convention: 'none',
      tables: [{ prefix: 'lake/orders' }, { prefix: 'tenants/{t}/web' }],
    });
    const resources = (action: string) =>
      roleStatements(narrow)
        .filter(({ Action }) => Action === action)
        .flatMap(({ Resource }) => [Resource].flat().map(textOf))
        .map((text) => text.replace(/^<LandingBucket\w+\.Arn>/, ''));
    assert.deepEqual(resources('s3:GetObject'), ['/lake/orders/*', '/tenants/*']);
    assert.deepEqual(resources('s3:PutObject'), [
      '/lake/orders/*/_delta_log/*',
      '/lake/orders/*/_resaca/*',
      '/lake/orders/_delta_log/*',
      '/lake/orders/_resaca/*',
      '/tenants/*/_delta_log/*',
      '/tenants/*/_resaca/*',
      '/tenants/_delta_log/*',
      '/tenants/_resaca/*',
    ]);
    const [notifications] = Object.values(narrow.findResources('Custom::S3BucketNotifications'));
    const filters = notifications?.Properties.NotificationConfiguration.QueueConfigurations.map(
      ({ Filter }: { Filter: { Key: { FilterRules: { Name: string; Value: string }[] } } }) =>
        Filter.Key.FilterRules.map(({ Name, Value }) => `${Name} ${Value}`).join(', '),
    );
    assert.deepEqual(
      [...new Set(filters)],
      ['suffix .parquet, prefix lake/orders/', 'suffix .parquet, prefix tenants/'],
    );
  });

  it('stays within the limits of AWS with very many tables', () => {
    const tables = Array.from({ length: 50 }, (_, index) => ({ prefix: `lake/department_${index}/orders` }));
    const many = templateOf({ convention: 'none', tables });
    const policies = Object.values(many.findResources('AWS::IAM::Policy')).map(({ Properties }) =>
      JSON.stringify(Properties.PolicyDocument),
    );
    assert.ok(policies.join('').length < 10_240);
    const [notifications] = Object.values(many.findResources('Custom::S3BucketNotifications'));
    assert.ok(notifications?.Properties.NotificationConfiguration.QueueConfigurations.length <= 60);
    const fifo = templateOf({ convention: 'none', tables, append: { queue: 'fifo' } });
    fifo.resourceCountIs('AWS::Events::Rule', 50);
    for (const { Properties } of Object.values(fifo.findResources('AWS::SQS::QueuePolicy'))) {
      assert.ok(Properties.PolicyDocument.Statement.length <= 2);
    }
  });

  it('keeps what EventBridge cannot deliver, and says so', () => {
    const bridged = templateOf({ landing: { notifications: 'eventbridge' } });
    const [rule] = Object.values(bridged.findResources('AWS::Events::Rule'));
    assert.match(textOf(rule?.Properties.Targets[0].DeadLetterConfig.Arn), /Undelivered/);
    bridged.hasResourceProperties('AWS::CloudWatch::Alarm', { AlarmName: 'resaca-dev-Undelivered' });
    bridged.hasResourceProperties('AWS::SQS::QueuePolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: 'Allow',
            Action: 'sqs:SendMessage',
            Principal: { Service: 'events.amazonaws.com' },
            Condition: { ArnLike: { 'aws:SourceArn': Match.anyValue() } },
          }),
        ]),
      },
    });
  });

  it('takes an existing bucket, with its key, and leaves it as it is', () => {
    const keyArn = 'arn:aws:kms:us-east-1:111122223333:key/1234-abcd';
    const imported = templateOf({ landing: { bucketName: 'mine', keyArn }, maintenance: false });
    imported.resourceCountIs('AWS::S3::Bucket', 0);
    imported.resourceCountIs('AWS::S3::BucketPolicy', 0);
    imported.hasResourceProperties('Custom::S3BucketNotifications', { BucketName: 'mine', Managed: false });
    const kms = roleStatements(imported).filter(({ Action }) =>
      actionsOf([{ Action } as never]).some((a) => a.startsWith('kms:')),
    );
    assert.deepEqual(
      kms.map(({ Action, Resource }) => ({ Action, Resource })),
      [{ Action: ['kms:Decrypt', 'kms:GenerateDataKey'], Resource: keyArn }],
    );
  });

  it('sends the events through EventBridge', () => {
    const bridged = templateOf({ landing: { notifications: 'eventbridge', prefixes: ['lake'] } });
    bridged.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: {
        source: ['aws.s3'],
        'detail-type': ['Object Created', 'Object Deleted'],
        detail: { object: { key: [{ wildcard: 'lake/*.parquet' }] } },
      },
    });
    bridged.hasResourceProperties('Custom::S3BucketNotifications', {
      NotificationConfiguration: { EventBridgeConfiguration: {} },
    });
  });

  it('makes a FIFO queue in which each table rule is a message group', () => {
    const fifo = templateOf({
      maintenance: false,
      convention: 'none',
      tables: [{ prefix: 'orders' }, { prefix: 'web/{site}' }],
      append: { queue: 'fifo' },
    });
    fifo.resourcePropertiesCountIs(
      'AWS::SQS::Queue',
      {
        FifoQueue: true,
        ContentBasedDeduplication: true,
        FifoThroughputLimit: 'perMessageGroupId',
        DeduplicationScope: 'messageGroup',
      },
      2,
    );
    fifo.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      BatchSize: 10,
      MaximumBatchingWindowInSeconds: Match.absent(),
    });
    const groups = Object.values(fifo.findResources('AWS::Events::Rule')).map(
      ({ Properties }) => Properties.Targets[0].SqsParameters.MessageGroupId,
    );
    assert.deepEqual(groups.sort(), ['orders', 'web']);
  });

  it('encrypts with a key of its own, which those who send may use', () => {
    const encrypted = templateOf({ encryption: 'kms', landing: { notifications: 'eventbridge' } });
    encrypted.hasResource('AWS::KMS::Key', { DeletionPolicy: 'Retain', Properties: { EnableKeyRotation: true } });
    encrypted.allResourcesProperties('AWS::SQS::Queue', { KmsMasterKeyId: Match.anyValue() });
    encrypted.hasResourceProperties('AWS::SNS::Topic', { KmsMasterKeyId: Match.anyValue() });
    encrypted.hasResourceProperties('AWS::S3::Bucket', {
      BucketEncryption: {
        ServerSideEncryptionConfiguration: [
          { BucketKeyEnabled: true, ServerSideEncryptionByDefault: Match.objectLike({ SSEAlgorithm: 'aws:kms' }) },
        ],
      },
    });
    assert.deepEqual(keyUsers(encrypted), ['cloudwatch.amazonaws.com', 'events.amazonaws.com']);
    assert.deepEqual(keyUsers(templateOf({ encryption: 'kms' })), ['cloudwatch.amazonaws.com', 's3.amazonaws.com']);
  });

  it('traces, logs and measures as told', () => {
    const told = templateOf({ append: { tracing: true, logLevel: 'debug', logRetention: 7, metricsByTable: true } });
    told.hasResourceProperties('AWS::Lambda::Function', {
      TracingConfig: { Mode: 'Active' },
      Environment: { Variables: Match.objectLike({ RESACA_LOG_LEVEL: 'debug', RESACA_METRICS_BY_TABLE: 'true' }) },
    });
    told.hasResourceProperties('AWS::Logs::LogGroup', { RetentionInDays: 7 });
    assert.ok(actionsOf(roleStatements(told)).includes('xray:PutTraceSegments'));
  });

  it('keeps the stages of an account apart', () => {
    const names = ['blue', 'green'].map((stage) => {
      const stack = stackOf({ stage });
      return [stack.stackName, stack.append.pipelineName];
    });
    assert.deepEqual(names, [
      ['resaca-blue', 'resaca-blue'],
      ['resaca-green', 'resaca-green'],
    ]);
  });
});

/** The services that the policies of the keys name. */
function keyUsers(template: Template): string[] {
  const policies = JSON.stringify(template.findResources('AWS::KMS::Key'));
  return [...new Set(policies.match(/\w+\.amazonaws\.com/g))].sort();
}
