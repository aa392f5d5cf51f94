import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parquet, rowsOf } from '../support/landing.ts';
import { checkpointLanded, deleteFile, landFile, readLanded, runOnce } from '../support/local-landing.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const KILLS = 10;
const SERVICE = join(import.meta.dirname, '../support/local-service.ts');
const TABLES = ['plain', 'parted'];
const FIRST_COMMIT = 'plain/_delta_log/00000000000000000000.json';

/** Starts the service as a process and waits until it serves. */
async function spawnService(folder: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [SERVICE, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`the service ended by itself with code ${code}`);
  });
  await Promise.race([once(child.stdout, 'data'), failed]);
  failed.catch(() => undefined);
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** Lets files land, and some of them be deleted, until it is stopped. */
function startLoad(folder: string) {
  const present: string[] = [];
  const deleted: string[] = [];
  const stopping = new AbortController();

  async function run(): Promise<void> {
    for (let index = 0; !stopping.signal.aborted; index += 1) {
      const key = index % 2 === 0 ? `plain/${index}.parquet` : `parted/p=${index % 5}/${index}.parquet`;
      const body = parquet(rowsOf(index * 10, 10));
      if (index % 7 === 3) await writeInPieces(join(folder, key), body);
      else landFile(folder, key, body);
      present.push(key);
      if (index % 6 === 5) {
        const [victim] = present.splice(Math.floor(Math.random() * present.length), 1);
        if (victim !== undefined) {
          deleteFile(folder, victim);
          deleted.push(victim);
        }
      }
      await sleep(12);
    }
  }

  const running = run();
  return {
    present,
    deleted,
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

async function writeInPieces(path: string, body: Uint8Array): Promise<void> {
  const half = Math.floor(body.byteLength / 2);
  mkdirSync(join(path, '..'), { recursive: true });
  appendFileSync(path, body.subarray(0, half));
  await sleep(30);
  appendFileSync(path, body.subarray(half));
}

describe('the service, killed at any moment under load', () => {
  it('loses no file and adds none twice', async () => {
    const folder = makeTempFolder();
    const load = startLoad(folder);
    try {
      for (let round = 0; round < KILLS; round += 1) {
        const service = await spawnService(folder);
        await sleep(Math.random() * 400);
        await kill(service);
        if (round % 4 === 3 && existsSync(join(folder, FIRST_COMMIT))) await checkpointLanded(folder, 'plain');
      }
    } finally {
      await load.stop();
    }
    const last = await runOnce(folder);
    assert.equal(last.status().deadLetters, 0);

    for (const root of TABLES) {
      const { active, adds } = await readLanded(folder, root);
      const below = (keys: readonly string[]) =>
        keys.filter((key) => key.startsWith(`${root}/`)).map((key) => key.slice(root.length + 1));
      const present = below(load.present);
      assert.ok(present.length > 20, `${present.length} files landed in ${root}`);
      assert.deepEqual(
        [...active.keys()].sort(),
        present.sort(),
        `the active files of ${root} are those that are there`,
      );
      const twice = [...adds].filter(([, times]) => times > 1);
      assert.deepEqual(twice, [], `files of ${root} that were added more than once`);
      assert.ok(below(load.deleted).every((path) => !active.has(path)));
    }
    const leftovers = readdirSync(join(folder, 'parted/_delta_log')).filter((name) => !/^\d{20}\.json$/.test(name));
    assert.deepEqual(leftovers, []);
  });
});
