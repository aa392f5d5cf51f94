import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseCommandLine, UsageError } from '../../src/cli/args.ts';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { createOptimizeCommand } from '../../src/cli/optimize/command.ts';
import { createRunOnSpark, runOnSpark } from '../../src/cli/optimize/run-on-spark.ts';
import { createTerminal } from '../../src/cli/terminal.ts';
import type { SparkJobOutcome } from '../../src/spark/jobs.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import { createPipeline } from '../support/interop/pipeline.ts';
import { parquet, rowsOf } from '../support/landing.ts';
import { createSparkStandIn } from '../support/spark-stand-in.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

/** A table of three small files, and a command whose Spark is a stand-in. */
async function createWorld(outcome?: () => SparkJobOutcome) {
  const folder = makeTempFolder();
  mkdirSync(join(folder, 'orders'));
  const files = createFolderStore(folder);
  for (const name of ['a', 'b', 'c']) await files.put(`orders/${name}.parquet`, parquet(rowsOf(0, 2)));
  await createPipeline(files).append('orders/a.parquet', 'orders/b.parquet', 'orders/c.parquet');
  const location = join(folder, 'orders');
  const { jobs, started } = createSparkStandIn({
    table: { store: createFolderStore(location), root: '', url: location },
    ...(outcome !== undefined && { outcome }),
  });
  const command = createOptimizeCommand({ spark: createRunOnSpark(async () => jobs) });

  async function run(args: readonly string[], signal = new AbortController().signal, used = command) {
    let output = '';
    const write = (text: string): boolean => {
      output += text;
      return true;
    };
    const stream = { write } as unknown as NodeJS.WritableStream;
    const code = await used.run(parseCommandLine([location, '--engine', 'spark', ...args], used), {
      terminal: createTerminal(stream, stream),
      signal,
      ask: undefined,
    });
    return { code, output };
  }

  return { location, run, started };
}

describe('resaca optimize --engine spark', () => {
  it('says what it would do, has it done, and has nothing to do then', async () => {
    const { run, started, location } = await createWorld();
    const planned = await run(['--dry-run']);
    assert.match(planned.output, /orders: 3 files would be rewritten in 1 bin, [\d.]+ kB\n$/);
    assert.equal(started.length, 0);
    const done = await run([]);
    assert.match(done.output, /orders: 3 files became 1, [\d.]+ kB became [\d.]+ k?B \(1 commit\)\n$/);
    const [, , url] = started[0]?.arguments ?? [];
    assert.equal(url, `file://${location}`);
    assert.deepEqual([done.code, (await run([])).output], [EXIT.ok, `${location}: no small files to put together\n`]);
  });

  it('prints one JSON object', async () => {
    const { run, location } = await createWorld();
    const planned = JSON.parse((await run(['--json', '--dry-run'])).output);
    assert.deepEqual([planned.dryRun, planned.bins, planned.files], [true, 1, 3]);
    const { table, state, filesRemoved, versions } = JSON.parse((await run(['--json'])).output);
    assert.deepEqual([table, state, filesRemoved, versions], [location, 'done', 3, [1]]);
  });

  it('stops waiting at an interrupt, and goes on when it is called again', async () => {
    let ended = false;
    const { run, started } = await createWorld(() =>
      ended ? { kind: 'succeeded' } : { kind: 'running', state: 'RUNNING' },
    );
    const interrupted = await run([], AbortSignal.abort());
    assert.deepEqual(
      [interrupted.code, interrupted.output],
      [EXIT.incomplete, 'the Spark job job-1 is running: the same command goes on with it\n'],
    );
    ended = true;
    assert.deepEqual([(await run([])).code, started.length], [EXIT.ok, 1]);
  });

  it('refuses what only the local engine has, and columns that are none', async () => {
    const { run, started } = await createWorld();
    const local = ['--min-files', '3', '--max-bytes', '1GiB', '--drop-unknown-columns', '--sort-by', 'id'];
    await assert.rejects(run(local), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(
        error.message,
        /^--min-files, --max-bytes, --drop-unknown-columns, --sort-by: only the local engine/,
      );
      return true;
    });
    await assert.rejects(run(['--z-order', 'nix']), UsageError);
    await assert.rejects(run(['--where', 'nix=1']), UsageError);
    assert.equal(started.length, 0);
  });

  it('asks for the application where the environment names none', async () => {
    const { run } = await createWorld();
    const used = createOptimizeCommand({ spark: runOnSpark });
    await assert.rejects(run([], undefined, used), /needs the application in RESACA_SPARK_APPLICATION_ID/);
  });
});
