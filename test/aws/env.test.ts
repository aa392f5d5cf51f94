import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { bronzeEnvironment } from '../../src/aws/bronze-env.ts';
import { appendEnvironment, maintenanceEnvironment } from '../../src/aws/env.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

describe('the environment of the append function', () => {
  it('is parsed by value', () => {
    const { config, logLevel, metricsByTable, pipeline } = appendEnvironment({
      RESACA_CONFIG: '{"convention":"none"}',
      RESACA_LOG_LEVEL: 'DEBUG',
      RESACA_METRICS_BY_TABLE: 'True',
      RESACA_PIPELINE: 'resaca-prod',
    });
    assert.deepEqual([config.convention, logLevel, metricsByTable, pipeline], ['none', 'debug', true, 'resaca-prod']);
  });

  it('has a default for everything, also for what is empty', () => {
    const { config, ...rest } = appendEnvironment({ RESACA_CONFIG: '', RESACA_METRICS_BY_TABLE: '', AWS_REGION: 'x' });
    assert.equal(config.convention, 'hive');
    assert.deepEqual(rest, {
      logLevel: 'info',
      metricsByTable: false,
      pipeline: 'resaca',
      maintenanceQueueUrl: undefined,
      catalogQueueUrl: undefined,
    });
  });

  it('takes the configuration from a file beside the code', () => {
    const folder = makeTempFolder();
    writeFileSync(join(folder, 'config.json'), '{"tables":[{"prefix":"orders"}]}');
    const env = { LAMBDA_TASK_ROOT: folder, RESACA_CONFIG_FILE: 'config.json' };
    assert.deepEqual(
      appendEnvironment(env).config.tables.map(({ prefix }) => prefix),
      ['orders'],
    );
    assert.throws(() => appendEnvironment({ ...env, RESACA_CONFIG: '{}' }), /and so is RESACA_CONFIG/);
    assert.throws(
      () => appendEnvironment({ ...env, RESACA_CONFIG_FILE: 'none.json' }),
      /RESACA_CONFIG_FILE: none\.json: cannot be read: ENOENT/,
    );
    writeFileSync(join(folder, 'bad.json'), '{"tables":7}');
    assert.throws(() => appendEnvironment({ ...env, RESACA_CONFIG_FILE: 'bad.json' }), /bad\.json: tables: expected/);
  });

  it('reads where Spark is, for the maintenance function only, and the queue of work that waits for it', () => {
    const spark = {
      RESACA_SPARK_APPLICATION_ID: '00f',
      RESACA_SPARK_ROLE_ARN: 'arn:aws:iam::1:role/jobs',
      RESACA_SPARK_SCRIPT: 's3://assets/optimize.py',
      RESACA_SPARK_LIBRARY: 's3://assets/lib.zip',
    };
    const env = { RESACA_PLACES: '[{"bucket":"lake"}]', RESACA_POSTPONED_QUEUE_URL: 'https://later', ...spark };
    const { config, postponedQueueUrl, spark: application } = maintenanceEnvironment(env);
    assert.equal(config.places[0]?.bucket, 'lake');
    assert.equal(postponedQueueUrl, 'https://later');
    assert.deepEqual(application, {
      applicationId: '00f',
      executionRoleArn: 'arn:aws:iam::1:role/jobs',
      script: 's3://assets/optimize.py',
      library: 's3://assets/lib.zip',
    });
    assert.equal(maintenanceEnvironment({}).spark, undefined);
    assert.throws(() => maintenanceEnvironment(spark), /RESACA_POSTPONED_QUEUE_URL: is missing/);
    assert.throws(() => maintenanceEnvironment({ ...env, RESACA_SPARK_SCRIPT: '' }), /RESACA_SPARK_SCRIPT: is missing/);
    assert.throws(() => appendEnvironment(spark), /RESACA_SPARK_SCRIPT: is not a variable of this function/);
  });

  it('refuses what it does not know, by name', () => {
    const env = {
      RESACA_CONFIG: '{"tables":7}',
      RESACA_LOGLEVEL: 'x',
      RESACA_LOG_LEVEL: 'loud',
      RESACA_METRICS_BY_TABLE: 'yes',
    };
    assert.throws(
      () => appendEnvironment(env),
      (error) =>
        error instanceof ConfigError &&
        error.problems.length === 4 &&
        /RESACA_LOGLEVEL: is not a variable/.test(error.message) &&
        /RESACA_LOG_LEVEL: expected debug/.test(error.message) &&
        /RESACA_METRICS_BY_TABLE: expected true or false, got "yes"/.test(error.message) &&
        /RESACA_CONFIG: tables/.test(error.message),
    );
    assert.throws(() => appendEnvironment({ RESACA_CONFIG: '{' }), /RESACA_CONFIG: is not JSON/);
  });
});

describe('the environment of the bronze function', () => {
  it('has the bucket of the tables', () => {
    assert.equal(bronzeEnvironment({ RESACA_BUCKET: 'lake' }).config.bucket, 'lake');
    const config = '{"bucket":"other","topics":[{"topic":"web.*","table":"raw/{topic}"}]}';
    assert.equal(bronzeEnvironment({ RESACA_BUCKET: 'lake', RESACA_CONFIG: config }).config.bucket, 'other');
    assert.throws(() => bronzeEnvironment({}), /RESACA_CONFIG: bucket: is required/);
    assert.throws(
      () => bronzeEnvironment({ RESACA_BUCKET: 'lake', RESACA_CONFIG: '[]' }),
      /expected an object, got \[\]/,
    );
  });
});
