import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { makeTempFolder } from '../support/temp-folder.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');

/** Someone's own CDK app, with the table of an existing bucket and an alarm more. */
const APP = `
import { App, Duration, Fn, Stack } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { AppendPipeline, PipelineAlarms, pipelineMetric } from 'resaca/infra';

const stack = new Stack(new App({ outdir: 'cdk.out' }), 'theirs');
const append = new AppendPipeline(stack, 'Append', {
  bucket: Bucket.fromBucketName(stack, 'Bucket', 'theirs'),
  config: { convention: 'none', tables: [{ prefix: 'orders', schemaPolicy: 'strict' }] },
  prefixes: ['orders'],
  batchingWindow: Duration.seconds(60),
  memorySize: 768,
});
const alarms = new PipelineAlarms(stack, 'Alarms', { pipeline: append });
const other = new AppendPipeline(stack, 'Other', { bucket: Bucket.fromBucketName(stack, 'Imported', Fn.importValue('name')), prefixes: ['web'] });
new PipelineAlarms(stack, 'OtherAlarms', { pipeline: other });
pipelineMetric(append, 'commits').createAlarm(stack, 'Quiet', { threshold: 1, evaluationPeriods: 1 });
const count: number = alarms.alarms.length;
console.log(count);
App.of(stack)?.synth();
`;

/** The package as it is published, in a project of its own that has the CDK. */
describe('the package, in another CDK app', () => {
  const project = makeTempFolder();

  before(async () => {
    await run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', project], { cwd: ROOT });
    const archive = readdirSync(project).find((name) => name.endsWith('.tgz')) ?? '';
    await run('tar', ['-xzf', archive], { cwd: project });
    mkdirSync(join(project, 'node_modules/@types'), { recursive: true });
    renameSync(join(project, 'package'), join(project, 'node_modules/resaca'));
    for (const name of ['aws-cdk-lib', 'constructs', '@types/node', '@jmespath-community']) {
      symlinkSync(join(ROOT, 'node_modules', name), join(project, 'node_modules', name));
    }
    writeFileSync(join(project, 'package.json'), '{"type":"module"}');
    writeFileSync(join(project, 'app.ts'), APP);
  });

  it('has types that the compiler takes', async () => {
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--types', 'node'];
    await run(join(ROOT, 'node_modules/.bin/tsc'), [...options, 'app.ts'], { cwd: project });
  });

  it('synthesises, with the bundle and the configuration as the code of the function', async () => {
    await run(process.execPath, ['app.ts'], { cwd: project });
    const output = join(project, 'cdk.out');
    const template = JSON.parse(readFileSync(join(output, 'theirs.template.json'), 'utf8'));
    const append = Object.values<{ Type: string; Properties: { MemorySize?: number; Code: { S3Key: string } } }>(
      template.Resources,
    ).find(({ Type, Properties }) => Type === 'AWS::Lambda::Function' && Properties.MemorySize === 768);
    const asset = join(output, `asset.${append?.Properties.Code.S3Key.replace('.zip', '')}`);
    assert.deepEqual(readdirSync(asset).sort(), [
      'chunks',
      'config.json',
      'index.mjs',
      'index.mjs.LEGAL.txt',
      'index.mjs.map',
    ]);
    assert.deepEqual(JSON.parse(readFileSync(join(asset, 'config.json'), 'utf8')), {
      convention: 'none',
      tables: [{ prefix: 'orders', schemaPolicy: 'strict' }],
    });
    assert.ok(readFileSync(join(asset, 'index.mjs')).equals(readFileSync(join(ROOT, 'dist/lambdas/append/index.mjs'))));
  });
});
