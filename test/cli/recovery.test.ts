/** The commands `reconcile`, `backfill` and `quarantine`, run as the program runs them, on local folders. */
import assert from 'node:assert/strict';
import { rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { parseCommandLine, UsageError } from '../../src/cli/args.ts';
import { backfillCommand } from '../../src/cli/backfill/command.ts';
import { progressLines } from '../../src/cli/backfill/print.ts';
import { COMMON_OPTIONS, type Command, commandHelp } from '../../src/cli/command.ts';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { quarantineCommand } from '../../src/cli/quarantine/command.ts';
import { reconcileCommand } from '../../src/cli/reconcile/command.ts';
import { createTerminal } from '../../src/cli/terminal.ts';
import { noSums } from '../../src/recovery/sums.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import { createPipeline } from '../support/interop/pipeline.ts';
import { parquet, ROW_COLUMNS, rowsOf } from '../support/landing.ts';
import { listKeys } from '../support/store-assertions.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

async function run(command: Command, args: readonly string[], answer?: string) {
  const output = new PassThrough().setEncoding('utf8');
  const parsed = parseCommandLine(args, { ...command, options: { ...command.options, ...COMMON_OPTIONS } });
  const code = await command.run(parsed, {
    terminal: createTerminal(output, new PassThrough()),
    signal: new AbortController().signal,
    ask: answer === undefined ? undefined : async () => answer,
  });
  output.end();
  return { code, stdout: (await output.toArray()).join('') };
}

async function json(command: Command, args: readonly string[]) {
  const { code, stdout } = await run(command, [...args, '--json']);
  return { code, ...JSON.parse(stdout) };
}

let ids = 0;

/** A landing with the table `web` of one file; further files land two hours ago, and nobody is told. */
async function landing() {
  const folder = makeTempFolder();
  const store = createFolderStore(folder);
  const drop = async (key: string, body: Uint8Array = parquet(rowsOf(10 * ids++, 10))): Promise<void> => {
    await store.put(key, body);
    const seconds = Date.now() / 1000 - 7_200;
    utimesSync(join(folder, key), seconds, seconds);
  };
  await drop('web/ds=1/told.parquet');
  await createPipeline(store).append('web/ds=1/told.parquet');
  return { folder, web: join(folder, 'web'), store, drop };
}

describe('resaca reconcile', () => {
  it('asks, says what it would do, and does it', async () => {
    const { folder, web, drop } = await landing();
    await drop('web/ds=1/missed.parquet');
    await assert.rejects(run(reconcileCommand, [web]), UsageError);
    assert.equal((await run(reconcileCommand, [web], 'n')).code, EXIT.failed);
    const dry = await run(reconcileCommand, [web, '--dry-run']);
    assert.match(dry.stdout, /dry run, nothing was written \(version 0\): \d+ objects listed/);
    assert.match(dry.stdout, / {2}would be added {2,}1 file, /);
    assert.match(dry.stdout, /missed by events:\n {4}"ds=1\/missed.parquet"/);
    const done = await run(reconcileCommand, [web], 'y');
    assert.equal(done.code, EXIT.ok);
    assert.match(done.stdout, /\(version 1\)|\(version 0\)/);
    rmSync(join(folder, 'web/ds=1/told.parquet'));
    const kept = await json(reconcileCommand, [web, '--yes', '--deletes', 'keep']);
    assert.deepEqual([kept.known, kept.gone, kept.removedFiles], [1, 1, 0]);
    const gone = await json(reconcileCommand, [web, '--yes']);
    assert.deepEqual([gone.gone, gone.removedFiles, gone.samples.gone], [1, 1, ['ds=1/told.parquet']]);
  });

  it('leaves young files, and goes by the rules of a configuration for the whole landing', async () => {
    const { folder, web, store, drop } = await landing();
    await store.put('web/ds=1/young.parquet', parquet(rowsOf(900, 10)));
    await drop('web/tmp/out.parquet');
    await drop('web/ds=2/in.parquet');
    const config = join(folder, 'resaca.json');
    const rules = {
      tables: [{ prefix: 'web', exclude: ['tmp/**'] }],
      stage: 'prod',
      landing: { suffixes: ['.parquet'] },
    };
    writeFileSync(config, JSON.stringify(rules));
    const result = await json(reconcileCommand, [web, '--landing', folder, '--config', config, '--yes']);
    assert.deepEqual([result.added, result.young, result.samples.missed], [1, 1, ['ds=2/in.parquet']]);
  });

  it('tells by its exit code that files went to quarantine', async () => {
    const { web, drop } = await landing();
    await drop('web/ds=1/bad.parquet', Buffer.from('no parquet at all, by no means'));
    const { code, quarantined } = await json(reconcileCommand, [web, '--yes']);
    assert.deepEqual([code, quarantined], [EXIT.incomplete, 1]);
  });

  it('goes by an inventory', async () => {
    const { folder, web, drop } = await landing();
    await drop('web/ds=1/listed.parquet');
    await drop('web/ds=1/later.parquet');
    const inventory = join(folder, 'inventory.csv');
    writeFileSync(
      inventory,
      'Bucket,Key,Size,LastModifiedDate\nb,ds%3D1/listed.parquet,1,2020-01-01T00:00:00Z\nb,ds%3D1/gone.parquet,1,2020-01-01T00:00:00Z\n',
    );
    const result = await json(reconcileCommand, [web, '--yes', '--inventory', inventory]);
    assert.deepEqual([result.added, result.vanished, result.gone], [1, 1, 0]);
    assert.deepEqual(result.samples.missed, ['ds=1/listed.parquet']);
  });

  for (const args of [
    ['--deletes', 'all'],
    ['--unknown', 'take'],
    ['--min-age', '1'],
    ['--config', '/no/such.json'],
    ['--landing', '/somewhere/else'],
  ]) {
    it(`refuses ${args.join(' ')}`, async () => {
      await assert.rejects(run(reconcileCommand, [makeTempFolder(), '--yes', ...args]), UsageError);
    });
  }
});

describe('resaca backfill', () => {
  it('takes the files of all tables, keeps its position, and has nothing to do then', async () => {
    const { folder, store, drop } = await landing();
    for (const key of ['web/ds=2/a', 'orders/b', 'orders/c']) await drop(`${key}.parquet`);
    const dry = await json(backfillCommand, [folder, '--dry-run']);
    assert.deepEqual([dry.added, dry.known, dry.dryRun], [3, 1, true]);
    assert.deepEqual(
      (await listKeys(store)).filter((key) => key.startsWith('orders/_delta_log')),
      [],
    );
    const { code, stdout } = await run(backfillCommand, [folder, '--yes', '--batch-files', '2']);
    assert.equal(code, EXIT.ok);
    assert.match(stdout, /objects looked at; 2 tables, \d+ of none\n {2}added +3 files, /);
    const again = await json(backfillCommand, [folder, '--yes', '--no-count', '--requests-per-second', '100000']);
    assert.deepEqual([again.added, again.known, again.total], [0, 4, null]);
    assert.equal((await listKeys(store)).filter((key) => key.startsWith('_resaca/backfill/')).length, 1);
  });

  it('does not go on in one delivery of an inventory where it stopped in another', async () => {
    const { folder, store, drop } = await landing();
    for (const key of ['web/ds=2/a', 'web/ds=2/b']) await drop(`${key}.parquet`);
    const inventory = join(makeTempFolder(), 'inventory.csv');
    const line = (key: string) => `b,${key},1,2020-01-01T00:00:00Z\n`;
    writeFileSync(inventory, `Bucket,Key,Size,LastModifiedDate\n${line('web/ds%3D2/a.parquet')}`);
    await json(backfillCommand, [folder, '--yes', '--inventory', inventory]);
    const [key = ''] = (await listKeys(store)).filter((one) => one.startsWith('_resaca/backfill/'));
    const state = JSON.parse(new TextDecoder().decode((await store.get(key)).body));
    await store.put(key, new TextEncoder().encode(JSON.stringify({ ...state, isDone: false })));
    writeFileSync(inventory, `Bucket,Key,Size,LastModifiedDate\n${line('web/ds%3D2/b.parquet')}`);
    const { added, listedBefore } = await json(backfillCommand, [folder, '--yes', '--inventory', inventory]);
    assert.deepEqual([added, listedBefore], [1, 0]);
  });

  it('shows how far it is, and how long it takes', () => {
    const lines = progressLines(
      { id: 'x', listed: 600, listedBefore: 100, ignored: 0, total: 1_100, tables: 2, ...noSums(), added: 400 },
      10_000,
      createTerminal(new PassThrough(), new PassThrough()),
    );
    assert.match(lines[0] ?? '', /55 % {2}600 of 1,100 objects/);
    assert.equal(lines[1], '50 a second, about 10 s left');
    assert.match(lines[2] ?? '', /^400 files added, 0 commits, 2 tables/);
  });

  it('refuses numbers that are none', async () => {
    await assert.rejects(run(backfillCommand, [makeTempFolder(), '--files-per-second', '0']), UsageError);
  });
});

describe('resaca quarantine', () => {
  async function withBad() {
    const world = await landing();
    await world.drop('web/ds=1/bad.parquet', Buffer.from('no parquet at all, by no means'));
    await world.drop('web/ds=1/other.parquet', parquet([{ id: 'text', name: 'x' }], { ...ROW_COLUMNS, id: 'string' }));
    await run(reconcileCommand, [world.web, '--yes']);
    return world;
  }

  it('lists by reason, and shows one', async () => {
    const { web } = await withBad();
    const { stdout } = await run(quarantineCommand, ['list', web]);
    assert.match(stdout, /web: 2 files in quarantine\n/);
    assert.match(stdout, / {2}NOT_PARQUET +1 file {2}/);
    const list = await json(quarantineCommand, ['list', web, '--reason', 'SCHEMA_CONFLICT']);
    assert.deepEqual([list.files, list.reasons[0].example], [1, 'ds=1/other.parquet']);
    const shown = await run(quarantineCommand, ['show', web, 'ds=1/bad.parquet']);
    assert.match(shown.stdout, /ds=1\/bad.parquet\n {2}id +[0-9a-f]{40}\n {2}reason +NOT_PARQUET/);
    const byId = await json(quarantineCommand, ['show', web, list.records[0].id]);
    assert.equal(byId.records[0].path, 'ds=1/other.parquet');
    await assert.rejects(run(quarantineCommand, ['show', web, 'nothing']), /no record of "nothing"/);
  });

  it('tries again: what fits leaves it, the rest stays with a count', async () => {
    const { web, drop } = await withBad();
    await drop('web/ds=1/other.parquet');
    const dry = await json(quarantineCommand, ['retry', web, '--all', '--dry-run']);
    assert.deepEqual([dry.added, dry.rejected], [1, 1]);
    const { code, stdout } = await run(quarantineCommand, ['retry', web, '--all']);
    assert.equal(code, EXIT.incomplete);
    assert.match(stdout, /1 file {2}in the table, out of quarantine\n {2}1 file {2}do not fit, and stay/);
    const { records } = await json(quarantineCommand, ['list', web]);
    assert.deepEqual(
      records.map(({ path, retries }: { path: string; retries: number }) => [path, retries]),
      [['ds=1/bad.parquet', 1]],
    );
  });

  it('names records that cannot be read, goes on, and discards them by id', async () => {
    const { web, store, drop } = await withBad();
    await store.put('web/_resaca/quarantine/broken.json', Buffer.from('by no means\u0007JSON'));
    const listed = await run(quarantineCommand, ['list', web]);
    assert.equal(listed.code, EXIT.incomplete);
    assert.match(listed.stdout, /web: 2 files in quarantine\n/);
    assert.match(
      listed.stdout,
      / {2}1 record that cannot be read; .*\n {4}_resaca\/quarantine\/broken\.json\n {6}expected a JSON/,
    );
    const list = await json(quarantineCommand, ['list', web]);
    assert.deepEqual([list.files, list.brokenRecords, list.broken[0].id], [2, 1, 'broken']);
    assert.equal((await json(quarantineCommand, ['list', web, '--reason', 'NOT_PARQUET'])).code, EXIT.ok);
    assert.equal((await json(quarantineCommand, ['show', web, 'broken'])).broken[0].id, 'broken');
    await drop('web/ds=1/other.parquet');
    const retried = await json(quarantineCommand, ['retry', web, '--all']);
    assert.deepEqual([retried.code, retried.added, retried.brokenRecords], [EXIT.incomplete, 1, 1]);
    await run(quarantineCommand, ['discard', web, 'broken', '--yes']);
    assert.deepEqual((await json(quarantineCommand, ['list', web])).brokenRecords, 0);
  });

  it('discards after a question, the files only where it is told to', async () => {
    const { web, store } = await withBad();
    await assert.rejects(run(quarantineCommand, ['discard', web, '--all']), UsageError);
    assert.equal((await run(quarantineCommand, ['discard', web, '--all'], 'n')).code, EXIT.failed);
    const dry = await json(quarantineCommand, ['discard', web, '--all', '--dry-run']);
    assert.equal(dry.records, 2);
    await run(quarantineCommand, ['discard', web, '--reason', 'SCHEMA_CONFLICT', '--yes']);
    assert.ok(await store.head('web/ds=1/other.parquet'));
    const { stdout } = await run(quarantineCommand, ['discard', web, 'ds=1/bad.parquet', '--delete-files', '--yes']);
    assert.match(stdout, /deleted 1 record, 1 file\n/);
    assert.equal(await store.head('web/ds=1/bad.parquet'), undefined);
    assert.equal((await json(quarantineCommand, ['list', web])).files, 0);
  });

  for (const args of [
    ['explode', 't'],
    ['retry', 't'],
    ['show', 't'],
    ['list', 't', 'a.parquet'],
    ['list', 't', '--delete-files'],
    ['discard', 't', '--all', '--reason', 'X'],
  ]) {
    it(`refuses ${args.join(' ')}`, async () => {
      await assert.rejects(run(quarantineCommand, args), UsageError);
    });
  }
});

describe('the help', () => {
  for (const command of [reconcileCommand, backfillCommand, quarantineCommand]) {
    it(`of ${command.name} fits a terminal`, () => {
      const long = commandHelp(command)
        .split('\n')
        .filter((line) => line.length > 80 && !line.startsWith('  resaca'));
      assert.deepEqual(long, []);
    });
  }
});
