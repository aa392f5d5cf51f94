import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import { listKeys } from '../support/store-assertions.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const WRITER = join(import.meta.dirname, '../support/folder-store-writer.ts');

describe('several processes on one folder', () => {
  it('have exactly one winner for every object, and its content stays', async () => {
    const folder = makeTempFolder();
    const writers = ['a', 'b', 'c', 'd'];
    const created = await Promise.all(writers.map((name) => linesOf(startWriter(folder, name, 100, 1000))));
    assert.deepEqual(
      created.flat().toSorted((left, right) => Number(left) - Number(right)),
      Array.from({ length: 100 }, (_, number) => String(number)),
    );
    const store = createFolderStore(folder);
    for (const [index, numbers] of created.entries()) {
      for (const number of numbers) {
        const { body } = await store.get(`log/${number}`);
        assert.equal(Buffer.from(body).toString(), (writers[index] ?? '').repeat(1000));
      }
    }
  });
});

describe('a writer that is killed half-way', () => {
  it('leaves every object whole or absent, and none that it reported missing', async () => {
    const size = 2_000_000;
    for (let round = 1; round <= 4; round += 1) {
      const folder = makeTempFolder();
      const child = startWriter(folder, 'x', 1000, size);
      const lines = linesOf(child, (line) => {
        if (line === String(round)) setTimeout(() => child.kill('SIGKILL'), round * 3);
      });
      const reported = await lines;
      const store = createFolderStore(folder);
      const present = await listKeys(store);
      for (const number of reported) assert.ok(present.includes(`log/${number}`), `object ${number} of round ${round}`);
      for (const key of present) {
        const { body } = await store.get(key);
        assert.equal(body.byteLength, size, key);
        assert.ok(
          body.every((byte) => byte === 'x'.charCodeAt(0)),
          key,
        );
      }
      assert.equal(await store.putIfAbsent(`log/${present.length}`, Buffer.from('next')), 'created');
    }
  });
});

function startWriter(folder: string, name: string, count: number, size: number): ChildProcess {
  const args = [WRITER, folder, name, String(count), String(size)];
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** The lines that the process printed until its end. */
async function linesOf(child: ChildProcess, onLine?: (line: string) => void): Promise<string[]> {
  assert.ok(child.stdout);
  const closed = once(child, 'close');
  const lines: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    lines.push(line);
    onLine?.(line);
  }
  await closed;
  return lines;
}
