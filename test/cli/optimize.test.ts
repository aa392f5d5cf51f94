import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseCommandLine, UsageError } from '../../src/cli/args.ts';
import { type Command, commandHelp } from '../../src/cli/command.ts';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { createOptimizeCommand } from '../../src/cli/optimize/command.ts';
import { type OptimizeRequest, parseRequest } from '../../src/cli/optimize/request.ts';
import { createTerminal } from '../../src/cli/terminal.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import { createPipeline } from '../support/interop/pipeline.ts';
import { parquet, rowsOf } from '../support/landing.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const optimizeCommand = createOptimizeCommand();

const folder = makeTempFolder();

/** Runs the command in this process. */
async function run(args: readonly string[], command: Command = optimizeCommand, signal = new AbortController().signal) {
  let output = '';
  const write = (text: string): boolean => {
    output += text;
    return true;
  };
  const stream = { write } as unknown as NodeJS.WritableStream;
  const code = await command.run(parseCommandLine(args, command), {
    terminal: createTerminal(stream, stream),
    signal,
    ask: undefined,
  });
  return { code, output };
}

/** A table of three small files in each of two partitions. */
async function makeTable(name: string): Promise<string> {
  mkdirSync(join(folder, name));
  const store = createFolderStore(folder);
  const keys = [0, 1, 2, 3, 4, 5].map((file) => `${name}/ds=2026-11-2${file % 2}/${file}.parquet`);
  for (const [file, key] of keys.entries()) await store.put(key, parquet(rowsOf(10 * file, 10)));
  await createPipeline(store).append(...keys);
  return join(folder, name);
}

describe('resaca optimize', () => {
  it('says what it would do, does it, and has nothing to do then', async () => {
    const table = await makeTable('text');
    const planned = await run([table, '--dry-run']);
    assert.match(planned.output, /6 files would become 2, [\d.]+ kB\n/);
    assert.match(planned.output, / {2}ds=2026-11-20 {2}3 -> 1 file {2}/);
    const done = await run([table]);
    assert.equal(done.code, EXIT.ok);
    assert.match(done.output, /6 files became 2, [\d.]+ kB became [\d.]+ kB \(version 1\)/);
    assert.match(done.output, / {2}ds=2026-11-21 {2}3 -> 1 file {2,}[\d.]+ kB -> [\d.]+ B/);
    assert.match((await run([table])).output, /no small files to put together/);
  });

  it('prints all of it as JSON', async () => {
    const table = await makeTable('json');
    const { output } = await run([table, '--json', '--where', 'ds=2026-11-20']);
    const result = JSON.parse(output);
    assert.deepEqual([result.filesRemoved, result.rows, result.versions], [3, 30, [1]]);
    assert.deepEqual(result.partitions[0].partitionValues, { ds: '2026-11-20' });
  });

  it('tells of files that it left alone, by its exit code too', async () => {
    const table = await makeTable('left');
    const store = createFolderStore(folder);
    await store.put('left/ds=2026-11-20/0.parquet', Buffer.from('something else'));
    const { code, output } = await run([table]);
    assert.equal(code, EXIT.incomplete);
    assert.match(
      output,
      /1 small file left alone:\n {2}ds=2026-11-20\/0.parquet: the file \(14 bytes\) does not end with/,
    );
  });

  it('commits nothing more once it is interrupted', async () => {
    const table = await makeTable('stop');
    const controller = new AbortController();
    controller.abort();
    const { output } = await run([table], optimizeCommand, controller.signal);
    assert.match(output, /Left for the next run: 2 files to make of/);
  });

  it('hands the request to Spark where there is one', async () => {
    const table = await makeTable('spark');
    await assert.rejects(run([table, '--engine', 'spark']), /--engine spark is not set up here/);
    const requests: OptimizeRequest[] = [];
    const command = createOptimizeCommand({
      async spark(_, request) {
        requests.push(request);
        return EXIT.ok;
      },
    });
    await run([table, '--engine', 'spark', '--target-size', '1GiB', '--where', 'ds>=2026-11-21'], command);
    assert.equal(requests[0]?.options.targetSize, 2 ** 30);
    assert.deepEqual(requests[0]?.options.where, [{ column: 'ds', operator: '>=', value: '2026-11-21' }]);
  });

  it('reads its options', () => {
    const args = [
      't',
      '--z-order',
      'a, b',
      '--max-time',
      '10m',
      '--max-bytes',
      '5GB',
      '--older-than',
      '1h',
      '--min-files',
      '5',
      '--min-file-size',
      '1000',
    ];
    const { options, ...request } = parseRequest(parseCommandLine(args, optimizeCommand));
    assert.deepEqual(request, { location: 't', engine: 'local', dryRun: false, json: false, maxTime: 600_000 });
    assert.deepEqual(options, {
      where: [],
      dropUnknownColumns: false,
      order: { kind: 'z-order', columns: ['a', 'b'] },
      maxBytes: 5e9,
      minAge: 3_600_000,
      minInputFiles: 5,
      minFileSize: 1000,
    });
  });

  for (const args of [
    ['--target-size', '12 parsecs'],
    ['--target-size', '0'],
    ['--max-time', '10'],
    ['--where', 'ds'],
    ['--sort-by', 'a,,b'],
    ['--sort-by', 'a', '--z-order', 'b'],
    ['--engine', 'presto'],
    ['--min-files', '1'],
  ]) {
    it(`refuses ${args.join(' ')}`, () => {
      assert.throws(() => parseRequest(parseCommandLine(['t', ...args], optimizeCommand)), UsageError);
    });
  }

  it('refuses what the table shows to be wrong', async () => {
    const table = await makeTable('wrong');
    await assert.rejects(
      run([table, '--where', 'x=1']),
      (error) => error instanceof UsageError && /"x" is not a partition column/.test(error.message),
    );
    await assert.rejects(run([table, '--sort-by', 'nope']), UsageError);
  });

  it('has a help', () => {
    const help = commandHelp(optimizeCommand);
    assert.match(help, /Usage: resaca optimize TABLE/);
    assert.ok(help.split('\n').every((line) => line.length <= 80 || line.startsWith('  resaca')));
  });
});
