import { type Html, html, NONE } from '../html.ts';
import { type ChartSize, type ChartText, frame, round } from './frame.ts';
import type { Scale } from './scale.ts';

export interface Bar {
  /** On the axis, between 0 and 1. */
  readonly from: number;
  readonly to: number;
  /** By series, from below. */
  readonly values: readonly number[];
  readonly label: string;
}

/** Between bars, where they are wide enough to have a gap. */
const GAP = 1.5;
/** A value that is not 0 is seen. */
const MIN_HEIGHT = 1;

/** Bars that are stacked, in the order of the colours. */
export function barChart(
  text: ChartText,
  size: ChartSize,
  scales: { readonly x: Scale; readonly y: Scale },
  bars: readonly Bar[],
): Html {
  return frame(text, size, scales.x, scales.y, (plot) => {
    const drawn = bars.map(({ from, to, values, label }) => {
      const space = plot.x(to) - plot.x(from);
      const gap = space > 4 * GAP ? GAP : 0;
      const width = Math.max(1, round(space - gap));
      let below = 0;
      const parts = values.map((value, index) => {
        if (value === 0) return NONE;
        const bottom = plot.y(scales.y.position(below));
        below += value;
        const height = Math.max(MIN_HEIGHT, round(bottom - plot.y(scales.y.position(below))));
        const top = round(bottom - height);
        return html`<path class="s${index}" d="M${round(plot.x(from) + gap / 2)} ${top}h${width}v${height}h-${width}z"/>`;
      });
      return html`<g>${parts}<title>${label}</title></g>`;
    });
    return html`${drawn}`;
  });
}
