import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { shortNumber, shortTime } from '../../bench/append/chart-scale.ts';
import { svgChart } from '../../bench/append/chart-svg.ts';
import { terminalChart } from '../../bench/append/chart-terminal.ts';
import { logScale } from '../../src/report/chart/log-scale.ts';

const SERIES = [
  {
    name: 'ours',
    points: [
      { x: 10, y: 30 },
      { x: 1_000_000, y: 40 },
    ],
  },
  {
    name: 'a <peer> & "co"',
    points: [
      { x: 10, y: 50 },
      { x: 1_000_000, y: 5_000 },
    ],
  },
];

describe('a logarithmic scale', () => {
  for (const [values, from, to] of [
    [[10, 1_000_000], 10, 1_000_000],
    [[31, 4_999], 10, 10_000],
    [[100], 100, 1_000],
    [[0.5, 2], 0.1, 10],
    [[1_000, 1_000.1], 1_000, 10_000],
  ] as const) {
    it(`of ${values.join(' and ')} goes from ${from} to ${to}`, () => {
      const scale = logScale(values);
      assert.deepEqual([scale.from, scale.to], [from, to]);
      assert.deepEqual([scale.ticks.at(0), scale.ticks.at(-1)], [from, to]);
      for (const value of values) assert.ok(scale.position(value) >= 0 && scale.position(value) <= 1);
    });
  }

  it('has equal steps for equal ratios', () => {
    const { ticks, position } = logScale([1, 1_000]);
    assert.deepEqual(ticks, [1, 10, 100, 1_000]);
    for (const [index, tick] of ticks.entries()) assert.ok(Math.abs(position(tick) - index / 3) < 1e-12);
  });

  for (const values of [[], [0], [-1, 2], [Number.NaN], [Number.POSITIVE_INFINITY]]) {
    it(`is refused for ${values.join(', ') || 'nothing'}`, () => assert.throws(() => logScale(values), RangeError));
  }
});

describe('labels', () => {
  it('are short', () => {
    assert.deepEqual([10, 1_000, 100_000, 1_000_000].map(shortNumber), ['10', '1k', '100k', '1M']);
    assert.deepEqual([1, 34.6, 999.4, 1_000, 5_361].map(shortTime), ['1 ms', '35 ms', '1000 ms', '1 s', '5.4 s']);
  });
});

describe('the chart of the terminal', () => {
  const lines = terminalChart('wall time', SERIES).split('\n');
  const rowOf = (mark: string, at: 'first' | 'last'): number => {
    const rows = lines.flatMap((line, index) => {
      const cells = line.includes('|') ? line.slice(line.indexOf('|') + 1) : '';
      return (at === 'first' ? cells.startsWith(mark) : cells.length > 60 && cells.endsWith(mark)) ? [index] : [];
    });
    assert.equal(rows.length, 1, `${mark} ${at}`);
    return rows[0] ?? -1;
  };

  it('has each series from the left edge to the right one, the larger value higher', () => {
    assert.ok(rowOf('x', 'first') < rowOf('o', 'first'));
    assert.ok(rowOf('x', 'last') < rowOf('o', 'last'));
    assert.ok(rowOf('x', 'last') < rowOf('x', 'first'));
  });

  it('names its series and its ticks', () => {
    assert.match(lines[0] ?? '', /o ours {3}x a <peer>/);
    assert.match(lines.at(-1) ?? '', /^ +10 +100 +1k +10k +100k +1M +active files$/);
    for (const tick of ['10 ms', '100 ms', '1 s', '10 s']) assert.ok(lines.some((line) => line.includes(`${tick} |`)));
  });
});

describe('the SVG', () => {
  const svg = svgChart({ title: 'a < b', subtitle: 'c & d' }, SERIES);

  it('has its values where the axes say', () => {
    const circles = [...svg.matchAll(/<circle class="c(\d)" cx="([\d.]+)" cy="([\d.]+)"/g)].map((match) =>
      match.slice(1).map(Number),
    );
    const ticks = [...svg.matchAll(/<line class="grid" x1="([\d.]+)" y1="([\d.]+)"/g)].map((match) => Number(match[2]));
    const [left, right] = [circles[0]?.[1], circles[1]?.[1]];
    assert.equal(circles.length, 4);
    assert.ok(left !== undefined && right !== undefined && left < right);
    // From 10 ms to 10 s: the ticks go up, and 5 s lies between the last two of them.
    const [low = 0, , second = 0, third = 0] = ticks;
    assert.equal(ticks.length, 4);
    assert.ok(low > second && second > third);
    const peer = circles[3]?.[2] ?? 0;
    assert.ok(peer < second && peer > third, `${peer} between ${second} and ${third}`);
  });

  it('escapes its texts, and follows the dark scheme', () => {
    assert.match(svg, /a &lt; b/);
    assert.match(svg, /a &lt;peer&gt; &amp; &quot;co&quot;/);
    assert.doesNotMatch(svg, /<peer>/);
    assert.match(svg, /prefers-color-scheme:dark/);
  });
});
