import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { loadConfig } from '../../infra/config/load-config.ts';
import { parseResacaConfig } from '../../infra/config/parse-config.ts';
import type { ResacaConfig } from '../../infra/config/types.ts';
import { atMost, outermost } from '../../infra/prefixes.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { itRefuses } from '../support/refusals.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { templateOf } from '../support/templates.ts';

/** Every setting, with another value than its default. */
const FULL: ResacaConfig = {
  stage: 'prod',
  encryption: 'kms',
  dashboard: false,
  landing: {
    notifications: 'eventbridge',
    prefixes: ['lake'],
    suffixes: ['.parquet', '.parq'],
    enforceConditionalCommits: false,
    accessLogsBucketName: 'logs',
  },
  append: {
    queue: 'standard',
    batchSize: 5_000,
    batchingWindow: 120,
    maxConcurrency: 20,
    maxReceiveCount: 8,
    memorySize: 1_024,
    timeout: 60,
    logLevel: 'warn',
    logRetention: 90,
    tracing: true,
    metricsByTable: true,
  },
  alarms: { email: 'data@example.com', maxLag: 300, maxMessageAge: 600, maxConflictsPerCommit: 5 },
  tables: [
    {
      prefix: 'lake/{tenant}/orders',
      partitionColumns: [{ name: 'ds', type: 'date' }, { name: 'region' }],
      schemaPolicy: 'strict',
      properties: { 'delta.appendOnly': 'true' },
    },
  ],
  convention: 'none',
  defaults: { deletes: 'ignore' },
  footerConcurrency: 16,
  footerMemory: 2 ** 26,
};

describe('a configuration', () => {
  it('may be empty', () => {
    const { stage, landing, prefixes, append } = parseResacaConfig({});
    assert.equal(stage, 'dev');
    assert.deepEqual(prefixes, []);
    assert.equal(landing.enforceConditionalCommits, true);
    assert.equal(append.batchSize, 1_000);
  });

  it('may say everything', () => {
    const { stage, append, alarms, prefixes, tables } = parseResacaConfig(FULL);
    assert.equal(stage, 'prod');
    assert.deepEqual(append, FULL.append);
    assert.deepEqual(alarms, FULL.alarms);
    assert.deepEqual(prefixes, ['lake']);
    assert.deepEqual(Object.keys(tables), ['tables', 'convention', 'defaults', 'footerConcurrency', 'footerMemory']);
    templateOf(FULL).hasResourceProperties('AWS::SNS::Subscription', { Endpoint: 'data@example.com' });
  });

  itRefuses([
    ['a misspelt section', { apend: {} }, /^apend: is not a setting; known here: stage, landing/],
    ['a misspelt setting', { append: { memory: 512 } }, /^append.memory: is not a setting/],
    ['a stage that is no name', { stage: 'Prod_1' }, /^stage: expected 1-16 lower-case/],
    [
      'a memory that Lambda does not have',
      { append: { memorySize: 64 } },
      /^append.memorySize: expected .* 512 to 10240/,
    ],
    ['a batch without its window', { append: { batchingWindow: 0 } }, /^append.batchingWindow: expected at least 1 s/],
    ['one poller', { append: { maxConcurrency: 1 } }, /^append.maxConcurrency: expected a whole number from 2/],
    [
      'a retention that CloudWatch lacks',
      { append: { logRetention: 31 } },
      /^append.logRetention: expected one of 1, 3/,
    ],
    ['no address', { alarms: { email: 'me' } }, /^alarms.email: expected an e-mail address, got "me"/],
    ['a mistake in a table', { tables: [{ prefix: 'a', schemaPolicy: 'lax' }] }, /^tables\[0\].schemaPolicy: expected/],
    ['FIFO by convention', { append: { queue: 'fifo' } }, /^append.queue: fifo needs convention 'none'/],
    [
      'FIFO from S3',
      { append: { queue: 'fifo' }, landing: { notifications: 's3' }, convention: 'none', tables: [{ prefix: 'a' }] },
      /^landing.notifications: s3 cannot send to a FIFO queue/,
    ],
    [
      'FIFO with a window',
      { append: { queue: 'fifo', batchingWindow: 5 }, convention: 'none', tables: [{ prefix: 'a' }] },
      /^append.batchingWindow: a FIFO queue has none/,
    ],
    [
      'a table outside of the landing prefixes',
      { landing: { prefixes: ['lake'] }, tables: [{ prefix: 'lakeside' }] },
      /^tables\[0\].root: expected it within landing.prefixes, got "lakeside"/,
    ],
    [
      'a pattern as a landing prefix',
      { landing: { prefixes: ['a/*'] } },
      /^landing.prefixes: expected a literal prefix/,
    ],
    ['an empty list of prefixes', { landing: { prefixes: [] } }, /^landing.prefixes: has none/],
    ['a partition as a landing prefix', { landing: { prefixes: ['a/ds=1'] } }, /^landing.prefixes: expected roots/],
    [
      'what a filter of S3 does not take as it is',
      { landing: { prefixes: ['my lake'] } },
      /^landing.prefixes: has characters that filters/,
    ],
    [
      'suffixes of which one covers another',
      { landing: { suffixes: ['.parquet', '.snappy.parquet'] } },
      /^landing.suffixes: ".snappy.parquet" ends with another/,
    ],
    ['a pattern as a suffix', { landing: { suffixes: ['*.parquet'] } }, /^landing.suffixes: expected literal endings/],
    [
      'an alias of a key',
      { landing: { bucketName: 'mine', keyArn: 'alias/mine' } },
      /^landing.keyArn: expected the ARN/,
    ],
    [
      'a URL of a bucket',
      { landing: { bucketName: 's3://mine' } },
      /^landing.bucketName: expected the name of a bucket/,
    ],
    ['no tables at all', { convention: 'none' }, /^tables: convention 'none' needs rules/],
    ['a glob in a rule', { tables: [{ prefix: 'lake/*' }] }, /^tables\[0\].prefix: has the segment "\*"/],
    [
      'a rule for another bucket',
      { tables: [{ prefix: 'a', bucket: 'other' }] },
      /^tables\[0\].bucket: expected landing.bucketName/,
    ],
    ['footers that do not fit', { footerMemory: 2 ** 28 }, /^footerMemory: expected a seventh of append.memorySize/],
    [
      'a lag that is always in alarm',
      { alarms: { maxLag: 20 }, append: { batchingWindow: 60 } },
      /^alarms.maxLag: expected more than append.batchingWindow/,
    ],
    [
      'the key of no bucket',
      { landing: { keyArn: 'arn:aws:kms:us-east-1:111122223333:key/1' } },
      /^landing.keyArn: is for an existing bucket/,
    ],
    [
      'a policy for an existing bucket',
      { landing: { bucketName: 'mine', enforceConditionalCommits: true } },
      /^landing.enforceConditionalCommits: is for a new bucket/,
    ],
  ]);

  it('names all mistakes at once, before anything is synthesised', () => {
    const config = { stage: '', append: { timeout: 5 }, tables: [{}], alarms: { maxLag: 'soon' } };
    assert.throws(
      () => templateOf(config as unknown as ResacaConfig),
      (error: unknown) => error instanceof ConfigError && error.problems.length === 4,
    );
  });

  it('puts parents in the place of too many prefixes', () => {
    const prefixes = Array.from({ length: 30 }, (_, index) => `lake/raw/t${index}`);
    assert.deepEqual(atMost(30, prefixes).length, 30);
    assert.deepEqual(atMost(29, [...prefixes, 'web']), ['lake/raw', 'web']);
    assert.deepEqual(atMost(1, ['a/b', 'c']), []);
  });

  it('limits the function to the tables where no others can be', () => {
    const tables = [{ prefix: 'a/b' }, { prefix: 'a' }, { prefix: 'c/{x}/d' }, { prefix: 'ab' }];
    assert.deepEqual(parseResacaConfig({ convention: 'none', tables }).prefixes, ['a', 'ab', 'c']);
    assert.deepEqual(parseResacaConfig({ tables }).prefixes, []);
    assert.deepEqual(outermost(['', 'a']), []);
  });
});

describe('a configuration file', () => {
  const folder = makeTempFolder();
  const file = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };

  it('is the one of the repository', async () => {
    const config = await loadConfig(join(import.meta.dirname, '../../resaca.config.ts'));
    assert.equal(parseResacaConfig(config).stage, config.stage);
  });

  it('is a module or JSON, with another stage where one is given', async () => {
    const module = file('a.ts', "export const config = { stage: 'one' as const };");
    assert.equal((await loadConfig(module)).stage, 'one');
    assert.equal((await loadConfig(module, 'two')).stage, 'two');
    assert.equal((await loadConfig(file('a.json', '{"dashboard":false}'), 'three')).stage, 'three');
  });

  it('is named where something is wrong with it', async () => {
    await assert.rejects(loadConfig(join(folder, 'none.ts')), /none\.ts: there is no such file/);
    await assert.rejects(loadConfig(file('b.json', '{')), /b\.json: is not JSON/);
    await assert.rejects(loadConfig(file('b.ts', 'export const x = 1;')), /b\.ts: expected it to export `config`/);
    await assert.rejects(loadConfig(file('c.json', '[1]')), /the configuration: expected an object, got \[1\]/);
    await assert.rejects(loadConfig(file('d.json', '{"stage":"ok"}'), 'N!'), /stage: expected 1-16/);
  });
});

describe('docs/configuration.md', () => {
  it('has every setting of a deployment', () => {
    const text = readFileSync(join(import.meta.dirname, '../../docs/configuration.md'), 'utf8');
    const { landing, append, alarms } = FULL;
    const names = [FULL, { ...landing, bucketName: '', keyArn: '' }, append, alarms].flatMap((part) =>
      Object.keys(part ?? {}),
    );
    assert.deepEqual(
      names.filter((name) => !text.includes(`\`${name}\``)),
      [],
    );
  });
});
