import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Fn, type Stack } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import type { KafkaSource, MskSource } from '../../infra/constructs/kafka-source.ts';
import { textOf } from '../support/templates.ts';
import {
  bronzeStack,
  bronzeTemplate,
  CLUSTER_ARN,
  MSK,
  rightsOf,
  SECRET_ARN,
  SECURITY_GROUP,
  SERVERLESS_ARN,
  SUBNETS,
  secretOf,
  selfManaged,
} from './bronze-stacks.ts';

const templateOf = (sourceOf: (scope: Stack) => KafkaSource) =>
  bronzeTemplate((scope) => ({ source: sourceOf(scope) }));
const arnOf = (id: string) => SECRET_ARN.replace('user', id);

/** What is said of a source that is refused. */
function refusal(sourceOf: (scope: Stack) => unknown): string {
  try {
    bronzeStack((scope) => ({ source: sourceOf(scope) as KafkaSource }));
  } catch (error) {
    assert.equal((error as Error).name, 'ConfigError');
    return (error as Error).message;
  }
  return 'nothing';
}

describe('an MSK cluster as the source', () => {
  it('is read with the user of a secret', () => {
    const template = templateOf((scope) => ({
      ...MSK,
      authentication: { method: 'scram-512', secret: secretOf(scope, 'User') },
    }));
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      SourceAccessConfigurations: [{ Type: 'SASL_SCRAM_512_AUTH', URI: arnOf('User') }],
    });
    const rights = rightsOf(template);
    assert.ok(rights.includes(`secretsmanager:GetSecretValue ${arnOf('User')}`));
    assert.ok(rights.includes(`kafka:ListScramSecrets ${CLUSTER_ARN}`));
    assert.ok(!rights.some((right) => right.startsWith('kafka-cluster:')));
  });

  it('is read with a certificate', () => {
    const template = templateOf((scope) => ({
      ...MSK,
      authentication: { method: 'mtls', certificate: secretOf(scope, 'Cert') },
    }));
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      SourceAccessConfigurations: [{ Type: 'CLIENT_CERTIFICATE_TLS_AUTH', URI: arnOf('Cert') }],
    });
    const rights = rightsOf(template);
    assert.ok(rights.includes(`secretsmanager:GetSecretValue ${arnOf('Cert')}`));
    assert.ok(!rights.some((right) => /kafka-cluster:|Scram/.test(right)));
  });

  it('is read without authentication', () => {
    const template = templateOf(() => ({ ...MSK, authentication: { method: 'none' } }));
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', { SourceAccessConfigurations: Match.absent() });
    assert.ok(!rightsOf(template).some((right) => right.startsWith('kafka-cluster:')));
  });

  it('may be serverless, with IAM', () => {
    templateOf(() => ({ ...MSK, clusterArn: SERVERLESS_ARN })).hasResourceProperties(
      'AWS::Lambda::EventSourceMapping',
      {
        EventSourceArn: SERVERLESS_ARN,
      },
    );
    const scram = (scope: Stack): MskSource => ({
      ...MSK,
      clusterArn: SERVERLESS_ARN,
      authentication: { method: 'scram-512', secret: secretOf(scope) },
    });
    assert.match(refusal(scram), /source\.authentication: MSK Serverless knows IAM only, got "scram-512"/);
  });

  it('may be of another stack', () => {
    const template = templateOf(() => ({ ...MSK, topics: ['web'], clusterArn: Fn.importValue('cluster') }));
    const right = rightsOf(template).find((text) => text.startsWith('kafka-cluster:ReadData'));
    assert.match(right ?? '', /:topic\/.*\/web$/);
  });

  it('lets the role into the consumer groups that it names, and no others', () => {
    const template = templateOf(() => ({ ...MSK, consumerGroupId: 'resaca-{topic}' }));
    for (const topic of MSK.topics) {
      template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
        Topics: [topic],
        AmazonManagedKafkaEventSourceConfig: { ConsumerGroupId: `resaca-${topic}` },
      });
    }
    const groups = CLUSTER_ARN.replace(':cluster/', ':group/');
    assert.deepEqual(
      rightsOf(template).filter((right) => /Group /.test(right) && right.startsWith('kafka-cluster')),
      ['Alter', 'Describe'].flatMap((verb) =>
        ['orders', 'web'].map((topic) => `kafka-cluster:${verb}Group ${groups}/resaca-${topic}`),
      ),
    );
  });

  it('begins where it is told', () => {
    const beginsAt = (startingPosition: 'LATEST' | Date) => templateOf(() => ({ ...MSK, startingPosition }));
    beginsAt('LATEST').hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      StartingPosition: 'LATEST',
      StartingPositionTimestamp: Match.absent(),
    });
    beginsAt(new Date('2026-11-01T00:00:00.900Z')).hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      StartingPosition: 'AT_TIMESTAMP',
      StartingPositionTimestamp: Date.UTC(2026, 10, 1) / 1_000,
    });
  });
});

describe('a Kafka of one’s own as the source', () => {
  it('is read in its VPC, with a user and the root certificate', () => {
    const template = templateOf((scope) => ({ ...selfManaged(scope), consumerGroupId: 'mine' }));
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      EventSourceArn: Match.absent(),
      SelfManagedEventSource: {
        Endpoints: { KafkaBootstrapServers: ['kafka-1.example.com:9094', 'kafka-2.example.com:9094'] },
      },
      SelfManagedKafkaEventSourceConfig: { ConsumerGroupId: 'mine' },
      SourceAccessConfigurations: [
        { Type: 'SASL_SCRAM_256_AUTH', URI: arnOf('User') },
        { Type: 'SERVER_ROOT_CA_CERTIFICATE', URI: arnOf('Root') },
        ...SUBNETS.map((URI) => ({ Type: 'VPC_SUBNET', URI })),
        { Type: 'VPC_SECURITY_GROUP', URI: SECURITY_GROUP },
      ],
    });
    assert.deepEqual(
      rightsOf(template).filter((right) => !right.startsWith('s3:')),
      [
        'ec2:CreateNetworkInterface *',
        'ec2:DeleteNetworkInterface *',
        'ec2:DescribeNetworkInterfaces *',
        'ec2:DescribeSecurityGroups *',
        'ec2:DescribeSubnets *',
        'ec2:DescribeVpcs *',
        `secretsmanager:DescribeSecret ${arnOf('Root')}`,
        `secretsmanager:DescribeSecret ${arnOf('User')}`,
        `secretsmanager:GetSecretValue ${arnOf('Root')}`,
        `secretsmanager:GetSecretValue ${arnOf('User')}`,
      ],
    );
  });

  it('is read over the internet, with each kind of user and with a certificate', () => {
    const types = { 'scram-256': 'SASL_SCRAM_256_AUTH', 'scram-512': 'SASL_SCRAM_512_AUTH', plain: 'BASIC_AUTH' };
    for (const [method, Type] of Object.entries(types)) {
      const template = templateOf((scope) => {
        const { network, rootCertificate, ...source } = selfManaged(scope);
        const secret = secretOf(scope, 'Other');
        return { ...source, authentication: { method: method as keyof typeof types, secret } };
      });
      template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
        SourceAccessConfigurations: [{ Type, URI: arnOf('Other') }],
      });
      assert.ok(!rightsOf(template).some((right) => right.startsWith('ec2:')), method);
    }
    const mutual = templateOf((scope) => ({
      ...selfManaged(scope),
      authentication: { method: 'mtls', certificate: secretOf(scope, 'Cert') },
    }));
    const [mapping] = Object.values(mutual.findResources('AWS::Lambda::EventSourceMapping'));
    assert.equal(textOf(mapping?.Properties.SourceAccessConfigurations[0].Type), 'CLIENT_CERTIFICATE_TLS_AUTH');
  });

  it('needs authentication over the internet', () => {
    const open = (scope: Stack) => {
      const { network, ...source } = selfManaged(scope);
      return { ...source, authentication: { method: 'none' } };
    };
    assert.match(refusal(open), /source\.authentication: brokers that are reached over the internet/);
    templateOf((scope) => ({ ...selfManaged(scope), authentication: { method: 'none' } }));
  });
});

describe('what is no source', () => {
  const yesterday = new Date(Date.now() - 86_400_000);
  const tomorrow = new Date(Date.now() + 86_400_000);
  const cases: Readonly<Record<string, readonly [object, RegExp]>> = {
    'topics: none': [{ topics: [] }, /source\.topics: expected one at least/],
    'topics: a blank': [{ topics: ['a b'] }, /source\.topics: expected up to 249 letters.* got "a b"/],
    'topics: too long': [{ topics: ['a'.repeat(250)] }, /source\.topics: expected up to 249/],
    'topics: twice': [{ topics: ['a', 'b', 'a'] }, /source\.topics: "a" is there twice/],
    'a group for two topics': [{ consumerGroupId: 'one' }, /source\.consumerGroupId: expected \{topic\} in it/],
    'a bad group': [{ consumerGroupId: '{topic} x' }, /source\.consumerGroupId: expected 1-200 of/],
    'a long group': [{ consumerGroupId: `{topic}${'x'.repeat(197)}` }, /consumerGroupId: expected 1-200 of/],
    'no date': [{ startingPosition: new Date('x') }, /source\.startingPosition: expected a date that is over/],
    'a date to come': [{ startingPosition: tomorrow }, /source\.startingPosition: expected a date that is over/],
    'no cluster': [{ clusterArn: 'arn:aws:kafka:eu-west-1:1:topic/x' }, /source\.clusterArn: expected the ARN/],
  };
  for (const [name, [change, expected]] of Object.entries(cases)) {
    it(`is refused: ${name}`, () =>
      assert.match(
        refusal(() => ({ ...MSK, ...change })),
        expected,
      ));
  }

  it('is refused: no brokers, or too many, or no addresses, or no subnets', () => {
    const changed = (change: object) => refusal((scope) => ({ ...selfManaged(scope), ...change }));
    assert.match(changed({ bootstrapServers: [] }), /source\.bootstrapServers: expected 1-10, got 0/);
    assert.match(
      changed({ bootstrapServers: Array(11).fill('a:1') }),
      /source\.bootstrapServers: expected 1-10, got 11/,
    );
    assert.match(changed({ bootstrapServers: ['a'] }), /source\.bootstrapServers: expected host:port, got "a"/);
    assert.match(changed({ network: { subnets: [] } }), /source\.network\.subnets: expected 1-19, got 0/);
  });

  it('is not what is at the limits', () => {
    bronzeStack(() => ({
      source: {
        ...MSK,
        topics: ['a'.repeat(249), '_.-'],
        startingPosition: yesterday,
      },
    }));
    bronzeStack(() => ({ source: { ...MSK, topics: ['a'], consumerGroupId: 'x'.repeat(200) } }));
  });
});
