import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import type { DeletionVector } from '../../src/delta/actions.ts';
import { activeFiles, loadSnapshot } from '../../src/delta/snapshot.ts';
import { readDeletionVector } from '../../src/maintenance/optimize/deletion-vector.ts';
import { DeletionVectorError } from '../../src/maintenance/optimize/deletion-vector-error.ts';
import { readRoaringArray } from '../../src/maintenance/optimize/roaring.ts';
import { decodeZ85 } from '../../src/maintenance/optimize/z85.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import { createOptimizeWorld } from './optimize-world.ts';

/** A container as the format has it. */
type Form = 'list' | 'bits' | 'runs';

/** A RoaringBitmapArray of one bitmap, with each container in the form that is asked for, as far as it can have it. */
function roaring(rows: readonly number[], forms: readonly Form[]): Buffer {
  const groups = new Map<number, number[]>();
  for (const row of rows) groups.set(row >> 16, [...(groups.get(row >> 16) ?? []), row & 0xffff]);
  const containers = [...groups].map(([key, values], index) => {
    const wanted = forms[index % forms.length] ?? 'list';
    const form: Form = wanted === 'runs' ? 'runs' : values.length > 4096 ? 'bits' : 'list';
    return { key, values, form, bytes: container(values, form) };
  });
  const hasRuns = containers.some(({ form }) => form === 'runs');
  const flags = Buffer.alloc(hasRuns ? Math.ceil(containers.length / 8) : 0);
  if (hasRuns)
    for (const [index, { form }] of containers.entries())
      if (form === 'runs') flags[index >> 3] = (flags[index >> 3] ?? 0) | (1 << (index & 7));
  const cookie = hasRuns
    ? u32(12347 | ((containers.length - 1) << 16))
    : Buffer.concat([u32(12346), u32(containers.length)]);
  const headers = containers.map(({ key, values }) => Buffer.concat([u16(key), u16(values.length - 1)]));
  const offsets = !hasRuns || containers.length >= 4 ? containers.map(() => u32(0)) : [];
  const bitmap = Buffer.concat([cookie, flags, ...headers, ...offsets, ...containers.map(({ bytes }) => bytes)]);
  const count = Buffer.alloc(8);
  count.writeBigUInt64LE(1n);
  return Buffer.concat([u32(1681511377), count, u32(0), bitmap]);
}

function container(values: readonly number[], form: Form): Buffer {
  if (form === 'list') return Buffer.concat(values.map(u16));
  if (form === 'bits') {
    const bits = Buffer.alloc(8192);
    for (const value of values) bits[value >> 3] = (bits[value >> 3] ?? 0) | (1 << (value & 7));
    return bits;
  }
  const runs: [number, number][] = [];
  for (const value of values) {
    const last = runs.at(-1);
    if (last !== undefined && last[0] + last[1] + 1 === value) last[1]++;
    else runs.push([value, 0]);
  }
  return Buffer.concat([u16(runs.length), ...runs.map(([start, length]) => Buffer.concat([u16(start), u16(length)]))]);
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

/** A file of deletion vectors with one in it, and the descriptor of that. */
function stored(data: Buffer, rows: number): { readonly file: Buffer; readonly dv: DeletionVector } {
  const size = Buffer.alloc(4);
  size.writeInt32BE(data.length);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(data));
  const file = Buffer.concat([Uint8Array.of(1), size, data, checksum]);
  return {
    file,
    dv: { storageType: 'u', pathOrInlineDv: UUID_TEXT, offset: 1, sizeInBytes: data.length, cardinality: rows },
  };
}

/** The example of PROTOCOL.md "Derived Fields": the prefix `ab`, and a UUID. */
const UUID_TEXT = 'ab^-aqEH.-t@S}K{vb[*k^';
const KEY = 'lake/t/ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin';

describe('A deletion vector', () => {
  it('is read as it was written, in whatever containers', () => {
    const rows = fc.uniqueArray(fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 2_000_000 })), {
      maxLength: 300,
    });
    const stretch = fc.tuple(fc.integer({ min: 0, max: 300_000 }), fc.integer({ min: 0, max: 9_000 }));
    const forms = fc.array(fc.constantFrom<Form>('list', 'bits', 'runs'), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(rows, stretch, forms, (single, [start, length], own) => {
        const all = new Set([...single, ...Array.from({ length }, (_, index) => start + index)]);
        const expected = [...all].sort((a, b) => a - b);
        const found: number[] = [];
        readRoaringArray(roaring(expected, own), (row) => found.push(row));
        assert.deepEqual(found, expected);
      }),
      { numRuns: 60 },
    );
  });

  it('is refused where it is cut off or damaged, and nothing else happens', () => {
    const bytes = roaring([1, 5, 70_000, 70_001], ['runs', 'list']);
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => readRoaringArray(bytes.subarray(0, length), () => undefined), DeletionVectorError);
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat({ max: bytes.length - 1 }), (noise, at) => {
        const damaged = Buffer.concat([bytes.subarray(0, at), noise]);
        try {
          readRoaringArray(damaged, () => undefined);
        } catch (error) {
          assert.ok(error instanceof DeletionVectorError, String(error));
        }
      }),
    );
  });

  it('is found by the name that PROTOCOL.md derives, and checked against its size, checksum and cardinality', async () => {
    const { store, table } = await createOptimizeWorld();
    const { file, dv } = stored(roaring([0, 3, 9], ['list']), 3);
    await store.put(KEY, file);
    const { bits, count } = await readDeletionVector(table, dv, 10);
    assert.deepEqual([[...bits], count], [[0b0000_1001, 0b10], 3]);
    const absolute = { ...dv, storageType: 'p', pathOrInlineDv: `s3://bucket/${KEY}` };
    assert.equal((await readDeletionVector(table, absolute, 10)).count, 3);

    for (const [wrong, message] of [
      [{ ...dv, cardinality: 2 }, /more rows than 2/],
      [{ ...dv, cardinality: 4 }, /has 3 rows, the log says 4/],
      [{ ...dv, sizeInBytes: dv.sizeInBytes + 1 }, /is cut off/],
      [{ ...dv, sizeInBytes: dv.sizeInBytes - 1 }, /bytes, the log says/],
      [{ ...dv, offset: 10_000 }, /is not there/],
      [{ ...dv, pathOrInlineDv: UUID_TEXT.slice(2) }, /is not there/],
      [{ ...dv, storageType: 'x' }, /stored as "x"/],
      [{ ...dv, storageType: 'p', pathOrInlineDv: 's3://other/dv.bin' }, /not under the table's root/],
      [{ ...dv, storageType: 'i' }, /no Base85 text/],
    ] as const) {
      await assert.rejects(
        readDeletionVector(table, wrong, 10),
        (error) => error instanceof DeletionVectorError && message.test(error.message),
      );
    }
    await assert.rejects(readDeletionVector(table, dv, 9), /row 9 of 9/);
    const damaged = Buffer.from(file);
    damaged.writeUInt8(damaged.readUInt8(damaged.length - 6) ^ 1, damaged.length - 6);
    await store.put(KEY, damaged);
    await assert.rejects(readDeletionVector(table, dv, 10), /another checksum/);
  });

  it('may stand in the log itself', async () => {
    const { table } = await createOptimizeWorld();
    // One that the tests of delta-kernel-rs have, of the rows 3, 4, 7, 11, 18 and 29.
    const dv = {
      storageType: 'i',
      pathOrInlineDv: '^Bg9^0rr910000000000iXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L',
      sizeInBytes: 44,
      cardinality: 6,
    };
    const { bits } = await readDeletionVector(table, dv, 32);
    const rows = Array.from({ length: 32 }, (_, row) => row).filter((row) => ((bits[row >> 3] ?? 0) >> (row & 7)) & 1);
    assert.deepEqual(rows, [3, 4, 7, 11, 18, 29]);
  });

  it('has text in Base85 as RFC 32 has it', () => {
    assert.deepEqual(decodeZ85('HelloWorld'), Buffer.from('864fd26fb559f75b', 'hex'));
    assert.deepEqual([decodeZ85('Hell'), decodeZ85('Hell~'), decodeZ85('#####')], [undefined, undefined, undefined]);
  });

  it('is applied by a compaction, which removes it with its file', async () => {
    const world = await createOptimizeWorld();
    await world.appendMany(3, 10, '2026-11-24');
    const [first, second, third] = await world.files();
    assert.ok(first && second && third);
    const { file, dv } = stored(roaring([0, 3, 9], ['list']), 3);
    await world.store.put(KEY, file);
    const inline = { storageType: 'i', pathOrInlineDv: 'broken', sizeInBytes: 1, cardinality: 1 };
    await world.commit([
      { remove: { path: first.path, dataChange: true } },
      { add: { ...first, deletionVector: dv } },
      { remove: { path: third.path, dataChange: true } },
      { add: { ...third, deletionVector: inline } },
    ]);
    const result = await world.optimize();
    assert.deepEqual([result.filesRemoved, result.rows, result.leftAloneCount], [2, 17, 1]);
    const removed = (await world.actionsOf(result.versions[0] ?? -1)).flatMap((action) =>
      'remove' in action ? [action.remove] : [],
    );
    assert.deepEqual(removed.find(({ path }) => path === first.path)?.deletionVector, dv);
    const files = await world.files();
    assert.deepEqual(
      files.map(({ deletionVector }) => deletionVector),
      [undefined, inline],
    );
  });

  it('of all rows of a bin leaves no file', async () => {
    const world = await createOptimizeWorld();
    await world.appendMany(2, 3, '2026-11-24');
    const { file, dv } = stored(roaring([0, 1, 2], ['runs']), 3);
    await world.store.put(KEY, file);
    for (const add of await world.files()) {
      await world.commit([{ remove: { path: add.path, dataChange: true } }, { add: { ...add, deletionVector: dv } }]);
    }
    const result = await world.optimize();
    assert.deepEqual([result.filesRemoved, result.filesAdded, await world.files()], [2, 0, []]);
  });
});

/** A table of delta-io/delta, written by Spark; it is not part of this repository. */
const GOLDEN = join(import.meta.dirname, '../../../shared/golden/dv-with-columnmapping');

if (existsSync(GOLDEN)) {
  it("those of Spark's golden table are read", async () => {
    const table = { store: createFolderStore(GOLDEN), root: '', url: GOLDEN };
    const reader = createCheckpointReader();
    const adds = (
      await Array.fromAsync(activeFiles(await loadSnapshot(table, reader), reader, { stats: true }))
    ).flat();
    const vectors = adds.flatMap(({ deletionVector, stats = '{}' }) =>
      deletionVector === undefined ? [] : [{ deletionVector, rows: JSON.parse(stats).numRecords as number }],
    );
    assert.ok(vectors.length > 0);
    for (const { deletionVector, rows } of vectors) {
      assert.equal((await readDeletionVector(table, deletionVector, rows)).count, deletionVector.cardinality);
    }
  });
} else {
  it('golden deletion vectors', { skip: `optional: the folder ${GOLDEN} is not on this machine` });
}
