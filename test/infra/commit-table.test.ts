import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Template } from 'aws-cdk-lib/assertions';
import { parseResacaConfig } from '../../infra/config/parse-config.ts';
import type { ResacaConfig } from '../../infra/config/types.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { actionsOf, roleStatements, type Statement, stackOf, templateOf, textOf } from '../support/templates.ts';
import { CLUSTER_ARN } from './bronze-stacks.ts';

const COMMITS = { type: 'dynamodb', scheme: 's3a' } as const;
const LANDING = { enforceConditionalCommits: false } as const;
const COORDINATED: ResacaConfig = {
  landing: LANDING,
  convention: 'none',
  tables: [
    { prefix: 'lake/orders', commitProtocol: COMMITS },
    { prefix: 'tenants/{tenant}/web', commitProtocol: { ...COMMITS, table: 'other', region: 'eu-west-1' } },
    { prefix: 'lake/plain' },
  ],
};

describe('a stack with tables that commit through DynamoDB', () => {
  const template = templateOf(COORDINATED);

  it('makes the table of Spark and delta-rs, with expiry, and keeps it', () => {
    template.resourceCountIs('AWS::DynamoDB::Table', 1);
    template.hasResource('AWS::DynamoDB::Table', {
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
      Properties: {
        TableName: 'delta_log',
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: [
          { AttributeName: 'tablePath', KeyType: 'HASH' },
          { AttributeName: 'fileName', KeyType: 'RANGE' },
        ],
        AttributeDefinitions: [
          { AttributeName: 'tablePath', AttributeType: 'S' },
          { AttributeName: 'fileName', AttributeType: 'S' },
        ],
        TimeToLiveSpecification: { AttributeName: 'expireTime', Enabled: true },
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      },
    });
  });

  it('lets its functions work with the entries, and delete temporary files of these tables only', () => {
    const dynamo = roleStatements(template).filter((statement) => touches(statement, 'dynamodb:'));
    // Of the append function, and of the one that compacts the tables.
    assert.equal(dynamo.length, 2);
    for (const statement of dynamo) {
      assert.deepEqual(actionsOf([statement]).toSorted(), [
        'dynamodb:GetItem',
        'dynamodb:PutItem',
        'dynamodb:Query',
        'dynamodb:UpdateItem',
      ]);
      assert.deepEqual([statement.Resource].flat().map(textOf), [
        'arn:<AWS::Partition>:dynamodb:<AWS::Region>:<AWS::AccountId>:table/delta_log',
        'arn:<AWS::Partition>:dynamodb:eu-west-1:<AWS::AccountId>:table/other',
      ]);
    }
    const deletes = roleStatements(template).filter(
      (statement) => statement.Effect === 'Allow' && touches(statement, 's3:DeleteObject'),
    );
    for (const { Resource: resource } of deletes) {
      assert.deepEqual(
        [resource].flat().map((arn) => textOf(arn).replace(/^<\w+\.Arn>/, '')),
        [
          '/lake/orders/_delta_log/.tmp/*',
          '/lake/orders/_delta_log/_commit_*.json.tmp',
          '/tenants/*/web/_delta_log/.tmp/*',
          '/tenants/*/web/_delta_log/_commit_*.json.tmp',
        ],
      );
    }
    assert.equal(deletes.length, 2);
  });

  it('has the function that compacts commit as the writers do', () => {
    const functions = Object.values(template.findResources('AWS::Lambda::Function'));
    const places = functions.map(({ Properties }) => Properties.Environment?.Variables.RESACA_PLACES);
    const text = places.filter((value) => value !== undefined).map(textOf);
    assert.equal(text.length, 1);
    assert.match(text[0] ?? '', /"root":"lake\/orders","commitProtocol":\{"type":"dynamodb","table":"delta_log"/);
  });

  it('makes none where they are there already', () => {
    templateOf({ ...COORDINATED, commitTables: 'existing' }).resourceCountIs('AWS::DynamoDB::Table', 0);
  });

  it('grants the convention within the prefixes of the landing', () => {
    const config = { defaults: { commitProtocol: COMMITS }, landing: { ...LANDING, prefixes: ['lake'] } };
    const [statement] = roleStatements(templateOf(config)).filter((one) => touches(one, 's3:DeleteObject'));
    assert.deepEqual(
      [statement?.Resource].flat().map((arn) => textOf(arn).replace(/^<\w+\.Arn>/, '')),
      [
        '/lake/*/_delta_log/.tmp/*',
        '/lake/*/_delta_log/_commit_*.json.tmp',
        '/lake/_delta_log/.tmp/*',
        '/lake/_delta_log/_commit_*.json.tmp',
      ],
    );
  });

  it('opens a new bucket of Kafka tables to their writers, and lets both functions commit', () => {
    const config: ResacaConfig = {
      maintenance: false,
      kafka: {
        clusterArn: CLUSTER_ARN,
        topics: ['web'],
        tables: { commits: 'deferred', commitProtocol: COMMITS },
      },
    };
    const kafka = Template.fromStack(stackOf(config));
    kafka.resourceCountIs('AWS::DynamoDB::Table', 1);
    assert.equal(roleStatements(kafka).filter((statement) => touches(statement, 'dynamodb:')).length, 2);
    const guarded = Object.values(kafka.findResources('AWS::S3::BucketPolicy')).filter((policy) =>
      JSON.stringify(policy).includes('CommitsOnlyIfAbsent'),
    );
    assert.equal(guarded.length, 1);
  });
});

describe('a stack without such tables', () => {
  it('has no table, no rights on one, and deletes nothing', () => {
    const template = templateOf();
    template.resourceCountIs('AWS::DynamoDB::Table', 0);
    const actions = actionsOf(roleStatements(template).filter(({ Effect }) => Effect === 'Allow'));
    assert.deepEqual(
      actions.filter((action) => action.startsWith('dynamodb:') || action === 's3:DeleteObject'),
      [],
    );
    assert.doesNotMatch(JSON.stringify(template.toJSON()), /commitProtocol/);
  });
});

describe('the configuration of such tables', () => {
  it('refuses a bucket that would refuse the commits of Spark', () => {
    const config = { tables: [{ prefix: 'orders', commitProtocol: COMMITS }] };
    assert.throws(
      () => parseResacaConfig(config),
      (error) => {
        assert.ok(error instanceof ConfigError);
        assert.match(error.problems.join(), /^landing\.enforceConditionalCommits: expected false .*DynamoDB/);
        return true;
      },
    );
    parseResacaConfig({ ...config, landing: { bucketName: 'mine' } });
  });

  it('makes each table once, and none of another region', () => {
    const { commitTables } = parseResacaConfig(COORDINATED);
    assert.deepEqual(commitTables, ['delta_log']);
  });
});

function touches({ Action }: Statement, action: string): boolean {
  return [Action].flat().some((one) => one.startsWith(action));
}
