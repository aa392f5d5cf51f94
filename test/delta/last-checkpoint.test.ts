import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import {
  canonicalJson,
  lastCheckpointChecksum,
  parseLastCheckpoint,
  serializeLastCheckpoint,
} from '../../src/delta/last-checkpoint.ts';

/** Tables of delta-io/delta, written by Spark and by hand; they are not part of this repository. */
const GOLDEN = join(import.meta.dirname, '../../../shared/golden');

/** The example of PROTOCOL.md, "JSON checksum". */
const EXAMPLE = {
  k0: "'v 0'",
  checksum: 'adsaskfljadfkjadfkj',
  k1: { k2: 2, k3: ['v3', [1, 2], { k4: 'v4', k5: ['v5', 'v6', 'v7'] }] },
};

describe('the checksum of _last_checkpoint', () => {
  it('is that of the example in the protocol', () => {
    assert.equal(
      canonicalJson(EXAMPLE),
      '"k0"="%27v%200%27","k1"+"k2"=2,"k1"+"k3"+0="v3","k1"+"k3"+1+0=1,"k1"+"k3"+1+1=2,"k1"+"k3"+2+"k4"="v4",' +
        '"k1"+"k3"+2+"k5"+0="v5","k1"+"k3"+2+"k5"+1="v6","k1"+"k3"+2+"k5"+2="v7"',
    );
    assert.equal(lastCheckpointChecksum(EXAMPLE), '6a92d155a59bf2eecbd4b4ec7fd1f875');
  });

  const cases: readonly (readonly [name: string, json: object, canonical: string])[] = [
    ['literals', { a: true, b: false, c: null }, '"a"=true,"b"=false,"c"=null'],
    ['names in the order of their bytes', { b: 1, B: 2, a: { y: 3, x: 4 } }, '"B"=2,"a"+"x"=4,"a"+"y"=3,"b"=1'],
    ['what is not ASCII', { é: 'ü~-._!*()' }, '"%C3%A9"="%C3%BC~-._%21%2A%28%29"'],
    ['only the outermost checksum left out', { checksum: 1, a: { checksum: 2 } }, '"a"+"checksum"=2'],
    ['no entry for what is empty', { a: {}, b: [], c: 1 }, '"c"=1'],
    ['elements by the text of their positions', { a: Array(11).fill(0) }, elements(11)],
  ];
  for (const [name, json, canonical] of cases) {
    it(`is of ${name}`, () => assert.equal(canonicalJson(json), canonical));
  }

  if (existsSync(GOLDEN)) {
    it('is what Spark wrote', () => {
      let count = 0;
      for (const path of globSync(join(GOLDEN, '**/_last_checkpoint'))) {
        const text = readFileSync(path, 'utf8');
        if (!text.includes('"checksum"')) continue;
        const hint = JSON.parse(text) as { checksum: string };
        assert.equal(lastCheckpointChecksum(hint), hint.checksum, path);
        count++;
      }
      assert.ok(count >= 4, `only ${count} hints have a checksum`);
    });
  } else {
    it('is what Spark wrote', { skip: `optional: the folder ${GOLDEN} with the golden tables is not on this machine` });
  }
});

describe('serializeLastCheckpoint', () => {
  it('starts with the fields that belong together, and ends with the checksum of all', () => {
    const hint = { numOfAddFiles: 1, sizeInBytes: 9, parts: 2, size: 3, version: 20 };
    const text = serializeLastCheckpoint(hint);
    assert.match(
      text,
      /^\{"version":20,"size":3,"parts":2,"numOfAddFiles":1,"sizeInBytes":9,"checksum":"[0-9a-f]{32}"\}$/,
    );
    const { checksum, ...rest } = JSON.parse(text) as { checksum: string };
    assert.equal(checksum, lastCheckpointChecksum(rest));
  });

  it('is read back', () => {
    const text = serializeLastCheckpoint({ version: 7, size: -1 });
    assert.deepEqual(parseLastCheckpoint(Buffer.from(text)), { version: 7 });
  });
});

/** `"a"+0=0` and so on, 10 behind 1. */
function elements(count: number): string {
  return Array.from({ length: count }, (_, index) => `"a"+${index}`)
    .sort()
    .map((path) => `${path}=0`)
    .join(',');
}
