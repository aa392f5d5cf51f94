import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { isCdfError } from '../../src/cdf/errors.ts';
import { parseCommandLine, UsageError } from '../../src/cli/args.ts';
import { cdfExportCommand } from '../../src/cli/cdf-export/command.ts';
import { cdfShowCommand } from '../../src/cli/cdf-show/command.ts';
import { type Command, commandHelp } from '../../src/cli/command.ts';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { createTerminal } from '../../src/cli/terminal.ts';
import { createCdfWorld, removeOf } from '../cdf/cdf-world.ts';
import { runCli } from '../support/run-cli.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const folder = makeTempFolder();

/** A table in a folder: version 1 inserts two rows, version 2 deletes them and inserts another. */
async function makeTable(name: string): Promise<string> {
  const { log, file, store } = await createCdfWorld();
  const rows = [1n, 2n].map((id) => [id, `row ${id}`]);
  const first = await file('a.parquet', rows);
  await log.commit({ add: first });
  await log.commit(removeOf(first), { add: await file('b.parquet', [[3n, null]]) });
  const path = join(folder, name);
  for await (const { key } of store.list('')) {
    const target = join(path, key.slice('lake/people/'.length));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, (await store.get(key)).body);
  }
  return path;
}

/** Runs a command in this process. */
async function run(command: Command, args: readonly string[], signal = new AbortController().signal) {
  let output = '';
  const write = (text: string): boolean => {
    output += text;
    return true;
  };
  const stream = { write } as unknown as NodeJS.WritableStream;
  const terminal = createTerminal(stream, stream);
  const code = await command.run(parseCommandLine(args, command), { terminal, signal, ask: undefined });
  return { code, output };
}

describe('resaca cdf export', () => {
  it('says what it would write, writes it, and goes on from there', async () => {
    const table = await makeTable('table');
    const to = join(folder, 'out');
    const planned = await run(cdfExportCommand, [table, '--to', to, '--dry-run']);
    assert.match(
      planned.output,
      /^versions 0 to 2: would be exported\n.*: would export 3 versions, up to version 2 of 2\n$/,
    );
    assert.deepEqual(readdirSync(to), []);
    const { code, output } = await run(cdfExportCommand, [table, '--to', to, '--until', '1']);
    assert.equal(code, EXIT.ok);
    assert.match(
      output,
      /^versions 0 to 1: 2 insert \(1 file, \d+ B\) in 0+-0+1\n.*exported 2 versions, 2 rows, up to version 1 of 2\n$/,
    );
    const next = await run(cdfExportCommand, [table, '--to', to, '--json']);
    const { state, version, changes, exported } = JSON.parse(next.output);
    assert.deepEqual([state, version, changes.delete, changes.insert, exported.length], ['done', 2, 2, 1, 1]);
    const last = await run(cdfExportCommand, [table, '--to', to]);
    assert.match(last.output, /: nothing new; version 2 of 2 is exported\n$/);
  });

  it('takes the form from a file, and from options before it', async () => {
    const table = await makeTable('form');
    const settings = join(folder, 'form.json');
    writeFileSync(
      settings,
      JSON.stringify({ layout: 'split', key: ['id'], changeColumns: false, csv: { quote: 'all' } }),
    );
    const to = join(folder, 'form-out');
    const options = ['--settings', settings, '--null', '\\N', '--no-header', '--delimiter', '\\t'];
    await run(cdfExportCommand, [table, '--to', to, '--from', '2', ...options, '--position', join(folder, 'p.json')]);
    const range = join(to, '00000000000000000002');
    assert.equal(readFileSync(join(range, 'deletes/part-00000.csv'), 'utf8'), '"1"\n"2"\n');
    assert.equal(readFileSync(join(range, 'inserts/part-00000.csv'), 'utf8'), '"3"\t\\N\n');
    assert.equal(JSON.parse(readFileSync(join(folder, 'p.json'), 'utf8')).version, 2);
    assert.deepEqual(
      readdirSync(to)
        .filter((name) => !name.startsWith('.'))
        .sort(),
      ['00000000000000000002', '_plans'],
    );
  });

  it('stops at an interrupt, and says that something is left', async () => {
    const table = await makeTable('stopped');
    const { code } = await run(cdfExportCommand, [table, '--to', join(folder, 'stopped-out')], AbortSignal.abort());
    assert.equal(code, EXIT.incomplete);
  });

  it('refuses what cannot be', async () => {
    const table = await makeTable('refused');
    const to = join(folder, 'refused-out');
    for (const [args, message] of [
      [[table], /--to is missing/],
      [[table, '--to', join(table, 'out')], /--to is in the table/],
      [[table, '--to', to, '--format', 'xml'], /format: expected csv or jsonl or parquet, got "xml"/],
      [[table, '--to', to, '--format', 'jsonl', '--quote', 'all'], /csv: is for the format csv/],
      [[table, '--to', to, '--changes', 'insert,upsert'], /changes: expected insert, .* got "upsert"/],
      [[table, '--to', to, '--from', 'soon'], /--from expects a time/],
      [[table, '--to', to, '--restart'], /--restart needs --from/],
      [[table, '--to', to, '--settings', join(folder, 'none.json')], /cannot be read/],
    ] as const) {
      await assert.rejects(
        run(cdfExportCommand, args),
        (error: Error) => error instanceof UsageError && message.test(error.message),
      );
    }
    await assert.rejects(run(cdfExportCommand, [table, '--to', to, '--layout', 'split', '--key', 'no']), (error) =>
      isCdfError(error, 'UNSUPPORTED_TABLE'),
    );
  });

  it('is a command of two words, with help', async () => {
    assert.match(commandHelp(cdfExportCommand), /^Usage: resaca cdf export TABLE \[options\]/);
    const table = await makeTable('program');
    const { code, stdout, stderr } = await runCli(['cdf', 'export', table, '--to', join(folder, 'program-out')]);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /exported 3 versions, 5 rows/);
  });
});

describe('resaca cdf show', () => {
  it('shows the rows that changed last, or in a range, as a table and as JSON lines', async () => {
    const table = await makeTable('shown');
    const { output } = await run(cdfShowCommand, [table]);
    const lines = output
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {2,}/).slice(0, 4));
    assert.deepEqual(lines, [
      ['id', 'name', '_change_type', '_commit_version'],
      ['1', 'row 1', 'delete', '2'],
      ['2', 'row 2', 'delete', '2'],
      ['3', 'null', 'insert', '2'],
    ]);
    const json = await run(cdfShowCommand, [table, '--from', '0', '--json', '--limit', '2']);
    const [first, second, note] = json.output.trimEnd().split('\n');
    assert.deepEqual(
      [first, second].map((line) => {
        const { id, _change_type: type, _commit_version: version } = JSON.parse(line ?? '');
        return [id, type, version];
      }),
      [
        [1, 'insert', 1],
        [2, 'insert', 1],
      ],
    );
    assert.equal(note, 'resaca: the first 2 rows; --limit shows more');
  });

  it('takes times, and tells where there is nothing', async () => {
    const table = await makeTable('times');
    const { code, output } = await run(cdfShowCommand, [table, '--from', '2100-01-01']);
    assert.deepEqual([code, output], [EXIT.ok, 'resaca: no version from 3 to 2\n']);
    const all = await run(cdfShowCommand, [table, '--from', '2001-01-01', '--json']);
    assert.equal(all.output.trimEnd().split('\n').length, 5);
  });
});
