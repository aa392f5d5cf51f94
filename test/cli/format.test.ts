import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  formatBar,
  formatBytes,
  formatCount,
  formatDuration,
  formatRows,
  formatShare,
  formatTime,
  plural,
  shorten,
  wrap,
} from '../../src/cli/format.ts';

describe('formats for people', () => {
  it('of counts and bytes', () => {
    assert.equal(formatCount(1_234_567), '1,234,567');
    assert.deepEqual(
      [0, 1, 2].map((count) => plural(count, 'file')),
      ['0 files', '1 file', '2 files'],
    );
    const sizes: readonly (readonly [number, string])[] = [
      [0, '0 B'],
      [999, '999 B'],
      [1_000, '1.0 kB'],
      [999_949, '999.9 kB'],
      [999_950, '1.0 MB'],
      [2 ** 40, '1.1 TB'],
      [5e18, '5000.0 PB'],
    ];
    for (const [bytes, text] of sizes) assert.equal(formatBytes(bytes), text);
  });

  it('of times', () => {
    const durations: readonly (readonly [number, string])[] = [
      [-5, '0.0 s'],
      [1_240, '1.2 s'],
      [9_940, '9.9 s'],
      [9_960, '10 s'],
      [59_400, '59 s'],
      [59_600, '1 min 00 s'],
      [3_600_000, '1 h 00 min'],
      [7_500_000, '2 h 05 min'],
    ];
    for (const [ms, text] of durations) assert.equal(formatDuration(ms), text);
    assert.equal(formatTime(Date.UTC(2026, 10, 24, 6, 30)), '2026-11-24 06:30:00');
    assert.equal(formatTime(1e30), '1e+30');
  });

  it('of shares, in which only all of it is 100 %', () => {
    assert.deepEqual(
      [
        [0, 0],
        [0, 5],
        [1, 1_000],
        [1, 3],
        [999, 1_000],
        [5, 5],
      ].map(([part = 0, whole = 0]) => formatShare(part, whole)),
      ['0 %', '0 %', '<1 %', '33 %', '>99 %', '100 %'],
    );
  });

  it('of bars, which are as wide as asked whatever the share', () => {
    for (const share of [-1, 0, 0.01, 0.5, 0.99, 1, 2]) assert.equal(formatBar(share, 10).length, 10);
    assert.equal(formatBar(0.5, 4), '██  ');
    assert.equal(formatBar(0.53125, 4, '░'), '██▏░');
  });

  it('of rows in columns, whatever their colours', () => {
    const red = `\u001b[31mab\u001b[39m`;
    assert.deepEqual(
      formatRows(
        [
          ['a', '1'],
          ['bcd', '22'],
        ],
        [{}, { align: 'right' }],
      ),
      ['a     1', 'bcd  22'],
    );
    assert.deepEqual(
      formatRows([
        [red, 'x'],
        ['abc', 'y'],
      ]),
      [`${red}   x`, 'abc  y'],
    );
  });

  it('of text that is too long', () => {
    assert.equal(shorten('abcdefghij', 10), 'abcdefghij');
    assert.equal(shorten('abcdefghijk', 10), 'abcde…hijk');
    assert.deepEqual(wrap('one two three', 7), ['one two', 'three']);
    assert.deepEqual(wrap('extraordinarily long', 5), ['extraordinarily', 'long']);
    assert.deepEqual(wrap('', 5), []);
  });
});
