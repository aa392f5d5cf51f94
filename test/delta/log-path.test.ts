import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { commitKey, type LogPath, parseLogPath, versionName } from '../../src/delta/log-path.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';

const UUID = '80a083e8-7026-4e79-81be-64bd76c43a11';
const V10 = '00000000000000000010';

const NAMES: readonly (readonly [name: string, path: LogPath | undefined])[] = [
  [`${V10}.json`, { kind: 'commit', version: 10 }],
  ['00000000000000000000.json', { kind: 'commit', version: 0 }],
  [`_staged_commits/${V10}.${UUID}.json`, { kind: 'stagedCommit', version: 10, uuid: UUID }],
  [`${V10}.00000000000000000012.compacted.json`, { kind: 'compacted', start: 10, end: 12 }],
  [`${V10}.checkpoint.parquet`, { kind: 'classicCheckpoint', version: 10 }],
  [`${V10}.checkpoint.0000000002.0000000003.parquet`, { kind: 'multiPartCheckpoint', version: 10, part: 2, parts: 3 }],
  [`${V10}.checkpoint.${UUID}.parquet`, { kind: 'v2Checkpoint', version: 10, uuid: UUID, format: 'parquet' }],
  [`${V10}.checkpoint.${UUID}.json`, { kind: 'v2Checkpoint', version: 10, uuid: UUID, format: 'json' }],
  [`${V10}.crc`, { kind: 'checksum', version: 10 }],
  ['_last_checkpoint', { kind: 'lastCheckpoint' }],
  [`_sidecars/${UUID}.parquet`, { kind: 'sidecar', name: `${UUID}.parquet` }],
  [`.tmp/${V10}.json.${UUID}`, { kind: 'temporary', target: `${V10}.json` }],
  ['.tmp/something', { kind: 'temporary' }],
  [`.${V10}.json.${UUID}.tmp`, { kind: 'temporary', target: `${V10}.json` }],
  [`_commit_${UUID}.json.tmp`, { kind: 'temporary' }],

  // A version of another width, or one that no table can have reached.
  ['10.json', undefined],
  ['000000000000000000010.json', undefined],
  ['99999999999999999999.json', undefined],
  // Ranges and parts that cannot be.
  [`${V10}.${V10}.compacted.json`, undefined],
  [`${V10}.00000000000000000009.compacted.json`, undefined],
  [`${V10}.checkpoint.0000000000.0000000003.parquet`, undefined],
  [`${V10}.checkpoint.0000000004.0000000003.parquet`, undefined],
  [`${V10}.checkpoint.1.3.parquet`, undefined],
  // Others.
  [`${V10}.checkpoint.json`, undefined],
  [`${V10}.json.bak`, undefined],
  [`.${V10}.json.crc`, undefined],
  [`sub/${V10}.json`, undefined],
  [`_sidecars/sub/${UUID}.parquet`, undefined],
  [`_staged_commits/${V10}.json`, undefined],
  ['', undefined],
];

describe('parseLogPath', () => {
  for (const [name, expected] of NAMES) {
    it(`reads "${name}" as ${expected?.kind ?? 'no log file'}`, () => {
      for (const folder of ['_delta_log', 'lake/_delta_log', 's3://bucket/a b/_delta_log']) {
        assert.deepEqual(parseLogPath(`${folder}/${name}`), expected, folder);
      }
    });
  }

  it('knows no log file outside of a _delta_log folder', () => {
    for (const key of [`${V10}.json`, `lake/${V10}.json`, `x_delta_log/${V10}.json`, '_delta_log']) {
      assert.equal(parseLogPath(key), undefined, key);
    }
  });

  it('takes the innermost log of nested tables', () => {
    assert.deepEqual(parseLogPath(`_delta_log/t/_delta_log/${V10}.json`), { kind: 'commit', version: 10 });
  });
});

describe('versionName', () => {
  it('sorts as versions do, and is read back from a commit key', () => {
    const table = { store: createMemoryStore(), root: 'a/b', url: 's3://bucket/a/b' };
    const version = fc.maxSafeNat();
    fc.assert(
      fc.property(version, version, (a, b) => {
        assert.equal(versionName(a) < versionName(b), a < b);
        assert.deepEqual(parseLogPath(commitKey(table, a)), { kind: 'commit', version: a });
      }),
    );
  });
});
