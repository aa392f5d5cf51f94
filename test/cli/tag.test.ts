import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { createS3TagStore } from '../../src/aws/s3-tags.ts';
import { runCli } from '../support/run-cli.ts';
import { startS3Server } from '../support/s3-server.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, resource } from '../support/unavailable.ts';

const aws = await resource(startS3Server);

const RULES = [{ prefix: 'tenants/{tenant}', suffix: '.csv', tags: { tenant: '{tenant}', kind: '{extension}' } }];

describe('resaca tag', { skip: aws.skip ?? false }, () => {
  const server = available(aws);
  const folder = makeTempFolder();
  const rules = join(folder, 'rules.json');
  const deployment = join(folder, 'resaca.config.ts');
  let bucket = '';

  before(async () => {
    writeFileSync(rules, JSON.stringify({ rules: RULES }));
    const config = {
      stage: 'prod',
      queues: [],
      tables: [{ prefix: 'lake' }],
      tagging: { rules: RULES, maxConcurrency: 4 },
    };
    writeFileSync(deployment, `export const config = ${JSON.stringify(config)};\n`);
    bucket = await server.createBucket();
    const store = createS3Store({ client: server.client(), bucket });
    for (const key of ['tenants/acme/a.csv', 'tenants/acme/b.txt', 'tenants/blue/c d.csv', 'tenantsx/e.csv']) {
      await store.put(key, Buffer.from(key));
    }
    await tagsAt().put({ bucket, key: 'tenants/acme/a.csv' }, [{ key: 'cost', value: '7' }]);
    const ten = Array.from({ length: 10 }, (_, index) => ({ key: `k${index}`, value: 'x' }));
    await store.put('full/tenants.csv', Buffer.from('x'));
    await tagsAt().put({ bucket, key: 'full/tenants.csv' }, ten);
  });

  const tagsAt = () => createS3TagStore(server.client());
  const tagsOf = async (key: string) =>
    Object.fromEntries(((await tagsAt().get({ bucket, key })) ?? []).map((tag) => [tag.key, tag.value]));
  const tag = (prefix: string, ...args: string[]) =>
    runCli(['tag', `s3://${bucket}/${prefix}`, ...args], { env: server.env });

  it('says what it would do, and writes nothing', async () => {
    const { code, stdout } = await tag('tenants', '--config', deployment, '--dry-run');
    assert.equal(code, 0);
    assert.match(
      stdout,
      /tenants: dry run, nothing was written: 3 objects looked at\n {2}2 objects {2}would be tagged\n/,
    );
    assert.match(stdout, / {2}1 object {3}are meant by no rule\n/);
    assert.match(stdout, / {4}tenants\/acme\/a\.csv: \{"cost":"7","tenant":"acme","kind":"csv"\}\n/);
    assert.deepEqual(await tagsOf('tenants/acme/a.csv'), { cost: '7' });
  });

  it('tags what is there, keeps other tags, and changes nothing the second time', async () => {
    const first = await tag('tenants/', '--config', rules, '--yes', '--json', '--requests-per-second', '500');
    assert.equal(first.code, 0, first.stderr);
    const { tagged, same, ignored, lastKey } = JSON.parse(first.stdout);
    assert.deepEqual([tagged, same, ignored, lastKey], [2, 0, 1, 'tenants/blue/c d.csv']);
    assert.deepEqual(await tagsOf('tenants/acme/a.csv'), { cost: '7', tenant: 'acme', kind: 'csv' });
    assert.deepEqual(await tagsOf('tenants/blue/c d.csv'), { tenant: 'blue', kind: 'csv' });
    assert.deepEqual(await tagsOf('tenants/acme/b.txt'), {});
    assert.deepEqual(await tagsOf('tenantsx/e.csv'), {});
    const second = JSON.parse((await tag('tenants', '--config', deployment, '--yes', '--json')).stdout);
    assert.deepEqual([second.tagged, second.same], [0, 2]);
    const rest = ['--config', rules, '--yes', '--json', '--start-after', 'tenants/acme/a.csv'];
    assert.equal(JSON.parse((await tag('tenants', ...rest)).stdout).listed, 2);
  });

  it('tells of objects without a place', async () => {
    const path = join(folder, 'all.json');
    writeFileSync(path, JSON.stringify({ rules: [{ prefix: 'full', tags: { tenant: 'acme' } }] }));
    const { code, stdout } = await tag('full', '--config', path, '--yes', '--json');
    const { same, withoutPlace } = JSON.parse(stdout);
    assert.deepEqual([code, same, withoutPlace], [3, 1, 1]);
  });

  it('says what is wrong', async () => {
    const empty = join(folder, 'empty.json');
    writeFileSync(empty, JSON.stringify({ stage: 'prod' }));
    for (const [args, message] of [
      [['./tenants', '--config', rules], /expected s3:\/\/bucket\/prefix, got "\.\/tenants"/],
      [[`s3://${bucket}/tenants`], /--config is missing/],
      [[`s3://${bucket}/tenants`, '--config', empty, '--yes'], /empty\.json: .*\n- rules: has none/],
      [[`s3://${bucket}/tenants`, '--config', rules], /--yes is needed where nobody can be asked/],
    ] as const) {
      const { code, stderr } = await runCli(['tag', ...args], { env: server.env });
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
    }
    const missing = await runCli(['tag', 's3://no-such-bucket-here/x', '--config', rules, '--yes'], {
      env: server.env,
    });
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /no-such-bucket|NOT_FOUND/);
  });
});
