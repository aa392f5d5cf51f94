import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Bound, checkBounds, MIB, requestsText, type SizeResult } from '../../bench/append/bounds.ts';
import type { AppendCost } from '../../bench/append/measure-size.ts';
import type { S3Requests } from '../../bench/s3-proxy.ts';

const FLAT: S3Requests = { get: 10, ranged: 10, head: 0, list: 1, put: 1, other: 0, service: 0, received: 500_000 };
const COLD: S3Requests = { ...FLAT, get: 13, ranged: 12 };

function cost(values: Partial<AppendCost>): AppendCost {
  return {
    coldRequests: COLD,
    coldMs: [300],
    warmRequests: [FLAT, FLAT],
    warmMs: [40],
    warmCpuMs: [30],
    peakRss: 100 * MIB,
    ...values,
  };
}

function size(files: number, ours: Partial<AppendCost> = {}, peerMs?: number, peakRss = 100 * MIB): SizeResult {
  const pair = peerMs === undefined ? ([cost(ours)] as const) : ([cost(ours), cost({ warmMs: [peerMs] })] as const);
  return { files, checkpointBytes: 250_000_000, costs: new Map([[0, pair]]), peakRss };
}

const GOOD = [size(10, {}, 40), size(100_000, {}, 200), size(1_000_000, {}, 2_000, 110 * MIB)];
const START = { ours: 130, client: 100 };

/** Of the bounds whose name or value has the word, whether they are reached. */
function reached(word: string, sizes: readonly SizeResult[], start = START): (boolean | undefined)[] {
  const found = checkBounds(sizes, start).filter(({ name, bound }: Bound) => `${name} ${bound}`.includes(word));
  assert.ok(found.length > 0, word);
  return found.map((bound) => bound.reached);
}

describe('the bounds', () => {
  it('are all reached at their limits', () => {
    for (const bound of checkBounds(GOOD, START)) assert.equal(bound.reached, true, `${bound.name}: ${bound.measured}`);
  });

  for (const [what, requests] of [
    ['one more GET', { ...FLAT, get: 11, ranged: 11 }],
    ['a GET of a whole object', { ...FLAT, ranged: 9 }],
    ['a HEAD', { ...FLAT, head: 1 }],
    ['a second LIST', { ...FLAT, list: 2 }],
    ['a second PUT', { ...FLAT, put: 2 }],
    ['a deletion', { ...FLAT, other: 1 }],
    ['no commit', { ...FLAT, put: 0 }],
  ] as const) {
    it(`are missed with ${what} in one of the invocations`, () => {
      const sizes = [...GOOD.slice(0, 2), size(1_000_000, { warmRequests: [FLAT, requests] }, 2_000)];
      assert.deepEqual(reached('ranged GET', sizes), [false]);
    });
  }

  it('count a LIST that was not needed as reached', () => {
    assert.deepEqual(reached('ranged GET', [size(10, { warmRequests: [{ ...FLAT, list: 0 }] })]), [true]);
  });

  it('look at the requests of all numbers of commits', () => {
    const [first] = GOOD;
    assert.ok(first !== undefined);
    const behind = [cost({ warmRequests: [{ ...FLAT, get: 109, ranged: 10 }] })] as const;
    assert.deepEqual(reached('ranged GET', [{ ...first, costs: new Map([...first.costs, [99, behind]]) }]), [false]);
  });

  for (const [files, ms] of [
    [10, 39],
    [100_000, 199],
    [1_000_000, 1_990],
  ] as const) {
    it(`are missed when oxbow takes ${ms} ms to our 40 at ${files} files`, () => {
      const sizes = GOOD.map((good) => (good.files === files ? size(files, {}, ms) : good));
      assert.deepEqual(reached(`at ${files.toLocaleString('en')} files`, sizes)[0], false);
    });
  }

  it('are missed by memory that grows with the table, or is too much', () => {
    const sizes = [size(10), size(1_000_000, {}, undefined, 111 * MIB)];
    assert.deepEqual(reached('peak RSS', sizes), [false, true]);
    assert.deepEqual(reached('peak RSS', [size(10, {}, 1, 160 * MIB), size(1_000_000, {}, 1, 160 * MIB)]), [
      true,
      false,
    ]);
  });

  it('are missed by a cold start with 10 requests more, or 4 MB', () => {
    const cold = (coldRequests: S3Requests) => reached('cold start', [size(1_000_000, { coldRequests })]);
    assert.deepEqual(cold({ ...COLD, get: 18 }), [false, true]);
    assert.deepEqual(cold({ ...COLD, get: 17 }), [true, true]);
    assert.deepEqual(cold({ ...COLD, received: 4_000_000 }), [true, false]);
  });

  it('are missed by a start that takes more than 1.3 times as long', () => {
    assert.deepEqual(reached('start of a process', GOOD, { ours: 131, client: 100 }), [false]);
  });

  it('are left open where nothing was measured', () => {
    const open = checkBounds([], undefined);
    assert.ok(open.length > 0);
    assert.deepEqual(
      open.map((bound) => bound.reached),
      open.map(() => undefined),
    );
    assert.deepEqual(reached('oxbow', [size(10), size(100_000), size(1_000_000)]), [undefined, undefined, undefined]);
  });
});

it('requests are told by kind, without those that there are none of', () => {
  assert.equal(requestsText(FLAT), '10 ranged GET + 1 LIST + 1 PUT');
  assert.equal(requestsText({ ...COLD, other: 2 }), '12 ranged GET + 1 GET + 1 LIST + 1 PUT + 2 other');
});
