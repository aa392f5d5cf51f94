import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import {
  DUCKDB_INTEGRITY,
  DUCKDB_VERSION,
  type DuckDbArchitecture,
  duckDbLibrary,
  duckDbPackage,
} from '../../infra/constructs/duckdb-library.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const ROOT = join(import.meta.dirname, '../..');

/** A project in which nothing is installed. */
function emptyProject() {
  const from = makeTempFolder();
  writeFileSync(join(from, 'package.json'), '{}');
  return { from, cache: join(from, 'cache') };
}

/** What a registry has that is not what it should be. */
function packOther(_name: string, _version: string, folder: string): string {
  mkdirSync(join(folder, 'other/package'), { recursive: true });
  writeFileSync(join(folder, 'other/package/libduckdb.so'), 'other');
  execFileSync('tar', ['-czf', join(folder, 'other.tgz'), '-C', join(folder, 'other'), 'package']);
  return join(folder, 'other.tgz');
}

describe('the library of DuckDB for the function', () => {
  it('is of the version and digest that the lock file has', () => {
    const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
    for (const architecture of Object.keys(DUCKDB_INTEGRITY) as DuckDbArchitecture[]) {
      const { version, integrity } = packages[`node_modules/${duckDbPackage(architecture)}`];
      assert.deepEqual({ version, integrity }, { version: DUCKDB_VERSION, integrity: DUCKDB_INTEGRITY[architecture] });
    }
  });

  it('is the installed one, where there is one', { skip: process.platform !== 'linux' }, () => {
    const architecture = process.arch === 'arm64' ? 'arm64' : 'x64';
    assert.equal(duckDbLibrary(architecture), join(ROOT, 'node_modules', duckDbPackage(architecture)));
  });

  it('is not an installed one of another version', () => {
    const { from, cache } = emptyProject();
    const folder = join(from, 'node_modules', duckDbPackage('arm64'));
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{"version":"1.0.0"}');
    const fetch = () => {
      throw new Error('asked the registry');
    };
    assert.throws(() => duckDbLibrary('arm64', { from, cache, fetch }), /asked the registry/);
  });

  it('is not taken from the registry where it is another than the lock file has', () => {
    const { from, cache } = emptyProject();
    assert.throws(
      () => duckDbLibrary('arm64', { from, cache, fetch: packOther }),
      /the registry gave another package: expected sha512-3jnU.*set medallion\.architecture to "x86_64"/s,
    );
    assert.deepEqual(readdirSync(cache), []);
  });

  it('is fetched once', () => {
    const { from, cache } = emptyProject();
    const kept = join(cache, `duckdb-${DUCKDB_VERSION}-linux-arm64`);
    mkdirSync(kept, { recursive: true });
    const fetch = () => assert.fail('asked the registry');
    assert.equal(duckDbLibrary('arm64', { from, cache, fetch }), kept);
    assert.ok(existsSync(kept));
  });
});
