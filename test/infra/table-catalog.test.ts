import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Duration, Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { parseResacaConfig } from '../../infra/config/parse-config.ts';
import { TableCatalog, type TableCatalogProps } from '../../infra/constructs/table-catalog.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { createApp, roleStatements, templateOf, textOf } from '../support/templates.ts';
import { CLUSTER_ARN } from './bronze-stacks.ts';

const PATTERN = 'lake/{database}/{table}';

function templateWith(props: Partial<TableCatalogProps> = {}): Template {
  const stack = new Stack(createApp(), 'catalog', { env: { region: 'eu-west-1', account: '111111111111' } });
  const buckets = [Bucket.fromBucketName(stack, 'Lake', 'lake')];
  new TableCatalog(stack, 'Catalog', { buckets, config: { pattern: PATTERN }, ...props });
  return Template.fromStack(stack);
}

/** Resources by action, of all statements that are none of logs and queues. */
function granted(template: Template): Record<string, string[]> {
  const rights: Record<string, string[]> = {};
  for (const { Effect, Action, Resource } of roleStatements(template)) {
    assert.equal(Effect, 'Allow');
    for (const action of [Action].flat().filter((name) => /^(glue|s3|kms):/.test(name))) {
      rights[action] = [Resource].flat().map((one) => textOf(one).replace(/^arn:(<AWS::Partition>|aws):/, ''));
    }
  }
  return rights;
}

const GLUE = 'glue:eu-west-1:111111111111';

describe('the catalog of tables', () => {
  it('may read logs of tables, and make and change what the rules can name, but delete nothing', () => {
    const rules = [
      { root: 'lake/{Area}/{table}', database: 'Lake-{Area}', table: 'raw_{table}' },
      { root: 'fixed/orders', database: 'sales', table: 'orders' },
    ];
    const tables = [
      `${GLUE}:catalog`,
      `${GLUE}:database/lake_*`,
      `${GLUE}:database/sales`,
      `${GLUE}:table/lake_*/raw_*`,
      `${GLUE}:table/sales/orders`,
    ];
    assert.deepEqual(granted(templateWith({ config: { rules } })), {
      'glue:GetTable': tables,
      'glue:CreateTable': tables,
      'glue:UpdateTable': tables,
      's3:GetObject': ['s3:::lake/fixed/orders/_delta_log/*', 's3:::lake/lake/*/*/_delta_log/*'],
      's3:ListBucket': ['s3:::lake'],
    });
  });

  it('may make databases where that is wanted', () => {
    const rights = granted(templateWith({ config: { pattern: PATTERN, createDatabase: true } }));
    assert.deepEqual(rights['glue:CreateDatabase'], [`${GLUE}:catalog`, `${GLUE}:database/*`]);
  });

  it('gets wider rights rather than a policy that is too long', () => {
    const rules = Array.from({ length: 20 }, (_, index) => ({ root: `r${index}/{table}`, database: `d${index}` }));
    const rights = granted(templateWith({ config: { rules } }));
    assert.deepEqual(rights['s3:GetObject'], ['s3:::lake/*/_delta_log/*']);
    assert.deepEqual(rights['glue:GetTable'], [`${GLUE}:catalog`, `${GLUE}:database/*`, `${GLUE}:table/*/*`]);
  });

  it('takes batches of a standard queue with dead letters, and says which of them failed', () => {
    const template = templateWith();
    template.hasResourceProperties('AWS::SQS::Queue', {
      FifoQueue: Match.absent(),
      VisibilityTimeout: 6 * 5 * 60,
      RedrivePolicy: Match.objectLike({ maxReceiveCount: 5 }),
    });
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      BatchSize: 10,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: 2 },
    });
  });

  it('looks for all tables at times', () => {
    const template = templateWith({ every: Duration.hours(6) });
    template.hasResourceProperties('AWS::Events::Rule', {
      ScheduleExpression: 'rate(6 hours)',
      Targets: [Match.objectLike({ Input: '{"sweep":true}' })],
    });
    const [{ Properties } = { Properties: undefined }] = Object.values(template.findResources('AWS::Lambda::Function'));
    const { RESACA_CATALOG_BUCKETS: buckets, RESACA_CATALOG_QUEUE_URL: queue } = Properties.Environment.Variables;
    assert.equal(textOf(buckets), '["lake"]');
    assert.match(textOf(queue), /CatalogQueueTablesQueue/);
  });

  it('refuses what cannot be', () => {
    assert.throws(() => templateWith({ every: Duration.minutes(90) }), ConfigError);
    assert.throws(() => templateWith({ config: { pattern: 'lake/{table}' } }), /database: needs \{database\}/);
  });
});

describe('the catalog of a deployment', () => {
  const kafka = { clusterArn: CLUSTER_ARN, topics: ['web'] } as const;

  it('is told by the functions that make tables, and looks into both buckets', () => {
    const template = templateOf({ kafka, catalog: { pattern: PATTERN, every: 12 } });
    const functions = Object.entries(template.findResources('AWS::Lambda::Function')).filter(
      ([, { Properties }]) => 'RESACA_CATALOG_QUEUE_URL' in (Properties.Environment?.Variables ?? {}),
    );
    const names = functions.map(([id]) => id.replace(/Function.*$/, ''));
    assert.deepEqual(names.sort(), ['Append', 'Bronze', 'Catalog']);
    const own = functions.find(([id]) => id.startsWith('Catalog'))?.[1].Properties.Environment.Variables;
    assert.match(textOf(own.RESACA_CATALOG_BUCKETS), /^\["<Landing\w+>","<Tables\w+>"\]$/);
    template.hasResourceProperties('AWS::Events::Rule', { ScheduleExpression: 'rate(12 hours)' });
    for (const id of ['CatalogFailures', 'CatalogRefusals']) {
      template.hasResourceProperties('AWS::CloudWatch::Alarm', { AlarmName: `resaca-dev-${id}` });
    }
  });

  it('is not there unless the configuration has it', () => {
    const text = JSON.stringify(templateOf({ kafka }).toJSON());
    assert.ok(!/RESACA_CATALOG|glue:/.test(text));
  });

  it('is refused with every mistake by its path', () => {
    assert.throws(
      () => parseResacaConfig({ catalog: { pattern: 'lake/{table}', every: 0, lakeFormation: true } }),
      (error) => {
        assert.ok(error instanceof ConfigError);
        assert.match(error.message, /catalog\.lakeFormation: is not a setting/);
        assert.match(error.message, /catalog\.database: needs \{database\}/);
        assert.match(error.message, /catalog\.every: expected a whole number from 1 to 744, got 0/);
        return true;
      },
    );
  });
});
