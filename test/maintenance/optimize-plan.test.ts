import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { packBins, totalSize } from '../../src/maintenance/optimize/bins.ts';
import { parsePartitionFilter, partitionMatcher } from '../../src/maintenance/optimize/where.ts';

const rules = fc.record({
  targetSize: fc.integer({ min: 1, max: 1_000 }),
  minFiles: fc.integer({ min: 2, max: 4 }),
  maxFiles: fc.integer({ min: 2, max: 10 }),
});
const files = fc.array(fc.record({ size: fc.integer({ min: 0, max: 1_200 }) }), { maxLength: 60 });

describe('Bins', () => {
  it('have consecutive files, each once, no more than fit, and at least as many as are wanted', () => {
    fc.assert(
      fc.property(files, rules, (list, { targetSize, minFiles, maxFiles }) => {
        const bins = packBins(list, { targetSize, minFiles, maxFiles });
        let next = 0;
        for (const bin of bins) {
          const start = list.indexOf(bin[0] ?? { size: -1 }, next);
          assert.ok(start >= next);
          assert.deepEqual(bin, list.slice(start, start + bin.length));
          next = start + bin.length;
          assert.ok(bin.length >= minFiles && bin.length <= maxFiles);
          assert.ok(totalSize(bin) <= targetSize);
        }
      }),
    );
  });

  it('leave no two neighbours apart that fit into one', () => {
    fc.assert(
      fc.property(files, fc.integer({ min: 1, max: 1_000 }), (list, targetSize) => {
        const bins = packBins(list, { targetSize, minFiles: 2 });
        const packed = new Set(bins.flat());
        for (const [index, file] of list.entries()) {
          const other = list[index + 1];
          if (other === undefined || packed.has(file) || packed.has(other)) continue;
          assert.ok(file.size + other.size > targetSize);
        }
        for (const [index, bin] of bins.entries()) {
          const following = bins[index + 1];
          const follows =
            following !== undefined && list.indexOf(following[0] ?? file0) === list.indexOf(bin.at(-1) ?? file0) + 1;
          if (follows) assert.ok(totalSize(bin) + (following[0]?.size ?? 0) > targetSize);
        }
      }),
    );
  });

  it('of one run are not worked on again by the next', () => {
    assert.deepEqual(packBins([{ size: 1 }, { size: 2 }], { targetSize: 10, minFiles: 2 }), [
      [{ size: 1 }, { size: 2 }],
    ]);
    assert.deepEqual(packBins([{ size: 3 }], { targetSize: 10, minFiles: 2 }), []);
    assert.deepEqual(packBins([{ size: 3 }, { size: 3 }], { targetSize: 10, minFiles: 3 }), []);
  });
});

const file0 = { size: -1 };

describe('A filter of partitions', () => {
  const columns = [
    { name: 'ds', type: 'date' },
    { name: 'n', type: 'integer' },
    { name: 'price', type: 'decimal(20,2)' },
    { name: 'name', type: 'string' },
    { name: 'ratio', type: 'double' },
    { name: 'at', type: 'timestamp' },
  ] as const;
  const partition = {
    ds: '2026-11-04',
    n: '-12',
    price: '-10.50',
    name: 'Über',
    ratio: '1.5',
    at: '2026-11-24 06:00:00',
  };

  const cases: readonly (readonly [string, boolean])[] = [
    ['ds=2026-11-04', true],
    ['ds=2026-11-4', true],
    ['ds >= 2026-11-03', true],
    ['ds<2026-11-04', false],
    ['ds!=2026-11-04', false],
    ['DS=2026-11-04', true],
    ['n<-9', true],
    ['n > -100', true],
    ['n = -012', true],
    ['price<=-10.5', true],
    ['price>-9.99', false],
    ["name='Über'", true],
    ['name>Z', true],
    ['name>=', false],
    ['name=', false],
    ['name!=', true],
    ['ratio>1', true],
    ['at=2026-11-24T06:00:00Z', true],
    ['at<2026-11-24T06:00:00.000001Z', true],
  ];
  for (const [text, expected] of cases) {
    it(`${expected ? 'takes' : 'leaves'} a partition: ${text}`, () => {
      assert.equal(partitionMatcher([parsePartitionFilter(text)], columns)(partition), expected);
    });
  }

  it('compares null with null only, which an empty value is', () => {
    const nulls = { ...partition, ds: null, name: '' };
    const holds = (text: string) => partitionMatcher([parsePartitionFilter(text)], columns)(nulls);
    assert.deepEqual(['ds=', 'name=', 'ds!=', 'ds<2026-01-01', 'ds>=2026-01-01', 'ds!=2026-01-01'].map(holds), [
      true,
      true,
      false,
      false,
      false,
      true,
    ]);
  });

  it('has to hold together with all others', () => {
    const matches = partitionMatcher(['n<0', 'ds=2026-11-05'].map(parsePartitionFilter), columns);
    assert.equal(matches(partition), false);
  });

  for (const text of ['', 'ds', '=1', 'ds=2026-13-01', 'n=1.5', 'x=1']) {
    it(`is refused: "${text}"`, () => {
      assert.throws(() => partitionMatcher([parsePartitionFilter(text)], columns), RangeError);
    });
  }
});
