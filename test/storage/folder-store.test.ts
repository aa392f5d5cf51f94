import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import { compareKeys } from '../../src/storage/keys.ts';
import { objectStoreContract } from '../support/object-store-contract.ts';
import { listKeys, rejectsWith } from '../support/store-assertions.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const TEMP_FOLDER = '.resaca-tmp';

objectStoreContract('the folder store', () => createFolderStore(makeTempFolder()));

describe('the files of a folder store', () => {
  it('have the keys as their names', async () => {
    const folder = makeTempFolder();
    await createFolderStore(folder).put('date=2026-01-02/a b+c%20=é🦆.parquet', Buffer.from('x'));
    assert.equal(readFileSync(join(folder, 'date=2026-01-02', 'a b+c%20=é🦆.parquet'), 'utf8'), 'x');
  });

  it('are made by the first write, the folder itself too', async () => {
    const folder = join(makeTempFolder(), 'not', 'yet');
    const store = createFolderStore(folder);
    assert.deepEqual(await listKeys(store), []);
    assert.equal(await store.head('a'), undefined);
    assert.equal(await store.putIfAbsent('a', Buffer.from('x')), 'created');
    assert.deepEqual(await listKeys(store), ['a']);
  });

  it('change their etag when another program writes them in place', async () => {
    const folder = makeTempFolder();
    const store = createFolderStore(folder);
    await store.put('a', Buffer.from('one'));
    const before = await store.head('a');
    writeFileSync(join(folder, 'a'), 'three');
    assert.notEqual((await store.head('a'))?.etag, before?.etag);
    await rejectsWith('PRECONDITION_FAILED', store.get('a', { ifMatch: before?.etag ?? '' }));
  });

  it('cannot have keys that lead out of the folder or into its temporary files', async () => {
    const store = createFolderStore(makeTempFolder());
    for (const key of [
      '..',
      '../a',
      'a/../../b',
      './a',
      'a/./b',
      'a//b',
      'a/',
      '.',
      `${TEMP_FOLDER}/a`,
      `a/${TEMP_FOLDER}/b`,
    ]) {
      await rejectsWith('INVALID_KEY', store.put(key, Buffer.from('x')));
      await rejectsWith('INVALID_KEY', store.putIfAbsent(key, Buffer.from('x')));
      await rejectsWith('INVALID_KEY', store.get(key));
      await rejectsWith('INVALID_KEY', store.head(key));
      await rejectsWith('INVALID_KEY', store.delete(key));
    }
  });

  it('cannot stand where a folder is, nor below a file', async () => {
    const store = createFolderStore(makeTempFolder());
    await store.put('a/b', Buffer.from('x'));
    for (const key of ['a', 'a/b/c', 'a/b/c/d']) {
      await rejectsWith('INVALID_KEY', store.put(key, Buffer.from('y')));
      await rejectsWith('INVALID_KEY', store.putIfAbsent(key, Buffer.from('y')));
      await store.delete(key);
    }
    assert.deepEqual(await listKeys(store), ['a/b']);
  });

  it('are refused with INVALID_KEY where a name is too long for the file system', async () => {
    const store = createFolderStore(makeTempFolder());
    await rejectsWith('INVALID_KEY', store.put('x'.repeat(300), Buffer.from('y')));
  });
});

describe('listing a folder store', () => {
  it('shows no empty folders, links, pipes and temporary files', async () => {
    const folder = makeTempFolder();
    const store = createFolderStore(folder);
    await store.put('a/file', Buffer.from('x'));
    mkdirSync(join(folder, 'empty', 'deeper'), { recursive: true });
    symlinkSync(join(folder, 'a'), join(folder, 'folder-link'));
    symlinkSync(join(folder, 'a', 'file'), join(folder, 'file-link'));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    writeFileSync(join(folder, TEMP_FOLDER, 'half-written'), 'x');
    assert.deepEqual(await listKeys(store), ['a/file']);
    await rejectsWith('NOT_FOUND', store.get('pipe'));
    assert.equal(await store.head('pipe'), undefined);
  });

  it('leaves out names that are not UTF-8', async () => {
    const folder = makeTempFolder();
    const store = createFolderStore(folder);
    await store.put('b', Buffer.from('x'));
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/a`), Buffer.from([0xff])]), 'x');
    assert.deepEqual(await listKeys(store), ['b']);
  });

  it('does not read folders outside the prefix or before startAfter', async () => {
    const folder = makeTempFolder();
    const store = createFolderStore(folder);
    for (const key of ['a/1', 'b/1', 'b/2', 'c/1']) await store.put(key, Buffer.from('x'));
    // A folder that goes away while it is listed is shown as empty: what is still listed was not read before.
    const listed = store.list('', { startAfter: 'b/1' })[Symbol.asyncIterator]();
    assert.equal((await listed.next()).value?.key, 'b/2');
    rmSync(join(folder, 'c'), { recursive: true });
    assert.equal((await listed.next()).done, true);
  });

  it('agrees with a sort of all keys, whatever the names, the prefix and the start', async () => {
    const segment = fc.stringMatching(/^[ab!.0é-]{1,2}$/).filter((name) => name !== '.' && name !== '..');
    const key = fc.array(segment, { minLength: 1, maxLength: 3 }).map((segments) => segments.join('/'));
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(key, { maxLength: 12 }), fc.string(), key, async (names, cut, startAfter) => {
        const folder = makeTempFolder();
        const present = names.filter((name) => writeIfPossible(folder, name)).toSorted(compareKeys);
        const prefix = startAfter.slice(0, cut.length % (startAfter.length + 1));
        const expected = present.filter((name) => name.startsWith(prefix) && compareKeys(name, startAfter) > 0);
        const listed = await Array.fromAsync(
          createFolderStore(folder).list(prefix, { startAfter }),
          (info) => info.key,
        );
        assert.deepEqual(listed, expected);
      }),
      { numRuns: 150 },
    );
  });
});

describe('symbolic links in a folder store', () => {
  it('are not followed, wherever they are in the path', async () => {
    const outside = makeTempFolder();
    writeFileSync(join(outside, 'secret'), 'secret');
    const folder = makeTempFolder();
    const store = createFolderStore(folder);
    symlinkSync(outside, join(folder, 'link'));
    symlinkSync(join(outside, 'secret'), join(folder, 'file-link'));
    for (const key of ['link/secret', 'file-link']) {
      await rejectsWith('NOT_FOUND', store.get(key));
      assert.equal(await store.head(key), undefined);
      await rejectsWith('INVALID_KEY', store.putIfAbsent(key, Buffer.from('x')));
      await store.delete(key);
    }
    await rejectsWith('INVALID_KEY', store.put('link/new', Buffer.from('x')));
    await rejectsWith('INVALID_KEY', store.put('link/new/deeper', Buffer.from('x')));
    await store.put('file-link', Buffer.from('replaces the link'));
    assert.deepEqual(await Array.fromAsync(store.list('link/')), []);
    assert.deepEqual(readdirSync(outside), ['secret']);
    assert.equal(readFileSync(join(outside, 'secret'), 'utf8'), 'secret');
  });

  it('may be the folder itself', async () => {
    const folder = makeTempFolder();
    const link = join(makeTempFolder(), 'link');
    symlinkSync(folder, link);
    const store = createFolderStore(link);
    await store.put('a/b', Buffer.from('x'));
    assert.deepEqual(await listKeys(store), ['a/b']);
    assert.equal((await store.get('a/b')).size, 1);
  });
});

describe('temporary files of a folder store', () => {
  it('are gone after every write, also a refused one', async () => {
    const folder = makeTempFolder();
    const store = createFolderStore(folder);
    await store.put('a/b', Buffer.from('x'));
    await store.putIfAbsent('c', Buffer.from('x'));
    await Promise.all([1, 2, 3].map(() => store.putIfAbsent('race', Buffer.from('x'))));
    await rejectsWith('INVALID_KEY', store.put('a', Buffer.from('x')));
    assert.deepEqual(readdirSync(join(folder, TEMP_FOLDER)), []);
  });

  it('that a crash left are removed by a later store once they are an hour old', async () => {
    const folder = makeTempFolder();
    mkdirSync(join(folder, TEMP_FOLDER));
    writeFileSync(join(folder, TEMP_FOLDER, 'old'), 'x');
    writeFileSync(join(folder, TEMP_FOLDER, 'young'), 'x');
    const twoHoursAgo = Date.now() / 1000 - 2 * 60 * 60;
    utimesSync(join(folder, TEMP_FOLDER, 'old'), twoHoursAgo, twoHoursAgo);
    await createFolderStore(folder).put('a', Buffer.from('x'));
    assert.deepEqual(readdirSync(join(folder, TEMP_FOLDER)), ['young']);
  });
});

/** Writes a file unless a folder is in its place or a file in its way. */
function writeIfPossible(folder: string, key: string): boolean {
  try {
    mkdirSync(join(folder, key, '..'), { recursive: true });
    writeFileSync(join(folder, key), 'x');
    return true;
  } catch {
    return false;
  }
}
