import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { UnavailableError } from '../../scripts/local-aws/unavailable-error.ts';
import { npmPackages } from '../../scripts/node-packages.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

/** A package in a folder, for which npm needs no registry. */
function localPackage(): string {
  const folder = join(makeTempFolder(), 'thing');
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{"name":"thing","version":"1.0.0","type":"module","main":"index.js"}');
  writeFileSync(join(folder, 'index.js'), 'export const answer = 42;\n');
  return `thing@file:${folder}`;
}

const PREPARE =
  "import { writeFileSync } from 'node:fs'; import { answer } from 'thing'; writeFileSync('made', String(answer));";

describe('npm packages on demand', () => {
  it('are installed once, whole, by however many ask at once', async () => {
    const cache = makeTempFolder();
    const get = (list: readonly string[]) => npmPackages('x', list, { cache, prepare: PREPARE });
    const list = [localPackage()];
    const folders = await Promise.all([get(list), get(list), get(list)]);
    assert.equal(new Set(folders).size, 1);
    const [folder = ''] = folders;
    assert.equal(readFileSync(join(folder, 'made'), 'utf8'), '42');
    writeFileSync(join(folder, 'made'), 'kept');
    assert.equal(await get(list), folder);
    assert.equal(readFileSync(join(folder, 'made'), 'utf8'), 'kept');
    assert.equal(readdirSync(cache).length, 1);
  });

  it('are unavailable where they cannot be had, and leave nothing', async () => {
    const cache = makeTempFolder();
    const list = ['thing@file:/there/is/no/such/package.tgz'];
    await assert.rejects(npmPackages('x', list, { cache }), UnavailableError);
    assert.deepEqual(readdirSync(cache), []);
  });
});
