import assert from 'node:assert/strict';
import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { parseCommandLine } from '../../src/cli/args.ts';
import { kafkaReplayCommand } from '../../src/cli/kafka-replay/command.ts';
import { createTerminal } from '../../src/cli/terminal.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import { type BronzeWorld, createBronzeWorld, kafkaRecord, kafkaRecords } from '../support/bronze-world.ts';
import { failedInvocation, mskEvent } from '../support/kafka-events.ts';
import { runCli } from '../support/run-cli.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const invalid = { value: Uint8Array.of(0xff) };
const STRING = { topics: [{ topic: '*', value: 'string' }] };

/** A folder with the tables of a world, another with failed batches, and a configuration file. */
async function prepare(world: BronzeWorld, tables: object) {
  const lake = makeTempFolder();
  const failed = makeTempFolder();
  const store = createFolderStore(lake);
  for await (const { key } of world.store.list('')) await store.put(key, (await world.store.get(key)).body);
  const config = join(makeTempFolder(), 'kafka.json');
  const consumer = { brokers: ['localhost:9092'], topics: ['*'], group: 'g', storage: { folder: lake }, tables };
  writeFileSync(config, JSON.stringify(consumer));
  return {
    lake,
    failed,
    config,
    fail: (name: string, ...records: Parameters<typeof mskEvent>[0]) =>
      writeFileSync(join(failed, name), JSON.stringify(failedInvocation(mskEvent(records)))),
    replay: (...args: string[]) => runCli(['kafka', 'replay', '--config', config, ...args]),
    orphans: (...args: string[]) => runCli(['kafka', 'orphans', ...args]),
  };
}

describe('resaca kafka replay', { concurrency: 2 }, () => {
  it('replays batches: first dry, then in earnest, then with nothing left to do', async () => {
    const world = createBronzeWorld({ config: STRING });
    await world.deliver(...kafkaRecords(0, 3));
    const { lake, failed, fail, replay } = await prepare(world, STRING);
    fail('a', ...kafkaRecords(2, 5), kafkaRecord(5, invalid));
    fail('b', kafkaRecord(0, { topic: 'hits' }));

    const dry = await replay(failed, '--dry-run');
    assert.equal(dry.code, 3, dry.stderr);
    assert.match(dry.stdout, /^Would replay 5 records of 2 objects\n/);
    assert.match(dry.stdout, /\/bronze\/web +4 records: +1 present, +2 to be written, +failed: 1 INVALID_UTF8\n/);
    assert.match(dry.stdout, /\/bronze\/hits +1 records: +0 present, +1 to be written, +none failed\n/);

    const { code, stdout, stderr } = await replay(failed, '--delete', '--json');
    assert.equal(code, 3, stderr);
    const result = JSON.parse(stdout);
    assert.deepEqual([result.dryRun, result.objects, result.records, result.deleted], [false, 2, 5, 2]);
    assert.deepEqual(
      result.tables.find(({ table }: { table: string }) => table.endsWith('web')),
      {
        table: `${lake}/bronze/web`,
        records: 4,
        present: 1,
        written: 2,
        dropped: 0,
        failed: { INVALID_UTF8: 1 },
        errors: [],
      },
    );
    const again = await replay(failed);
    assert.deepEqual([again.code, again.stdout], [0, 'Replayed 0 records of 0 objects\n']);
  });

  it('replays the dead letters of the tables that are named, or of all', async () => {
    const config = {
      topics: [
        { topic: 'a', value: 'string' },
        { topic: '*', value: 'string' },
      ],
    };
    const world = createBronzeWorld({ config });
    await world.deliver(kafkaRecord(0, { topic: 'a', ...invalid }), kafkaRecord(1, { topic: 'b', ...invalid }));
    await world.deliver(kafkaRecord(2, { topic: 'c', ...invalid }), kafkaRecord(3, { topic: 'd' }));
    const { replay, lake } = await prepare(world, {
      topics: [
        { topic: 'c', value: 'string' },
        { topic: '*', value: 'omit' },
      ],
    });

    const none = await replay('--dead-letters', '--code', 'OTHER', '--json');
    assert.equal(none.code, 0, none.stderr);
    assert.deepEqual(
      JSON.parse(none.stdout).deadLetters.map(({ table, letters }: { table: string; letters: number }) => [
        table,
        letters,
      ]),
      ['a', 'b', 'c'].map((topic) => [`${lake}/bronze/${topic}__dead_letters`, 0]),
    );
    const one = await replay('--dead-letters', 'bronze/a', '--code', 'INVALID_UTF8');
    assert.equal(one.code, 0, one.stderr);
    assert.match(
      one.stdout,
      /bronze\/a__dead_letters: 1 letter, 1 taken out\n +.*\/bronze\/a +1 records: .* 1 written,/,
    );
    const all = await replay('--dead-letters');
    assert.equal(all.code, 3, all.stderr);
    assert.match(all.stdout, /bronze\/a__dead_letters: 0 letters, 0 taken out\n/);
    assert.match(all.stdout, /bronze\/b__dead_letters: 1 letter, 1 taken out\n/);
    assert.match(all.stdout, /bronze\/c__dead_letters: 1 letter, 0 taken out\n/);
    assert.match(all.stdout, /bronze\/c +1 records: +0 present, +0 written, +failed: 1 INVALID_UTF8\n/);
  });

  it('takes the configuration of the function, too', async () => {
    const config = join(makeTempFolder(), 'config.json');
    writeFileSync(config, JSON.stringify({ bucket: 'lake', topics: [{ topic: '*', valu: 'string' }] }));
    const message = /config\.json: the configuration has 1 problem:\n- topics\[0\]\.valu: is not a setting/;
    await assert.rejects(run(['--config', config, makeTempFolder()]), { name: 'UsageError', message });
  });

  it('names objects that it cannot replay', async () => {
    const { failed, replay } = await prepare(createBronzeWorld(), {});
    writeFileSync(join(failed, 'x\u001b[31m.json'), '{"KafkaBatchInfo":{}}');
    const { code, stderr } = await replay(failed);
    assert.equal(code, 3);
    assert.match(
      stderr,
      /1 object that cannot be replayed:\n {2}x\\x1b\[31m\.json: the invocation record has no payload/,
    );
  });

  it('says what is wrong with the command line', async () => {
    const { config } = await prepare(createBronzeWorld(), {});
    const cases: readonly (readonly [RegExp, readonly string[]])[] = [
      [/SOURCE is missing/, []],
      [/--delete belongs to batches/, ['--dead-letters', '--delete']],
      [/--code needs --dead-letters/, ['--code', 'X', 's3://lake/failed']],
      [/--limit expects a whole number from 1/, ['--dead-letters', '--limit', '0']],
      [/there is no folder "nowhere"/, ['nowhere']],
    ];
    for (const [message, args] of cases) {
      await assert.rejects(run(['--config', config, ...args]), { name: 'UsageError', message });
    }
    await assert.rejects(run(['--dead-letters']), { name: 'UsageError', message: /--config FILE/ });
    writeFileSync(config, 'no');
    await assert.rejects(run(['--config', config, '--dead-letters']), {
      name: 'UsageError',
      message: /kafka\.json: .*JSON/,
    });
  });
});

/** The command in this process. */
async function run(args: readonly string[]): Promise<number> {
  const terminal = createTerminal(new PassThrough(), new PassThrough());
  const { signal } = new AbortController();
  return kafkaReplayCommand.run(parseCommandLine(args, kafkaReplayCommand), { terminal, signal, ask: undefined });
}

describe('resaca kafka orphans', () => {
  it('lists old files that no commit has, and apart from them those that the log has removed', async () => {
    const world = createBronzeWorld();
    await world.deliver(...kafkaRecords(0, 3));
    const { lake, config, orphans } = await prepare(world, {});
    const folder = join(lake, 'bronze/web/ingest_date=2026-11-24');
    const long = new Date(Date.now() - 2 * 3_600_000);
    writeFileSync(join(folder, 'crashed.parquet'), 'x');
    writeFileSync(join(folder, 'young.parquet'), 'x');
    utimesSync(join(folder, 'crashed.parquet'), long, long);
    const { code, stdout, stderr } = await orphans('--config', config, 'bronze/web', '--json');
    assert.equal(code, 0, stderr);
    const { tables } = JSON.parse(stdout);
    assert.deepEqual(
      tables[0].files.map(({ path, kind }: { path: string; kind: string }) => [path, kind]),
      [['ingest_date=2026-11-24/crashed.parquet', 'orphan']],
    );
    const text = await orphans(join(lake, 'bronze/web'), '--older-than', '0s');
    assert.match(text.stdout, /2 files that no commit has, 2 B\n.*crashed\.parquet"\n.*young\.parquet"\n$/);
    const wrong = await orphans('--older-than', 'x', join(lake, 'bronze/web'), lake);
    assert.deepEqual([wrong.code, /--older-than expects a time/.test(wrong.stderr)], [2, true]);
  });
});
