/** The commands `vacuum`, `clean-log` and `doctor`, run as the program runs them. */
import assert from 'node:assert/strict';
import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { parseCommandLine, UsageError } from '../../src/cli/args.ts';
import { cleanLogCommand } from '../../src/cli/clean-log/command.ts';
import { COMMON_OPTIONS, type Command, commandHelp } from '../../src/cli/command.ts';
import { doctorCommand } from '../../src/cli/doctor/command.ts';
import { createTerminal } from '../../src/cli/terminal.ts';
import { vacuumCommand } from '../../src/cli/vacuum/command.ts';
import { readInventory } from '../../src/cli/vacuum/inventory.ts';
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

describe('an inventory', () => {
  const table = { store: createFolderStore(makeTempFolder()), root: 'lake/orders', url: 's3://bucket/lake/orders' };
  const time = '2026-11-24T06:30:00.000Z';

  async function read(name: string, content: string | Buffer, more: Readonly<Record<string, string | Buffer>> = {}) {
    const folder = makeTempFolder();
    for (const [file, text] of Object.entries({ [name]: content, ...more })) writeFileSync(join(folder, file), text);
    return Array.fromAsync(readInventory(join(folder, name), table));
  }

  const line = (key: string, size = '5') => `"bucket","${key}","${size}","${time}"\n`;

  it('is read with its keys decoded, below the root only', async () => {
    const keys = ['lake/orders/p%3Da+b/%C3%A9%2B.parquet', 'lake/orders_2/x.parquet', 'lake/orders/y.parquet'];
    const expected = ['p=a b/é+.parquet', 'y.parquet'].map((path) => ({ path, size: 5, modified: Date.parse(time) }));
    const text = keys.map((key) => line(key)).join('');
    assert.deepEqual(await read('x.csv', text), expected);
    assert.deepEqual(await read('x.csv.gz', gzipSync(text)), expected);
    assert.deepEqual(await read('x.csv', `Bucket,Key,Size,LastModifiedDate\n${text.replaceAll('"', '')}`), expected);
  });

  it('is read by its manifest, without older versions and delete markers', async () => {
    const schema = 'Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag';
    const row = (name: string, latest: boolean, marker: boolean) =>
      `"bucket","lake/orders/${name}","v","${latest}","${marker}","${marker ? '' : 5}","${time}","e"\n`;
    const manifest = { fileFormat: 'CSV', fileSchema: schema, files: [{ key: 'inventory/data/1.csv.gz' }] };
    const data = row('now', true, false) + row('before', false, false) + row('gone', true, true);
    const files = await read('manifest.json', JSON.stringify(manifest), { '1.csv.gz': gzipSync(data) });
    assert.deepEqual(
      files.map(({ path }) => path),
      ['now'],
    );
    await assert.rejects(read('manifest.json', JSON.stringify(manifest)), /1\.csv\.gz is not beside/);
  });

  const wrong: Readonly<Record<string, readonly [name: string, content: string, message: RegExp]>> = {
    'another bucket': ['x.csv', line('lake/orders/x').replace('bucket', 'other'), /line 1.*"other"/],
    'no size': ['x.csv', line('lake/orders/x', ''), /line 1 has the size ""/],
    'no time': ['x.csv', line('lake/orders/x').replace(time, 'today'), /line 1.*"today"/],
    'a broken key': ['x.csv', line('lake/orders/%zz'), /line 1.*not URL-encoded/],
    'no CSV': ['x.csv', '"a"b,c\n', /line 1 is no line/],
    'missing columns': ['x.csv', 'Key,Size\n', /lacks the columns LastModifiedDate/],
    ORC: ['manifest.json', '{"fileFormat":"ORC"}', /ORC, expected CSV/],
    'another JSON': ['manifest.json', '{"fileFormat":"CSV"}', /no manifest/],
    'no JSON': ['manifest.json', 'x', /no JSON object/],
  };
  for (const [name, [file, content, message]] of Object.entries(wrong)) {
    it(`is refused with ${name}`, async () => {
      await assert.rejects(read(file, content), { name: 'UsageError', message });
    });
  }
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
