import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { loadConfig } from '../../infra/config/load-config.ts';
import type { MedallionDeploymentConfig } from '../../infra/config/medallion-config.ts';
import { parseResacaConfig } from '../../infra/config/parse-config.ts';
import type { ResacaConfig } from '../../infra/config/types.ts';
import { SPARK_VARIABLES } from '../../src/aws/emr-env.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { type Statement, stackOf, textOf } from '../support/templates.ts';
import { CLUSTER_ARN } from './bronze-stacks.ts';

/** Of this machine: DuckDB is there for it. */
const ARCHITECTURE = process.arch === 'x64' ? 'x86_64' : 'arm64';
const SILVER = { target: 'silver/orders', source: 'bronze/orders', sql: 'SELECT * FROM orders' } as const;
const GOLD = {
  target: 'gold/sales',
  source: { step: 'silver-orders' },
  lookups: ['bronze/rates'],
  sql: 'SELECT day, sum(total) AS total FROM orders GROUP BY day',
  mode: 'aggregate',
  keys: ['day'],
} as const;

function configOf(medallion: Partial<MedallionDeploymentConfig> = {}, rest: ResacaConfig = {}): ResacaConfig {
  return { ...rest, medallion: { architecture: ARCHITECTURE, steps: [SILVER, GOLD], ...medallion } };
}

function templateWith(medallion: Partial<MedallionDeploymentConfig> = {}, rest: ResacaConfig = {}): Template {
  return Template.fromStack(stackOf(configOf(medallion, rest)));
}

function problemsOf(config: ResacaConfig): readonly string[] {
  try {
    parseResacaConfig(config);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

/** Resources of a type that are the medallion's, by their ids. */
function ofMedallion(template: Template, type: string) {
  return Object.entries(template.findResources(type)).filter(([id]) => id.startsWith('Medallion'));
}

describe('the medallion of a deployment', () => {
  const template = templateWith();

  it('is told of commits of the sources, and of no file that lands', () => {
    const [notifications] = Object.values(template.findResources('Custom::S3BucketNotifications'));
    const filters: readonly string[] = notifications?.Properties.NotificationConfiguration.QueueConfigurations.map(
      ({ Events, Filter }: { Events: string[]; Filter: { Key: { FilterRules: { Value: string }[] } } }) =>
        `${Events.join()} ${Filter.Key.FilterRules.map(({ Value }) => Value).join(' in ')}`,
    );
    assert.deepEqual(filters.filter((text) => text.includes('json')).sort(), [
      's3:ObjectCreated:* .json in bronze/orders/_delta_log/',
      's3:ObjectCreated:* .json in silver/orders/_delta_log/',
    ]);
  });

  it('gathers commits, and runs one step of a target at a time', () => {
    const mappings = ofMedallion(template, 'AWS::Lambda::EventSourceMapping').map(([, { Properties }]) => Properties);
    assert.deepEqual(
      mappings.map(({ BatchSize, MaximumBatchingWindowInSeconds, FunctionResponseTypes, ScalingConfig }) => ({
        BatchSize,
        MaximumBatchingWindowInSeconds,
        FunctionResponseTypes,
        ScalingConfig,
      })),
      [
        {
          BatchSize: 1_000,
          MaximumBatchingWindowInSeconds: 60,
          FunctionResponseTypes: ['ReportBatchItemFailures'],
          ScalingConfig: { MaximumConcurrency: 2 },
        },
        {
          BatchSize: 1,
          MaximumBatchingWindowInSeconds: undefined,
          FunctionResponseTypes: ['ReportBatchItemFailures'],
          ScalingConfig: { MaximumConcurrency: 4 },
        },
      ],
    );
    template.hasResourceProperties('AWS::SQS::Queue', {
      FifoQueue: true,
      VisibilityTimeout: 960,
      RedrivePolicy: Match.objectLike({ maxReceiveCount: 5 }),
    });
  });

  it('runs all steps at times, which makes up for events that were lost', () => {
    template.hasResourceProperties('AWS::Events::Rule', {
      ScheduleExpression: 'rate(1 hour)',
      Targets: [
        Match.objectLike({
          InputTransformer: Match.objectLike({
            InputTemplate: '{"steps":["silver-orders","gold-sales"],"time":<time>}',
          }),
        }),
      ],
    });
    const without = Object.keys(templateWith({ every: 0 }).findResources('AWS::Events::Rule'));
    assert.deepEqual(
      without.filter((id) => id.startsWith('Medallion')),
      [],
    );
  });

  it('may read the sources, write the targets and what is beside them, and delete nothing', () => {
    const [, { Properties }] =
      ofMedallion(template, 'AWS::IAM::Policy').find(([id]) => id.startsWith('MedallionTables')) ?? assert.fail();
    const allowed = (Properties.PolicyDocument.Statement as Statement[]).flatMap(({ Action, Resource }) =>
      [Action]
        .flat()
        .flatMap((action) => [Resource].flat().map((arn) => `${action} ${textOf(arn).replace(/^<.*?>\/?/, '')}`)),
    );
    const written = ['gold/sales', 'silver/orders'].flatMap((table) => [
      `${table}/*`,
      `${table}__quarantine/*`,
      `${table}__tombstones/*`,
    ]);
    assert.deepEqual(
      allowed.sort(),
      [
        ...written.map((key) => `s3:AbortMultipartUpload ${key}`),
        ...['bronze/orders/*', 'bronze/rates/*', ...written].map((key) => `s3:GetObject ${key}`),
        's3:ListBucket ',
        ...written.map((key) => `s3:PutObject ${key}`),
      ].sort(),
    );
  });

  it('has DuckDB beside its code, for its architecture, and a larger disk', () => {
    const stack = stackOf(configOf({ memorySize: 3_008, ephemeralStorage: 8_192 }));
    const [[, { Properties }] = assert.fail()] = ofMedallion(Template.fromStack(stack), 'AWS::Lambda::Function');
    assert.deepEqual(
      {
        Architectures: Properties.Architectures,
        MemorySize: Properties.MemorySize,
        EphemeralStorage: Properties.EphemeralStorage,
      },
      { Architectures: [ARCHITECTURE], MemorySize: 3_008, EphemeralStorage: { Size: 8_192 } },
    );
    const folder = assetOf(stack, Properties.Code.S3Key);
    const library = `node_modules/@duckdb/node-bindings-linux-${process.arch === 'x64' ? 'x64' : 'arm64'}`;
    assert.ok(readdirSync(join(folder, library)).includes('libduckdb.so'));
    assert.ok(readdirSync(join(folder, 'node_modules/@duckdb')).includes('node-api'));
  });

  it('has Spark for what is beyond it, which may write files of steps and no log', () => {
    const spark = templateWith({ spark: { maxConcurrentRuns: 2 } });
    spark.hasResourceProperties('AWS::EMRServerless::Application', {
      SchedulerConfiguration: { MaxConcurrentRuns: 2 },
    });
    const [[, own] = []] = ofMedallion(spark, 'AWS::Lambda::Function');
    const { Variables } = own?.Properties.Environment ?? {};
    assert.ok(
      SPARK_VARIABLES.every((name) => name in Variables),
      Object.keys(Variables).join(),
    );
    const policies = Object.entries(spark.findResources('AWS::IAM::Policy')).filter(([id]) =>
      id.startsWith('StepSpark'),
    );
    const statements: readonly Statement[] = policies.flatMap(
      ([, { Properties }]) => Properties.PolicyDocument.Statement,
    );
    const written = statements
      .filter(({ Action }) => [Action].flat().includes('s3:PutObject'))
      .map(textOf)
      .join('\n');
    // Of more prefixes than a policy has room for, what they have in common.
    assert.match(written, /silver\/\*resaca-step-\*/);
    assert.match(written, /gold\/\*_resaca\/step\/\*/);
    assert.doesNotMatch(written, /_delta_log|bronze/);
    assert.deepEqual(Object.keys(template.findResources('AWS::EMRServerless::Application')), []);
    const problems = problemsOf(configOf({ steps: [{ ...SILVER, engine: 'spark' }] }));
    assert.deepEqual(problems, ['medallion.spark: is missing, and the step "silver-orders" is to be run by it']);
  });

  it('is refused where a target would commit through DynamoDB, which steps do not', () => {
    const commitProtocol = { type: 'dynamodb', scheme: 's3' } as const;
    const bucketName = 'my-lake';
    const rules = (prefix: string) => ({
      landing: { bucketName, prefixes: ['bronze'] },
      tables: [{ prefix, commitProtocol }],
    });
    const problems = problemsOf(configOf({}, rules('silver/{table}')));
    assert.match(
      problems.join('\n'),
      /^medallion\.steps: the target "silver\/orders" of the step "silver-orders" is to commit/m,
    );
    assert.doesNotMatch(problemsOf(configOf({}, rules('bronze/orders'))).join('\n'), /DynamoDB/);
  });

  it('has the modules of functions beside its code, as Node takes them for modules', async () => {
    const folder = makeTempFolder();
    writeFileSync(join(folder, 'orders.ts'), 'export function transform(rows: readonly object[]) { return rows; }\n');
    writeFileSync(join(folder, 'sales.sql'), 'SELECT 1 AS day\n');
    const { sql: _, ...silver } = SILVER;
    const { sql: __, ...gold } = GOLD;
    const steps = [
      { ...silver, function: 'orders.ts', columns: 'id BIGINT' },
      { ...gold, sqlFile: 'sales.sql' },
    ];
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ medallion: { architecture: ARCHITECTURE, steps } }));
    const stack = stackOf(await loadConfig(join(folder, 'config.json')));
    const [[, { Properties }] = assert.fail()] = ofMedallion(Template.fromStack(stack), 'AWS::Lambda::Function');
    const asset = assetOf(stack, Properties.Code.S3Key);
    const deployed = JSON.parse(readFileSync(join(asset, 'config.json'), 'utf8'));
    assert.deepEqual(
      deployed.steps.map(({ function: module, sql }: { function?: string; sql?: string }) => module ?? sql),
      ['transforms/0.mts', 'SELECT 1 AS day\n'],
    );
    const module = await import(join(asset, 'transforms/0.mts'));
    assert.equal(typeof module.transform, 'function');
  });

  it('reads tables of Kafka and of buckets that are there, and looks after its targets', () => {
    const steps = [
      {
        ...SILVER,
        source: { bucket: 'kafka', prefix: 'bronze/orders' },
        target: { bucket: 'existing', prefix: 'silver/orders' },
      },
    ];
    const kafka = { clusterArn: CLUSTER_ARN, topics: ['orders'] };
    const found = templateWith({ steps, notifications: 'eventbridge' }, { kafka });
    const [[, own] = assert.fail()] = ofMedallion(found, 'AWS::Lambda::Function');
    const buckets = textOf(own.Properties.Environment.Variables.RESACA_STEP_BUCKETS);
    assert.match(buckets, /^\{"existing":"existing","kafka":"<TablesBucket.*>"\}$/);
    const [maintenance] = Object.entries(found.findResources('AWS::Lambda::Function')).filter(([id]) =>
      id.startsWith('Maintenance'),
    );
    assert.match(
      textOf(maintenance?.[1].Properties.Environment.Variables.RESACA_PLACES),
      /"bucket":"existing","prefixes":\["silver\/orders","silver\/orders__quarantine"/,
    );
  });

  it('may use the keys of buckets that steps name, and no other', () => {
    const key = (id: string) => `arn:aws:kms:eu-west-1:123456789012:key/${id}`;
    const steps = [
      {
        ...SILVER,
        source: { bucket: 'their-queues', prefix: 'bronze/orders' },
        target: { bucket: 'existing', prefix: 'silver/orders' },
      },
    ];
    const keyArns = { 'their-queues': key('read'), existing: key('written') };
    const found = templateWith({ steps, keyArns, notifications: 'eventbridge' });
    const rights = ofMedallion(found, 'AWS::IAM::Policy')
      .flatMap(([, { Properties }]): Statement[] => Properties.PolicyDocument.Statement)
      .filter(({ Action }) => [Action].flat().some((action) => action.startsWith('kms:')))
      .map(({ Action, Resource }) => [textOf(Resource), [Action].flat().join()] as const);
    assert.deepEqual(rights.sort(), [
      [key('read'), 'kms:Decrypt'],
      [key('written'), 'kms:Decrypt,kms:GenerateDataKey'],
    ]);
  });
});

/** The folder of a function's code in the output of the app. */
function assetOf(stack: ReturnType<typeof stackOf>, key: string): string {
  const { outdir } = stack.node.root as unknown as { readonly outdir: string };
  return join(outdir, `asset.${key.replace('.zip', '')}`);
}

describe('the configuration of a medallion', () => {
  it('refuses commits that something else is told of already', () => {
    const problems = problemsOf(configOf({}, { landing: { suffixes: [] } }));
    assert.deepEqual(problems, [
      'medallion.steps: commits in "bronze/orders/_delta_log" are announced as * already; set medallion.notifications to \'eventbridge\'',
      'medallion.steps: commits in "silver/orders/_delta_log" are announced as * already; set medallion.notifications to \'eventbridge\'',
    ]);
    assert.deepEqual(problemsOf(configOf({ notifications: 'eventbridge' }, { landing: { suffixes: [] } })), []);
  });

  it('refuses a bucket of Kafka where there is no Kafka', () => {
    const steps = [{ ...SILVER, source: { bucket: 'kafka', prefix: 'bronze/orders' } }];
    assert.match(
      problemsOf(configOf({ steps })).join(),
      /medallion\.steps\[0\]\.source\.bucket: is "kafka", and there is no/,
    );
  });

  it('refuses keys of buckets that no step names, and what is no key', () => {
    assert.deepEqual(problemsOf(configOf({ keyArns: { other: 'alias/mine' } })), [
      'medallion.keyArns: expected buckets that steps name (none), got "other"',
      'medallion.keyArns: expected the ARN of a KMS key, not of an alias, for "other", got "alias/mine"',
    ]);
  });

  it('names mistakes of steps and settings by their paths', () => {
    const problems = problemsOf(configOf({ steps: [{ ...SILVER, mode: 'merge' }], memorySize: 128 }));
    assert.deepEqual(problems, [
      'medallion.steps[0].keys: is required for the mode "merge": columns of the target',
      'medallion.memorySize: expected a whole number from 1024 to 10240, got 128',
    ]);
  });

  it('names SQL that cannot be read, and files that are not there, when a file is loaded', async () => {
    const folder = makeTempFolder();
    const file = join(folder, 'config.json');
    const problemsOfFile = async (steps: readonly object[]) => {
      writeFileSync(file, JSON.stringify({ medallion: { steps } }));
      return loadConfig(file).then(
        () => [],
        (error) => (error instanceof ConfigError ? error.problems : assert.fail(String(error))),
      );
    };
    const wrong = { ...SILVER, sql: 'SELECT FROM WHERE', quality: [{ check: 'condition', sql: 'x >' }] };
    const problems = await problemsOfFile([wrong]);
    assert.match(problems[0] ?? '', /^medallion\.steps\[0\]\.sql: DuckDB cannot read it: /);
    assert.match(problems[1] ?? '', /^medallion\.steps\[0\]\.quality\[0\]\.sql: DuckDB cannot read it: /);
    assert.match((await problemsOfFile([{ ...SILVER, sql: 'DELETE FROM orders' }])).join(), /Only SELECT statements/);
    assert.match((await problemsOfFile([{ ...SILVER, sql: 'SELECT 1; DROP TABLE orders' }])).join(), /sql: /);
    const { sql: _, ...noSql } = SILVER;
    assert.match(
      (await problemsOfFile([{ ...noSql, sqlFile: 'no.sql' }])).join(),
      /steps\[0\]\.sqlFile: cannot be read: ENOENT/,
    );
    assert.match(
      (await problemsOfFile([{ ...noSql, function: 'no.ts', columns: 'a INT' }])).join(),
      /function: there is no file no\.ts/,
    );
  });
});
