/** The commands `vacuum`, `clean-log` and `doctor`, run as the program runs them. */
import assert from 'node:assert/strict';
import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { parseCommandLine, UsageError } from '../../src/cli/args.ts';
import { cleanLogCommand } from '../../src/cli/clean-log/command.ts';
import { COMMON_OPTIONS, type Command, commandHelp } from '../../src/cli/command.ts';
import { doctorCommand } from '../../src/cli/doctor/command.ts';
import { createTerminal } from '../../src/cli/terminal.ts';
import { vacuumCommand } from '../../src/cli/vacuum/command.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import { add, createLogBuilder, metaData, protocol, remove } from '../support/delta-log-builder.ts';
import { DAY } from '../support/history-world.ts';
import { listKeys } from '../support/store-assertions.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

async function run(command: Command, args: readonly string[], answer?: string) {
  const output = new PassThrough().setEncoding('utf8');
  const errors = new PassThrough();
  const parsed = parseCommandLine(args, { ...command, options: { ...command.options, ...COMMON_OPTIONS } });
  const code = await command.run(parsed, {
    terminal: createTerminal(output, errors),
    signal: new AbortController().signal,
    ask: answer === undefined ? undefined : async () => answer,
  });
  output.end();
  return { code, stdout: (await output.toArray()).join('') };
}

/** A table of 40 days: an active file, one that was removed, and one that no commit has. */
async function oldTable(): Promise<{ readonly folder: string; readonly files: () => Promise<string[]> }> {
  const folder = makeTempFolder();
  const store = createFolderStore(folder);
  const log = createLogBuilder({ store, root: '', url: folder });
  await log.commit(protocol(), metaData());
  await log.commit(add('active.parquet'), add('removed.parquet'));
  await log.commit(remove('removed.parquet'));
  await log.checkpoint(2);
  for (const name of ['active', 'removed', 'orphan']) await store.put(`${name}.parquet`, new Uint8Array(100));
  for (const [index, key] of (await listKeys(store)).entries()) {
    const seconds = (Date.now() - 40 * DAY) / 1000 + index;
    utimesSync(join(folder, key), seconds, seconds);
  }
  return { folder, files: async () => (await listKeys(store)).filter((key) => !key.startsWith('_delta_log')) };
}

describe('resaca vacuum', () => {
  it('asks, and deletes nothing without a yes', async () => {
    const { folder, files } = await oldTable();
    assert.equal((await run(vacuumCommand, [folder], 'n')).code, 1);
    await assert.rejects(run(vacuumCommand, [folder]), UsageError);
    assert.equal((await files()).length, 3);
    assert.equal((await run(vacuumCommand, [folder], 'yes')).code, 0);
    assert.deepEqual(await files(), ['active.parquet']);
  });

  it('says what it would delete, and what it has deleted', async () => {
    const { folder, files } = await oldTable();
    const dry = await run(vacuumCommand, [folder, '--dry-run']);
    assert.match(dry.stdout, /would delete 1 file \(100 B\) that the log has removed/);
    assert.match(dry.stdout, /"orphan.parquet"\n {4}"removed.parquet"/);
    assert.equal((await files()).length, 3);
    const kept = await run(vacuumCommand, [folder, '--yes', '--orphans', 'keep']);
    assert.match(kept.stdout, /left 1 file \(100 B\) that no commit has/);
    assert.deepEqual(await files(), ['active.parquet', 'orphan.parquet']);
    const { stdout } = await run(vacuumCommand, [folder, '--yes', '--json', '--retain', '30d']);
    const { before, orphans, remaining, sample } = JSON.parse(stdout);
    assert.deepEqual([orphans, remaining, sample], [{ files: 1, bytes: 100 }, false, ['orphan.parquet']]);
    assert.ok(Math.abs(Date.parse(before) - (Date.now() - 30 * DAY)) < 60_000);
  });

  for (const args of [
    ['--retain', '7'],
    ['--retain', '7w'],
    ['--orphans', 'all'],
  ]) {
    it(`does not take ${args.join(' ')}`, async () => {
      await assert.rejects(run(vacuumCommand, [makeTempFolder(), '--yes', ...args]), UsageError);
    });
  }

  it('says how to have a short retention', async () => {
    const { folder, files } = await oldTable();
    await assert.rejects(run(vacuumCommand, [folder, '--yes', '--retain', '1h']), /--allow-short-retention/);
    assert.equal((await files()).length, 3);
    await run(vacuumCommand, [folder, '--yes', '--retain', '1h', '--allow-short-retention']);
    assert.deepEqual(await files(), ['active.parquet']);
  });

  it('goes by an inventory', async () => {
    const { folder, files } = await oldTable();
    const path = join(folder, '_inventory.csv');
    writeFileSync(path, '"lake","orphan.parquet","100","2026-01-01T00:00:00.000Z"\n');
    await run(vacuumCommand, [folder, '--yes', '--inventory', path]);
    assert.deepEqual(await files(), ['_inventory.csv', 'active.parquet', 'removed.parquet']);
  });
});

describe('resaca clean-log', () => {
  it('asks, says what goes, and deletes it', async () => {
    const { folder } = await oldTable();
    const log = async () => (await listKeys(createFolderStore(folder), '_delta_log/')).length;
    await assert.rejects(run(cleanLogCommand, [folder]), UsageError);
    assert.equal((await run(cleanLogCommand, [folder], '')).code, 1);
    const dry = await run(cleanLogCommand, [folder, '--dry-run']);
    assert.match(dry.stdout, /kept from the checkpoint of version 2 on\n {2}would delete 2 files.*\n {4}commits: 2/);
    assert.equal(await log(), 4);
    const { stdout } = await run(cleanLogCommand, [folder, '--yes', '--json']);
    assert.deepEqual([JSON.parse(stdout).keptFrom, JSON.parse(stdout).files, await log()], [2, 2, 2]);
    await assert.rejects(run(cleanLogCommand, [folder, '--yes', '--retain', '1d']), /--allow-short-retention/);
  });
});

describe('resaca doctor', () => {
  it('ends with 3 when something is to be done, and names it', async () => {
    const { folder } = await oldTable();
    const fine = await run(doctorCommand, [folder]);
    assert.deepEqual([fine.code, /STATS_MISSING/.test(fine.stdout)], [3, true]);
    const { code, stdout } = await run(doctorCommand, [folder, '--files', '--json']);
    const { check, findings } = JSON.parse(stdout);
    assert.deepEqual([code, check.missing, check.removed.files, check.orphans.files], [3, 0, 1, 1]);
    assert.ok(findings.some(({ code: found }: { code: string }) => found === 'VACUUM_DUE'));
    const text = await run(doctorCommand, [folder, '--sample', '5']);
    assert.match(text.stdout, /1 file looked at \(chosen by chance\): 0 missing/);
    assert.ok(text.stdout.split('\n').every((line) => line.length <= 80 || line.includes(folder)));
  });

  for (const args of [
    ['--files', '--sample', '3'],
    ['--sample', '0'],
    ['--sample', '100001'],
  ]) {
    it(`does not take ${args.join(' ')}`, async () => {
      await assert.rejects(run(doctorCommand, [makeTempFolder(), ...args]), UsageError);
    });
  }
});

describe('the help of the commands', () => {
  for (const command of [vacuumCommand, cleanLogCommand, doctorCommand]) {
    it(`of ${command.name} fits into 80 columns`, () => {
      const long = commandHelp(command)
        .split('\n')
        .filter((line) => line.length > 80);
      assert.deepEqual(long, []);
    });
  }
});
