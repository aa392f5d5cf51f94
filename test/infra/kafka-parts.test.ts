import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Match, Template } from 'aws-cdk-lib/assertions';
import type { KafkaDeploymentConfig } from '../../infra/config/kafka-config.ts';
import { parseResacaConfig } from '../../infra/config/parse-config.ts';
import { ScheduledConsumer } from '../../infra/constructs/scheduled-consumer.ts';
import { ResacaStack } from '../../infra/stacks/resaca-stack.ts';
import { parseConsumerConfig } from '../../src/consumer/config.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { actionsOf, createApp, roleStatements, templateOf, textOf } from '../support/templates.ts';

const clusterArn = 'arn:aws:kafka:eu-west-1:123456789012:cluster/events/751d2973-a626-431c-9d4e-d7975eb44dd7-2';
const secretArn = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:AmazonMSK_client-AbCdEf';
const rootCertificateArn = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:root-GhIjKl';

/** The properties of the resources of a type whose ids begin with this. */
function propertiesOf(template: ReturnType<typeof templateOf>, type: string, id: string) {
  const found = Object.entries(template.findResources(type)).filter(([name]) => name.startsWith(id));
  return found.map(([, { Properties }]) => Properties);
}

const msk = templateOf({
  encryption: 'kms',
  dashboard: false,
  landing: { enforceConditionalCommits: false },
  alarms: { email: 'data@example.com', maxLag: 77, maxConflictsPerCommit: 9 },
  append: { logLevel: 'debug', tracing: true, metricsByTable: true, logRetention: 7 },
  kafka: {
    clusterArn,
    topics: ['web'],
    authentication: 'mtls',
    secretArn,
    startingPosition: 'LATEST',
    memorySize: 2_048,
    tables: { commits: 'deferred', topics: [{ topic: '*', table: 'lake/{topic}' }] },
  },
});

const other = templateOf({
  kafka: {
    bootstrapServers: ['kafka-1.internal:9094'],
    topics: ['web'],
    authentication: 'none',
    rootCertificateArn,
    subnetIds: ['subnet-1'],
    securityGroupId: 'sg-1',
  },
});

/** The settings that the function on a schedule gets, and the fields of its secrets by variable. */
function scheduledSettings(login: object) {
  const kafka = { bootstrapServers: ['kafka-1.internal:9094'], topics: ['web'], schedule: {}, ...login };
  const stack = new ResacaStack(createApp(), 'resaca', { config: { kafka: kafka as KafkaDeploymentConfig } });
  const consumer = stack.bronze;
  assert.ok(consumer instanceof ScheduledConsumer);
  const template = Template.fromStack(stack);
  const [properties] = propertiesOf(template, 'AWS::Lambda::Function', 'BronzeFunction');
  const secrets = JSON.parse(properties?.Environment.Variables.RESACA_KAFKA_SECRETS ?? '{}');
  return { config: consumer.config, secrets };
}

describe('how the function on a schedule logs in', () => {
  const field = (secret: string, name: string) => ({ secret, field: name });

  it('with a user and a password, over TLS', () => {
    const { config, secrets } = scheduledSettings({
      authentication: 'scram-512',
      secretArn,
      startingPosition: 'LATEST',
    });
    const [username, password] = [{ env: 'KAFKA_USERNAME' }, { env: 'KAFKA_PASSWORD' }];
    assert.deepEqual(
      [config.sasl, config.tls, config.awsIam, config.from],
      [{ mechanism: 'SCRAM-SHA-512', username, password }, true, undefined, 'latest'],
    );
    assert.deepEqual(secrets, {
      KAFKA_USERNAME: field(secretArn, 'username'),
      KAFKA_PASSWORD: field(secretArn, 'password'),
    });
  });

  it('with a certificate, and the one of who signed those of the brokers', () => {
    const { config, secrets } = scheduledSettings({ authentication: 'mtls', secretArn, rootCertificateArn });
    const [cert, key, ca] = [
      { env: 'KAFKA_CERTIFICATE' },
      { env: 'KAFKA_PRIVATE_KEY' },
      { env: 'KAFKA_ROOT_CERTIFICATE' },
    ];
    assert.deepEqual([config.sasl, config.tls], [undefined, { ca, cert, key }]);
    assert.deepEqual(secrets, {
      KAFKA_CERTIFICATE: field(secretArn, 'certificate'),
      KAFKA_PRIVATE_KEY: field(secretArn, 'privateKey'),
      KAFKA_ROOT_CERTIFICATE: field(rootCertificateArn, 'certificate'),
    });
  });

  it('with IAM in the region of the cluster, and where that is wanted without anything', () => {
    assert.deepEqual(scheduledSettings({ clusterArn }).config.awsIam, { region: 'eu-west-1' });
    const { config, secrets } = scheduledSettings({ authentication: 'none' });
    assert.deepEqual([config.sasl, config.tls, secrets], [undefined, false, {}]);
  });

  it('under a group of its own, and as the container parses it', () => {
    const { config } = scheduledSettings({ authentication: 'plain', secretArn });
    assert.equal(config.group, 'resaca-bronze');
    assert.doesNotThrow(() => parseConsumerConfig({ ...config, storage: { bucket: 'lake' } }));
  });
});

describe('the Kafka of a stack', () => {
  it('begins where it is told, and shows the brokers its certificate', () => {
    msk.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      EventSourceArn: clusterArn,
      StartingPosition: 'LATEST',
      SourceAccessConfigurations: [{ Type: 'CLIENT_CERTIFICATE_TLS_AUTH', URI: secretArn }],
    });
  });

  it('trusts the root certificate that it is given', () => {
    other.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      SourceAccessConfigurations: Match.arrayWith([{ Type: 'SERVER_ROOT_CA_CERTIFICATE', URI: rootCertificateArn }]),
    });
  });

  it('has functions with the settings of the deployment', () => {
    const [bronze] = propertiesOf(msk, 'AWS::Lambda::Function', 'BronzeFunction');
    assert.deepEqual([bronze.MemorySize, bronze.TracingConfig], [2_048, { Mode: 'Active' }]);
    const {
      RESACA_LOG_LEVEL: level,
      RESACA_METRICS_BY_TABLE: byTable,
      RESACA_PIPELINE: name,
    } = bronze.Environment.Variables;
    assert.deepEqual([level, byTable, name], ['debug', 'true', 'resaca-dev-bronze']);
    const [logs] = propertiesOf(msk, 'AWS::Logs::LogGroup', 'BronzeFunction');
    assert.equal(logs.RetentionInDays, 7);
  });

  it('writes the tables of its configuration', () => {
    const keys = roleStatements(msk).flatMap(({ Resource }) => [Resource].flat().map(textOf));
    assert.ok(
      keys.some((arn) => /^<Tables\w+\.Arn>\/lake\/\*$/.test(arn)),
      keys.join('\n'),
    );
    assert.equal(propertiesOf(msk, 'AWS::Lambda::Function', 'BronzeCommitter').length, 1);
  });

  it('is watched as the rest is', () => {
    const alarms = propertiesOf(msk, 'AWS::CloudWatch::Alarm', 'BronzeAlarms');
    const threshold = (id: string) =>
      alarms.find(({ AlarmName }) => AlarmName === `resaca-dev-bronze-${id}`)?.Threshold;
    assert.deepEqual([threshold('Lag'), threshold('Conflicts')], [77_000, 9]);
    assert.equal(Object.keys(msk.findResources('AWS::SNS::Subscription')).length, 2);
    msk.resourceCountIs('AWS::CloudWatch::Dashboard', 0);
    other.resourceCountIs('AWS::CloudWatch::Dashboard', 2);
  });

  it('names its function and its bucket', () => {
    other.hasOutput('BronzeFunctionName', {});
    other.hasOutput('BronzeBucketName', {});
  });

  it('encrypts its tables and its alarms with keys of the stack where the rest is', () => {
    const [bucket] = propertiesOf(msk, 'AWS::S3::Bucket', 'Tables');
    const [rule] = bucket.BucketEncryption.ServerSideEncryptionConfiguration;
    assert.match(textOf(rule.ServerSideEncryptionByDefault.KMSMasterKeyID), /^<TablesKey/);
    const [topic] = propertiesOf(msk, 'AWS::SNS::Topic', 'BronzeAlarms');
    assert.match(textOf(topic.KmsMasterKeyId), /^<EventsKey/);
    const [plain] = propertiesOf(other, 'AWS::SNS::Topic', 'BronzeAlarms');
    assert.equal(plain?.KmsMasterKeyId, undefined);
  });

  it('refuses commits that could overwrite another, unless the deployment does not', () => {
    const policiesOf = (template: typeof msk) =>
      JSON.stringify(propertiesOf(template, 'AWS::S3::BucketPolicy', 'Tables'));
    assert.match(policiesOf(other), /CommitsOnlyIfAbsent/);
    assert.doesNotMatch(policiesOf(msk), /CommitsOnlyIfAbsent/);
  });
});

describe('the committer of a stack', () => {
  const [committer] = propertiesOf(msk, 'AWS::Lambda::Function', 'BronzeCommitter');

  it('has five minutes, its bucket, and the settings of the deployment', () => {
    const { RESACA_BUCKET: bucket, RESACA_LOG_LEVEL: level } = committer.Environment.Variables;
    assert.deepEqual([committer.Timeout, level], [300, 'debug']);
    assert.match(textOf(bucket), /^<Tables/);
  });

  it('has code of its own', () => {
    const [bronze] = propertiesOf(msk, 'AWS::Lambda::Function', 'BronzeFunction');
    assert.notDeepEqual(committer.Code, bronze.Code);
  });

  it('has its turn once a minute, and is not called again for one that failed', () => {
    const [rule] = propertiesOf(msk, 'AWS::Events::Rule', 'BronzeCommitter');
    assert.equal(rule.ScheduleExpression, 'rate(1 minute)');
    assert.equal(rule.Targets.length, 1);
    assert.deepEqual(rule.Targets[0].RetryPolicy, { MaximumRetryAttempts: 0 });
    assert.match(textOf(rule.Targets[0].Arn), /^<BronzeCommitter/);
  });

  it('may write the tables', () => {
    const policies = propertiesOf(msk, 'AWS::IAM::Policy', 'BronzeCommitter');
    const statements = policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
    const writes = statements.filter((statement) => actionsOf([statement]).includes('s3:PutObject'));
    assert.ok(writes.length > 0);
  });
});

describe('the configuration of a Kafka', () => {
  const base = { clusterArn, topics: ['web'] };
  const servers = { bootstrapServers: ['a:1'], topics: ['web'] };
  const mistakes: readonly (readonly [object, string])[] = [
    [{ ...servers, authentication: 'none', secretArn }, 'secretArn'],
    [{ ...servers, authentication: 'plain', secretArn, securityGroupId: 'sg-1' }, 'securityGroupId'],
    [{ ...base, rootCertificateArn }, 'rootCertificateArn'],
    [{ ...servers, authentication: 'plain', secretArn, rootCertificateArn: 'root' }, 'rootCertificateArn'],
    [{ ...base, authentication: 'mtls', secretArn: secretArn.slice(0, -7) }, 'secretArn'],
    [{ ...base, startingPosition: 'AT_TIMESTAMP' }, 'startingPosition'],
    [{ ...base, batchingWindow: 301 }, 'batchingWindow'],
    [{ ...base, memorySize: 511 }, 'memorySize'],
    [{ ...base, tables: 'none' }, 'tables'],
  ];
  for (const [kafka, name] of mistakes) {
    it(`is refused for ${name} in ${JSON.stringify(kafka)}`, () => {
      assert.throws(
        () => parseResacaConfig({ kafka }),
        (error) => {
          assert.ok(error instanceof ConfigError);
          assert.deepEqual(
            [...new Set(error.problems.map((problem) => problem.slice(0, problem.indexOf(': '))))],
            [`kafka.${name}`],
          );
          return true;
        },
      );
    });
  }

  it('needs no name for its bucket where landing has none', () => {
    assert.equal(parseResacaConfig({ kafka: base }).kafka?.bucketName, undefined);
  });
});
