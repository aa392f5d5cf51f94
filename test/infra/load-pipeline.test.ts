import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Match, type Template } from 'aws-cdk-lib/assertions';
import { parseResacaConfig } from '../../infra/config/parse-config.ts';
import type { ResacaConfig } from '../../infra/config/types.ts';
import { itRefuses } from '../support/refusals.ts';
import { alarmsOf, announcedTo, keysFor, templateOf } from '../support/templates.ts';

const CONFIG: ResacaConfig = {
  loader: {
    rules: [
      { prefix: 'in/orders', table: 'lake/orders', format: 'csv' },
      { prefix: 'in/{team}/events', table: 'lake/{team}/events', suffixes: ['.jsonl'] },
    ],
  },
};

/** Keys of the bucket by action, for the role of the load function. */
const keysOf = (template: Template, action: string) => keysFor(template, 'LoadLoadPolicy', action);

describe('the loader of a deployment', () => {
  const template = templateOf(CONFIG);

  it('takes a file at a time from a queue with dead letters', () => {
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      BatchSize: 1,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: 4 },
    });
    template.hasResourceProperties('AWS::SQS::Queue', {
      VisibilityTimeout: 6 * 900,
      RedrivePolicy: Match.objectLike({ maxReceiveCount: 5 }),
    });
    template.hasResourceProperties('AWS::Lambda::Function', {
      Timeout: 900,
      MemorySize: 1024,
      Environment: { Variables: Match.objectLike({ RESACA_LOAD_QUEUE_URL: Match.anyValue() }) },
    });
  });

  it('reads its sources and the logs of its tables, and writes files of its own names', () => {
    assert.deepEqual(keysOf(template, 's3:GetObject'), [
      'in/*/events/*',
      'in/orders/*',
      'lake/*/events/_delta_log/*',
      'lake/*/events/_resaca/loaded/*',
      'lake/orders/_delta_log/*',
      'lake/orders/_resaca/loaded/*',
    ]);
    assert.deepEqual(
      keysOf(template, 's3:PutObject').filter((key) => key.startsWith('lake/orders')),
      [
        'lake/orders/*/resaca-loaded-*',
        'lake/orders/_resaca/loaded/*',
        'lake/orders/_resaca/quarantine/*',
        'lake/orders/_resaca/rejected/*',
        'lake/orders/resaca-loaded-*',
      ],
    );
    assert.deepEqual(keysOf(template, 's3:DeleteObject'), [
      'lake/*/events/_resaca/loaded/*',
      'lake/orders/_resaca/loaded/*',
    ]);
  });

  it('may read parents of its prefixes where it has very many', () => {
    const rules = Array.from({ length: 12 }, (_, index) => ({
      prefix: `in/p${index}`,
      table: `lake/t${index}`,
      suffixes: ['.csv'],
    }));
    const many = templateOf({ loader: { rules } });
    assert.deepEqual(keysOf(many, 's3:GetObject'), ['in/**', 'lake/*_delta_log/*', 'lake/*_resaca/loaded/*']);
  });

  it('is told of new files only', () => {
    assert.deepEqual(announcedTo(template, 'Load'), [
      ...['.csv', '.csv.gz', '.csv.zst'].map((suffix) => `s3:ObjectCreated:*, suffix ${suffix}, prefix in/orders/`),
      's3:ObjectCreated:*, suffix .jsonl, prefix in/',
      ...['.tsv', '.tsv.gz', '.tsv.zst'].map((suffix) => `s3:ObjectCreated:*, suffix ${suffix}, prefix in/orders/`),
    ]);
  });

  it('has alarms for what is not loaded', () => {
    const names = ['DeadLetters', 'Errors', 'MessageAge', 'Quarantine', 'Undelivered'].map((name) => `Load${name}`);
    const bridged = templateOf({ ...CONFIG, landing: { notifications: 'eventbridge' } });
    assert.deepEqual(alarmsOf(bridged, 'Load'), names);
    assert.deepEqual(alarmsOf(template, 'Load'), names.slice(0, 4));
  });

  it('is not there where nothing is loaded', () => {
    assert.ok(!JSON.stringify(templateOf({}).toJSON()).includes('RESACA_LOAD_QUEUE_URL'));
  });

  const rule = { prefix: 'in', table: 'lake/t' };
  itRefuses([
    ['no rule', { loader: { rules: [] } }, /loader\.rules: expected one at least|loader: rules: expected one at least/],
    [
      'a mistake in a rule',
      { loader: { rules: [{ ...rule, format: 'xml' }] } },
      /rules\[0\]\.format: expected json-lines/,
    ],
    [
      'a name that the prefix lacks',
      { loader: { rules: [{ ...rule, table: '{x}' }] } },
      /rules\[0\]\.table: uses \{x\}/,
    ],
    [
      'a prefix without a beginning',
      { loader: { rules: [{ ...rule, prefix: '{x}' }] } },
      /rules\[0\]\.prefix: expected it to begin/,
    ],
    [
      'Parquet that would be taken as a table’s',
      { loader: { rules: [{ ...rule, format: 'parquet' }] } },
      /rules\[0\]\.prefix: files \*\.parquet under "in" would be taken as files of tables, too/,
    ],
    [
      'sources where everything is announced',
      { landing: { suffixes: [] }, loader: { rules: [{ ...rule, suffixes: ['.csv'] }] } },
      /rules\[0\]\.prefix: files \*\.csv under "in"/,
    ],
    [
      'a table where no files land',
      { landing: { prefixes: ['other'] }, loader: { rules: [rule] } },
      /rules\[0\]\.table: expected it within the prefixes of tables \(other\), got "lake\/t"/,
    ],
    [
      'types of partitions that the append function does not know',
      { loader: { rules: [{ ...rule, partitionBy: [{ name: 'ds', type: 'date' }] }] } },
      /rules\[0\]\.partitionBy: has types that the append function must know/,
    ],
    [
      'overlapping sources',
      {
        loader: {
          rules: [
            { ...rule, format: 'csv' },
            { prefix: 'in/x', table: 'lake/x', suffixes: ['.gz'] },
          ],
        },
      },
      /loader\.rules: "in\/\*\.csv\.gz" and "in\/x\/\*\.gz" overlap/,
    ],
    [
      'too many notifications',
      { loader: { rules: Array.from({ length: 8 }, (_, index) => ({ prefix: `in${index}`, table: 'lake/t' })) } },
      /the bucket would have \d+ notifications, S3 takes 100/,
    ],
  ]);

  it('takes Parquet from outside of the tables, and partitions that the append function knows', () => {
    parseResacaConfig({
      landing: { prefixes: ['lake'] },
      tables: [{ prefix: 'lake/t', partitionColumns: [{ name: 'ds', type: 'date' }] }],
      loader: { rules: [{ ...rule, format: 'parquet', partitionBy: [{ name: 'ds', type: 'date' }] }] },
    });
  });
});
