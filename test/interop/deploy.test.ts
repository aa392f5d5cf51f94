import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { bootstrap, type CdkOptions, deployStack, runCdk } from '../../scripts/local-aws/cdk.ts';
import { createRandom } from '../../src/local/demo/random.ts';
import { Deployment } from '../support/deployment.ts';
import { killFunctions, listFunctions } from '../support/deployment-control.ts';
import { type Rows, startDeltaRs } from '../support/interop/engines.ts';
import { parquet, ROW_COLUMNS, rowsOf } from '../support/landing.ts';
import { runCli } from '../support/run-cli.ts';
import { startS3Server } from '../support/s3-server.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, resource } from '../support/unavailable.ts';

const found = await resource(async () => ({ server: await startS3Server(), deltaRs: await startDeltaRs() }));

/** Seconds after which a message that failed comes again: long enough for a slow machine. */
const RETRY = 20;
/** The same where messages are meant to fail. */
const FAST_RETRY = 3;
/** Invocations that are killed, and the waves of files in which that has to be done. */
const KILLED = 12;
const MAX_WAVES = 60;

/** The stack of the repository, deployed by the CDK CLI to a local AWS; what runs there is the bundle that users deploy. */
describe('cdk deploy', { skip: found.skip ?? false }, () => {
  const { server, deltaRs } = available(found);
  const folder = makeTempFolder();
  const cdk: CdkOptions = { env: server.env, output: join(folder, 'out') };
  let dev: Deployment;

  before(async () => {
    await bootstrap(cdk);
    const { stack, outputs } = await deployStack({}, cdk);
    assert.equal(stack, 'resaca-dev');
    dev = new Deployment(server, outputs);
    // What fails comes again after 12 minutes otherwise.
    await dev.hideMessagesFor(RETRY);
  });

  const sql = (table: string, statement: string): Promise<Rows> =>
    deltaRs.call('sql', { table, statement, storage: { ...server.env, AWS_ALLOW_HTTP: 'true' } }) as Promise<Rows>;

  /** Sends back the dead letters, by the command; returns what it says. */
  const redrive = async (...options: string[]): Promise<string> => {
    const args = ['dead-letters', 'redrive', dev.deadLettersUrl, '--to', dev.queueUrl, ...options];
    const { code, stdout, stderr } = await runCli(args, { env: server.env });
    assert.equal(code, 0, stderr);
    return stdout;
  };

  it('makes files that are dropped into the landing bucket rows, as delta-rs reads them', async () => {
    const files = Array.from({ length: 40 }, (_, index) => ({
      path: `ds=2026-11-${10 + (index % 4)}/file ${index} +é&(x).parquet`,
      rows: rowsOf(index * 10, 10),
    }));
    for (const root of ['web', 'lake/orders']) {
      await Promise.all(files.map(({ path, rows }) => dev.store.put(`${root}/${path}`, parquet(rows))));
    }
    for (const root of ['web', 'lake/orders']) {
      await dev.untilFiles(
        root,
        files.map(({ path }) => path),
      );
      const { rows } = await sql(dev.url(root), 'SELECT id, name, ds FROM t ORDER BY id');
      const written = files.flatMap(({ path, rows: all }) =>
        all.map(({ id, name }) => [String(id), name, path.slice('ds='.length, 'ds=2026-11-10'.length)]),
      );
      assert.deepEqual(rows, written);
    }
    const { rows } = await sql(dev.url('web'), "SELECT count(*) FROM t WHERE ds = '2026-11-12' AND id > 100");
    assert.deepEqual(rows, [['79']]);
  });

  it('quarantines what does not fit, while the rest of the batch goes on', async () => {
    await dev.store.put('mixed/a.parquet', parquet(rowsOf(0, 3)));
    await dev.untilFiles('mixed', ['a.parquet']);
    const version = await dev.version('mixed');
    const bodies = await dev.inOneBatch(5, () =>
      Promise.all([
        dev.store.put('mixed/bad.parquet', new TextEncoder().encode('by no means a Parquet file')),
        dev.store.put('mixed/cut.parquet', parquet(rowsOf(0, 100)).subarray(0, 400)),
        dev.store.put('mixed/conflict.parquet', parquet([{ id: 'x' }], { id: 'string' })),
        dev.store.put('mixed/wider.parquet', parquet([{ id: 1, city: 'Porto' }], { ...ROW_COLUMNS, city: 'string' })),
        dev.store.put('mixed/b.parquet', parquet(rowsOf(3, 3))),
      ]),
    );
    assert.equal(bodies.length, 5);
    await dev.untilFiles('mixed', ['a.parquet', 'b.parquet', 'wider.parquet']);
    assert.deepEqual(await dev.untilQuarantined('mixed', 3), {
      'bad.parquet': 'NOT_PARQUET',
      'conflict.parquet': 'SCHEMA_CONFLICT',
      'cut.parquet': 'TRUNCATED',
    });
    assert.equal(await dev.version('mixed'), version + 1);
    const { rows } = await sql(dev.url('mixed'), 'SELECT count(*), count(city) FROM t');
    assert.deepEqual(rows, [['7', '1']]);
    await dev.assertHandled(0);
  });

  it('removes the files of deleted objects', async () => {
    await dev.store.put('gone/a.parquet', parquet(rowsOf(0, 3)));
    await dev.store.put('gone/b.parquet', parquet(rowsOf(3, 3)));
    await dev.untilFiles('gone', ['a.parquet', 'b.parquet']);
    await dev.store.delete('gone/a.parquet');
    await dev.untilFiles('gone', ['b.parquet']);
    assert.deepEqual(await dev.counts('gone', 'remove'), { 'a.parquet': 1 });
    const { rows } = await sql(dev.url('gone'), 'SELECT min(id), max(id) FROM t');
    assert.deepEqual(rows, [['3', '5']]);
  });

  it('changes nothing for notifications that come again', async () => {
    const first = await dev.inOneBatch(2, async () => {
      for (const path of ['a.parquet', 'b.parquet']) await dev.store.put(`twice/${path}`, parquet(rowsOf(0, 5)));
    });
    await dev.untilFiles('twice', ['a.parquet', 'b.parquet']);
    const version = await dev.version('twice');
    assert.equal(first.length, 2);
    await dev.send(...first, ...first, ...first);
    await dev.assertHandled(0);
    assert.equal(await dev.version('twice'), version);
    // Also when the table has moved on, and one of the files is gone.
    const second = await dev.inOneBatch(2, async () => {
      await dev.store.put('twice/c.parquet', parquet(rowsOf(5, 5)));
      await dev.store.delete('twice/a.parquet');
    });
    await dev.untilFiles('twice', ['b.parquet', 'c.parquet']);
    const moved = await dev.version('twice');
    assert.equal(second.length, 2);
    await dev.send(...first, ...second, ...first, ...second);
    await dev.assertHandled(0);
    assert.equal(await dev.version('twice'), moved);
    assert.deepEqual(await dev.counts('twice', 'add'), { 'a.parquet': 1, 'b.parquet': 1, 'c.parquet': 1 });
    assert.deepEqual(await dev.counts('twice', 'remove'), { 'a.parquet': 1 });
  });

  it('keeps what cannot be handled among the dead letters, and handles it after the redrive', async () => {
    const broken = 'broken/_delta_log/00000000000000000000.json';
    await dev.store.put(broken, new TextEncoder().encode('{"by no means'));
    await dev.hideMessagesFor(FAST_RETRY);
    const bodies = await dev.inOneBatch(4, () =>
      Promise.all([
        dev.store.put('broken/a.parquet', parquet(rowsOf(0, 3))),
        dev.store.put('broken/b.parquet', parquet(rowsOf(3, 3))),
        dev.store.put('sound/a.parquet', parquet(rowsOf(0, 3))),
        dev.send('by no means a notification'),
      ]),
    );
    await dev.untilFiles('sound', ['a.parquet']);
    await dev.untilDepth(dev.deadLettersUrl, 3);
    await dev.assertHandled(3);
    const list = await runCli(['dead-letters', 'list', dev.deadLettersUrl], { env: server.env });
    assert.match(list.stdout, /2 messages .* s3:\/\/\S+\/broken/, list.stderr);
    assert.match(list.stdout, /1 message .* no S3 notification/);

    await dev.store.delete(broken);
    assert.match(await redrive(), /Sent back 2 messages/);
    await dev.untilFiles('broken', ['a.parquet', 'b.parquet']);
    await dev.assertHandled(1);

    // What no repair makes readable comes back, and what came in is not doubled.
    const version = await dev.version('broken');
    await dev.send(...bodies.filter((body) => body.includes('broken/')));
    assert.match(await redrive('--all'), /Sent back 1 message/);
    await dev.untilDepth(dev.deadLettersUrl, 1);
    await dev.assertHandled(1);
    assert.equal(await dev.version('broken'), version);
    assert.deepEqual(await dev.counts('broken', 'add'), { 'a.parquet': 1, 'b.parquet': 1 });
    await dev.hideMessagesFor(RETRY);
  });

  it('takes 500 files of 20 tables in any order, each once', async () => {
    const files = Array.from({ length: 500 }, (_, index) => ({
      root: `many/t${index % 20}`,
      path: `hour=${index % 3}/f${index}.parquet`,
      rows: 1 + (index % 7),
    }));
    const letters = await dev.depth(dev.deadLettersUrl);
    await land(dev, shuffled(files, 500));
    await assertLandedOnce(dev, files);
    await dev.assertHandled(letters);
  });

  it('loses nothing when functions are killed in the middle', async () => {
    await dev.hideMessagesFor(FAST_RETRY);
    const letters = await dev.depth(dev.deadLettersUrl);
    const random = createRandom(7);
    const files: LandingFile[] = [];
    for (let wave = 0; (await dev.killedInvocations()) < KILLED; wave += 1) {
      assert.ok(wave < MAX_WAVES, `fewer than ${KILLED} invocations were killed`);
      const landing = Array.from({ length: 20 }, (_, index) => ({
        root: `killed/t${index % 5}`,
        path: `wave=${wave}/f${index}.parquet`,
        rows: 1 + (index % 7),
      }));
      files.push(...landing);
      const commits = await dev.commits('killed');
      await land(dev, shuffled(landing, wave));
      // Now and then right after a commit, when the messages are still to be deleted.
      if (wave % 2 === 0) await sleep(random.next() * 1_500);
      else await dev.untilCommits('killed', commits + 1);
      killFunctions(server);
    }
    await dev.untilDepth(dev.queueUrl, 0);
    // A message whose function was killed five times is a dead letter.
    await redrive();
    await assertLandedOnce(dev, files);
    await dev.assertHandled(letters);
    await dev.hideMessagesFor(RETRY);
  });

  it('keeps the stages of an account apart, one of them with a FIFO queue through EventBridge', async () => {
    const config = join(folder, 'b.json');
    const tables = [{ prefix: 'orders' }, { prefix: 'web' }];
    writeFileSync(config, JSON.stringify({ convention: 'none', tables, append: { queue: 'fifo' } }));
    const { stack, outputs } = await deployStack({ config, stage: 'b' }, cdk);
    assert.equal(stack, 'resaca-b');
    const other = new Deployment(server, outputs);
    assert.match(other.queueUrl, /\.fifo$/);
    assert.notEqual(other.bucket, dev.bucket);
    assert.notEqual((await other.function()).FunctionName, (await dev.function()).FunctionName);
    const web = [...(await dev.files('web')).keys()];
    const paths = Array.from({ length: 25 }, (_, index) => `f${index}.parquet`);
    await Promise.all([
      ...paths.flatMap((path) =>
        ['orders', 'web', 'elsewhere'].map((root) => other.store.put(`${root}/${path}`, parquet(rowsOf(0, 2)))),
      ),
      dev.store.put('orders/dev.parquet', parquet(rowsOf(0, 2))),
    ]);
    await other.untilFiles('orders', paths);
    await other.untilFiles('web', paths);
    await dev.untilFiles('orders', ['dev.parquet']);
    await other.store.delete('orders/f0.parquet');
    await other.untilFiles('orders', paths.slice(1));
    await other.assertHandled(0);
    assert.equal(await other.snapshot('elsewhere'), undefined);
    assert.deepEqual([...(await dev.files('web')).keys()], web);
    await runCdk(['destroy', '--force', '-c', `config=${config}`, '-c', 'stage=b'], cdk);
    await assert.rejects(other.depth(other.queueUrl), { name: 'QueueDoesNotExist' });
    assert.equal((await other.files('web')).size, 25);
  });

  it('goes on with its tables when it is deployed again, and keeps them when it is destroyed', async () => {
    const unchanged = await runCdk(['deploy', '--require-approval', 'never'], cdk);
    assert.match(unchanged, /no changes/);
    const config = join(folder, 'larger.json');
    writeFileSync(config, JSON.stringify({ append: { memorySize: 768 } }));
    assert.equal((await dev.function()).MemorySize, 512);
    const { outputs } = await deployStack({ config }, cdk);
    assert.equal((await dev.function()).MemorySize, 768);
    assert.deepEqual([outputs.LandingBucketName, outputs.QueueUrl], [dev.bucket, dev.queueUrl]);
    await dev.store.put('gone/c.parquet', parquet(rowsOf(6, 3)));
    await dev.untilFiles('gone', ['b.parquet', 'c.parquet']);

    await dev.untilDepth(dev.queueUrl, 0);
    const objects = await dev.objects();
    await runCdk(['destroy', '--force'], cdk);
    for (const url of [dev.queueUrl, dev.deadLettersUrl]) {
      await assert.rejects(dev.depth(url), { name: 'QueueDoesNotExist' });
    }
    assert.deepEqual(await listFunctions(server), []);
    assert.deepEqual(await dev.objects(), objects);
    const { rows } = await sql(dev.url('gone'), 'SELECT count(*) FROM t');
    assert.deepEqual(rows, [['6']]);
  });
});

interface LandingFile {
  readonly root: string;
  readonly path: string;
  readonly rows: number;
}

function shuffled<T>(values: readonly T[], seed: number): T[] {
  const random = createRandom(seed);
  return values
    .map((value) => ({ value, order: random.next() }))
    .sort((a, b) => a.order - b.order)
    .map(({ value }) => value);
}

/** Drops the files, in their order, some at the same time. */
async function land({ store }: Deployment, files: readonly LandingFile[]): Promise<void> {
  for (let first = 0; first < files.length; first += 20) {
    await Promise.all(
      files
        .slice(first, first + 20)
        .map(({ root, path, rows }) => store.put(`${root}/${path}`, parquet(rowsOf(first, rows)))),
    );
  }
}

/** Waits for all files to be in their tables, then looks that each came in once, with its rows. */
async function assertLandedOnce(deployment: Deployment, files: readonly LandingFile[]): Promise<void> {
  for (const root of new Set(files.map((file) => file.root))) {
    const expected = files.filter((file) => file.root === root);
    await deployment.untilFiles(
      root,
      expected.map(({ path }) => path),
    );
    assert.deepEqual(await deployment.counts(root, 'add'), Object.fromEntries(expected.map(({ path }) => [path, 1])));
    const rows = [...(await deployment.files(root)).values()].map(({ stats }) => JSON.parse(stats ?? '{}').numRecords);
    const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
    assert.equal(sum(rows), sum(expected.map((file) => file.rows)));
  }
}
