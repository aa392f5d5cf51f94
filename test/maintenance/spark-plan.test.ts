import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  isInvalidLine,
  type PlanBin,
  type PlanHead,
  parsePlanLine,
  planLines,
} from '../../src/maintenance/spark/plan.ts';
import { isOutputPath } from '../../src/maintenance/spark/result.ts';
import { readJsonLines, toJsonLines } from '../../src/spark/lines.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';

const HEAD: PlanHead = {
  run: '0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e',
  tableId: 'id',
  version: 7,
  protocol: { minReaderVersion: 3, minWriterVersion: 7, readerFeatures: ['deletionVectors'], writerFeatures: [] },
  schemaString: '{"type":"struct","fields":[]}',
  partitionColumns: ['day'],
  targetFileSize: 1,
  zOrderBy: [],
};

const long = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const input = fc.record(
  {
    path: fc.string({ unit: 'binary' }),
    size: long,
    modificationTime: long,
    numRecords: long,
    etag: fc.string(),
    deletionVector: fc.record(
      {
        storageType: fc.constantFrom('u', 'i', 'p'),
        pathOrInlineDv: fc.string(),
        offset: long,
        sizeInBytes: long,
        cardinality: long,
      },
      { requiredKeys: ['storageType', 'pathOrInlineDv', 'sizeInBytes', 'cardinality'] },
    ),
  },
  { requiredKeys: ['path', 'size', 'modificationTime'], noNullPrototype: true },
);
const bin = fc.record(
  {
    partitionValues: fc.dictionary(fc.string(), fc.option(fc.string()), { noNullPrototype: true }),
    folder: fc.string({ unit: 'binary' }),
    inputs: fc.array(input, { minLength: 1 }),
  },
  { noNullPrototype: true },
);

describe('A plan', () => {
  it('is read as it was written', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(bin), async (bins) => {
        const store = createMemoryStore();
        await store.putStream('plan', toJsonLines(planLines(HEAD, from(bins as Omit<PlanBin, 'bin'>[]))));
        const lines = [];
        for await (const value of readJsonLines(store, 'plan')) lines.push(parsePlanLine(value));
        assert.deepEqual(
          JSON.parse(JSON.stringify(lines)),
          JSON.parse(
            JSON.stringify([
              { kind: 'head', head: HEAD },
              ...bins.map((each, index) => ({ kind: 'bin', bin: { bin: index, ...each } })),
              { kind: 'end', bins: bins.length },
            ]),
          ),
        );
      }),
      { numRuns: 50 },
    );
  });

  const BIN = { bin: 0, partitionValues: {}, folder: '', inputs: [{ path: 'a', size: 1, modificationTime: 1 }] };
  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [null, /a bin is null, expected an object/],
    ['x', /a bin is "x"/],
    [{ ...BIN, bin: -1 }, /bin is -1, expected a whole number/],
    [{ ...BIN, more: 1 }, /a bin has the field "more"/],
    [{ ...BIN, inputs: [] }, /inputs is \[\], expected at least one file/],
    [{ ...BIN, partitionValues: { day: 1 } }, /partitionValues\.day is 1/],
    [{ ...BIN, inputs: [{ ...BIN.inputs[0], size: '1' }] }, /size is "1"/],
    [{ ...BIN, inputs: [{ ...BIN.inputs[0], tags: {} }] }, /an input has the field "tags"/],
    [{ ...BIN, inputs: [{ ...BIN.inputs[0], deletionVector: { storageType: 'u' } }] }, /pathOrInlineDv is missing/],
    [{ format: 2, ...HEAD }, /format is 2, expected 1/],
    [{ format: 1, ...HEAD, targetFileSize: 0 }, /targetFileSize is 0/],
    [{ format: 1, ...HEAD, zOrderBy: [1] }, /zOrderBy is 1, expected a list of texts/],
    [{ format: 1, ...HEAD, protocol: {} }, /minReaderVersion is missing/],
    [{ end: true }, /bins is missing/],
  ];
  for (const [value, message] of wrong) {
    it(`refuses ${JSON.stringify(value).slice(0, 60)} with ${message.source}`, () => {
      assert.throws(
        () => parsePlanLine(value),
        (error) => isInvalidLine(error) && message.test(error.message),
      );
    });
  }
});

describe('JSON lines of an object', () => {
  it('are read over the borders of requests, and a broken one is named', async () => {
    const store = createMemoryStore();
    const text = 'ü'.repeat(3 * 1024 * 1024);
    await store.putStream('lines', toJsonLines(from([{ a: text }, { b: text }, { c: 1 }])));
    const lines: unknown[] = [];
    for await (const value of readJsonLines(store, 'lines')) lines.push(value);
    assert.deepEqual(lines, [{ a: text }, { b: text }, { c: 1 }]);

    for (const [bytes, message] of [
      ['{"a":1}\n{"b":', /Line 2 of lines is malformed: it was cut off/],
      ['{"a":1}\nno\n', /Line 2 of lines is malformed: it is not JSON/],
    ] as const) {
      await store.put('lines', new TextEncoder().encode(bytes));
      await assert.rejects(async () => {
        for await (const _ of readJsonLines(store, 'lines'));
      }, message);
    }
  });
});

describe('The name of an output', () => {
  const name = 'resaca-compacted-0a0a0a0a-1b1b-2c2c-3d3d-4e4e4e4e4e4e.zstd.parquet';
  for (const [path, folder, expected] of [
    [name, '', true],
    [`day=1/${name}`, 'day=1', true],
    [`day=1/${name}`, '', false],
    [name, 'day=1', false],
    [`day=1/x/${name}`, 'day=1', false],
    [`day=1/../${name}`, 'day=1', false],
    [`day=1/${name}.tmp`, 'day=1', false],
    ['day=1/part-0.parquet', 'day=1', false],
  ] as const) {
    it(`${path} is ${expected ? 'good' : 'bad'} in "${folder}"`, () => {
      assert.equal(isOutputPath(path, folder), expected);
    });
  }
});

async function* from<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values;
}
