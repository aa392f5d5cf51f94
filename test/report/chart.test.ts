import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { barChart } from '../../src/report/chart/bars.ts';
import { NARROW, WIDE } from '../../src/report/chart/frame.ts';
import { histogram } from '../../src/report/chart/histogram.ts';
import { lineChart } from '../../src/report/chart/lines.ts';
import { bytesScale, countScale, durationScale, type Scale, timeScale } from '../../src/report/chart/scale.ts';
import { formatBytes, formatDuration, formatShare, formatTime, shortCount } from '../../src/report/format.ts';
import { DARK, LIGHT, type Palette } from '../../src/report/render/style.ts';
import { contrast } from '../support/contrast.ts';

const TEXT = { id: 'c', title: 'T', description: 'D' };
const labels = ({ ticks }: Scale) => ticks.map(({ label }) => label);

describe('an axis', () => {
  const cases: readonly (readonly [string, Scale, readonly string[]])[] = [
    ['of nothing', countScale(0), ['0', '1']],
    ['of one', countScale(1), ['0', '1']],
    ['of few', countScale(7), ['0', '2', '4', '6', '8']],
    ['of a round number', countScale(100), ['0', '20', '40', '60', '80', '100']],
    ['of millions', countScale(1_234_567), ['0', '500 k', '1 M', '1.5 M']],
    ['of bytes', bytesScale(900), ['0 B', '200 B', '400 B', '600 B', '800 B', '1000 B']],
    ['of MiB', bytesScale(5 * 2 ** 20), ['0 B', '1 MiB', '2 MiB', '3 MiB', '4 MiB', '5 MiB']],
    ['of half a GiB more than one', bytesScale(1.5 * 2 ** 30), ['0 B', '512 MiB', '1 GiB', '1.5 GiB']],
    ['of durations', durationScale([0, 90_000]), ['1 ms', '10 ms', '100 ms', '1 s', '10 s', '1 min']],
    [
      'of an hour',
      timeScale(Date.UTC(2026, 0, 1, 22, 50), Date.UTC(2026, 0, 2, 0, 10), 4),
      ['23:00', '23:30', '2 Jan'],
    ],
    ['of a week', timeScale(Date.UTC(2026, 0, 1), Date.UTC(2026, 0, 7), 4), ['1 Jan', '3 Jan', '5 Jan', '7 Jan']],
    [
      'of a year',
      timeScale(Date.UTC(2025, 5, 20), Date.UTC(2026, 4, 1), 4),
      ['Jul 2025', 'Oct 2025', 'Jan 2026', 'Apr 2026'],
    ],
    ['of decades', timeScale(0, Date.UTC(2026, 0, 1), 4), ['1980', '2000', '2020']],
  ];
  for (const [name, scale, expected] of cases)
    it(`${name} has round ticks`, () => assert.deepEqual(labels(scale), expected));

  it('has its ticks and values between its ends, and no more than there is room for', () => {
    for (let exponent = 0; exponent < 16; exponent += 0.37) {
      const value = 10 ** exponent;
      const time = timeScale(Date.UTC(2026, 0, 1), Date.UTC(2026, 0, 1) + Math.min(value, 1e13), 4);
      assert.ok(time.ticks.length <= 4, `${labels(time)}`);
      for (const scale of [countScale(value), bytesScale(value), durationScale([value]), time]) {
        assert.ok(scale.ticks.every(({ at }) => at >= 0 && at <= 1));
        assert.ok(scale.ticks.length <= 17);
        assert.ok(scale.position(value) >= 0 && scale.position(value) <= 1);
      }
    }
  });
});

describe('a picture', () => {
  const x = timeScale(0, 100, 2);

  it('has a line with steps and gaps', () => {
    const points = [0, 50, null, 100].map((y, index) => ({ x: index * 25, y, label: `${index}` }));
    const { html } = lineChart(TEXT, NARROW, { x, y: countScale(100) }, [points], { shape: 'steps', isFilled: false });
    assert.match(html, /<path class="line l0" d="M62 172H128V91"\/>/);
    assert.match(html, /<path class="line l0" d="M260 10"\/>/);
    assert.equal(html.match(/<circle/g)?.length, 3);
  });

  it('stacks bars, and shows the smallest', () => {
    const bars = [
      { from: 0, to: 0.5, values: [50, 0, 50], label: 'half' },
      { from: 0.5, to: 1, values: [0, 0.001, 0], label: 'little' },
    ];
    const { html } = barChart(TEXT, NARROW, { x, y: countScale(100) }, bars);
    assert.match(
      html,
      /<path class="s0" d="M62\.8 91h130\.5v81h-130\.5z"\/><path class="s2" d="M62\.8 10h130\.5v81h-130\.5z"\/>/,
    );
    assert.match(html, /<path class="s1" d="M194\.8 171h130\.5v1h/);
  });

  it('of one class of sizes is no wall', () => {
    const classes = [{ from: 1024, to: 2048, values: [3], label: '3' }];
    const { html } = histogram(TEXT, WIDE, classes);
    assert.match(html, />1 KiB<.*>2 KiB</);
    const width = Number(/class="s0" d="M[\d.]+ [\d.]+h([\d.]+)/.exec(html)?.[1]);
    assert.ok(width > 50 && width < 150, `${width}`);
  });
});

describe('numbers of a report', () => {
  it('are short and have units', () => {
    assert.deepEqual([0, 999, 1_000, 12_345, 999_999, 4_560_000].map(shortCount), [
      '0',
      '999',
      '1 k',
      '12.3 k',
      '1 M',
      '4.56 M',
    ]);
    assert.deepEqual([0, 1023, 1024, 16 * 2 ** 20, 1.5 * 2 ** 40].map(formatBytes), [
      '0 B',
      '1023 B',
      '1 KiB',
      '16 MiB',
      '1.5 TiB',
    ]);
    assert.deepEqual(
      [0, 12, 999.4, 1_500, 59_000, 60_000, 200_000, 3_600_000, 7_500_000, 86_400_000, 273_600_000].map(formatDuration),
      ['0 ms', '12 ms', '999 ms', '1.5 s', '59 s', '1 min', '3 min 20 s', '1 h', '2 h 5 min', '1 d', '3 d 4 h'],
    );
    assert.deepEqual([formatTime(0), formatTime(9e15)], ['1970-01-01 00:00:00', '9000000000000000']);
    assert.deepEqual(
      [formatShare(0, 0), formatShare(1, 1000), formatShare(1, 2), formatShare(999, 1000), formatShare(2, 2)],
      ['0 %', '<1 %', '50 %', '>99 %', '100 %'],
    );
  });
});

describe('the colours', () => {
  for (const [name, palette] of Object.entries<Palette>({ light: LIGHT, dark: DARK })) {
    it(`of the ${name} scheme stand out from the ground (WCAG 2.2, 1.4.3 and 1.4.11)`, () => {
      const { text, quiet, link, error, warning, good } = palette;
      for (const colour of [text, quiet, link, error, warning, good]) {
        assert.ok(contrast(colour, palette.ground) >= 4.5, `${colour}: ${contrast(colour, palette.ground)}`);
      }
      for (const colour of palette.series) {
        assert.ok(contrast(colour, palette.ground) >= 3, `${colour}: ${contrast(colour, palette.ground)}`);
      }
    });
  }
});
