import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { serializeCommit } from '../../src/delta/commit-file.ts';
import { commitKey, parseLogPath } from '../../src/delta/log-path.ts';
import { newTableActions } from '../../src/delta/new-table.ts';
import { activeFiles, loadSnapshot } from '../../src/delta/snapshot.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import { type Rows, startDeltaRs } from '../support/interop/engines.ts';
import { IDS_OF_A_WRITER, ROWS_A_COMMIT, SOAK_FILE_SCHEMA } from '../support/soak-table.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, resource } from '../support/unavailable.ts';

const found = await resource(startDeltaRs);

const WRITERS = 5;
const COMMITS_EACH = 400;
const TASKS = ['optimize', 'checkpoint', 'vacuum', 'cleanLog'];
/** Turns of a process before its memory is looked at first: until then it loads its code. */
const WARM_UP = 5;
/** By how much memory that is in use may grow from then on, bytes: 2,000 commits leave less than that. */
const MAX_GROWTH = 24 * 1024 * 1024;

interface Turn {
  readonly done: number;
  readonly rss: number;
  readonly heap: number;
}

function start(script: string, ...args: readonly string[]): ChildProcess {
  const file = join(import.meta.dirname, '../support', script);
  return spawn(process.execPath, ['--expose-gc', file, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
}

async function exitOf(child: ChildProcess): Promise<void> {
  const [code] = child.exitCode === null ? await once(child, 'exit') : [child.exitCode];
  assert.equal(code, 0);
}

describe('a table in use', { skip: found.skip ?? false }, () => {
  it('has each row once after 2,000 commits of 5 writers, with all upkeep running, whose memory stays', async () => {
    const deltaRs = available(found);
    const folder = makeTempFolder();
    const table = { store: createFolderStore(folder), root: '', url: folder };
    const partition = { name: 'p', type: 'string', nullable: true, metadata: {} } as const;
    const actions = newTableActions({
      schema: { type: 'struct', fields: [...SOAK_FILE_SCHEMA.fields, partition] },
      partitionColumns: ['p'],
      configuration: { 'delta.checkpointInterval': '50' },
      id: crypto.randomUUID(),
      createdTime: Date.now(),
    });
    await table.store.putIfAbsent(commitKey(table, 0), serializeCommit([{ commitInfo: {} }, ...actions]));

    const upkeep = TASKS.map((task) => {
      const child = start('soak-upkeep.ts', folder, task);
      const turns: Turn[] = [];
      if (child.stdout !== null) createInterface(child.stdout).on('line', (line) => turns.push(JSON.parse(line)));
      return { task, child, turns };
    });
    const writers = Array.from({ length: WRITERS }, (_, writer) =>
      start('soak-writer.ts', folder, String(writer), String(COMMITS_EACH)),
    );
    await Promise.all(writers.map(exitOf));
    for (const { child } of upkeep) child.stdin?.end();
    await Promise.all(upkeep.map(({ child }) => exitOf(child)));

    const doneBy = new Map(upkeep.map(({ task, turns }) => [task, turns.reduce((sum, { done }) => sum + done, 0)]));
    assert.ok((doneBy.get('optimize') ?? 0) > 500, `compacted ${doneBy.get('optimize')} files`);
    assert.ok((doneBy.get('checkpoint') ?? 0) > 5, `wrote ${doneBy.get('checkpoint')} checkpoints`);
    for (const { task, turns } of upkeep) {
      const [first, last] = [turns[WARM_UP], turns.at(-1)];
      assert.ok(first && last && turns.length > WARM_UP, `${task} had ${turns.length} turns`);
      assert.ok(last.heap - first.heap < MAX_GROWTH, `${task} grew from ${first.heap} to ${last.heap} bytes`);
    }

    const snapshot = await loadSnapshot(table, createCheckpointReader());
    assert.ok(snapshot.version >= WRITERS * COMMITS_EACH, `version ${snapshot.version}`);
    let files = 0;
    for await (const adds of activeFiles(snapshot, createCheckpointReader())) files += adds.length;
    assert.ok(files < 1_000, `${files} files are left`);
    const versions = new Set<number>();
    for await (const { key } of table.store.list('_delta_log/')) {
      const path = parseLogPath(key);
      if (path?.kind === 'commit') versions.add(path.version);
    }
    assert.equal(versions.size, snapshot.version + 1);

    const statement =
      'SELECT count(*), count(DISTINCT id), count(DISTINCT CAST(floor(id / ' +
      `${IDS_OF_A_WRITER}) AS BIGINT)), max(id) FROM t`;
    const { rows } = (await deltaRs.call('sql', { table: folder, statement })) as Rows;
    const all = WRITERS * COMMITS_EACH * ROWS_A_COMMIT;
    const largest = (WRITERS - 1) * IDS_OF_A_WRITER + COMMITS_EACH * ROWS_A_COMMIT - 1;
    assert.deepEqual(rows, [[`${all}`, `${all}`, `${WRITERS}`, `${largest}`]]);
  });
});
