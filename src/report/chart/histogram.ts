import { formatBytes } from '../format.ts';
import type { Html } from '../html.ts';
import { barChart } from './bars.ts';
import { type ChartSize, type ChartText, WIDE } from './frame.ts';
import { countScale, type Scale, type Tick } from './scale.ts';

export interface HistogramClass {
  /** Bytes; each class is twice as wide as the one before. */
  readonly from: number;
  readonly to: number;
  readonly values: readonly number[];
  readonly label: string;
}

/** Classes that are shown at least, so that one alone is not as wide as the page. */
const MIN_CLASSES = 8;

/** Counts by classes of sizes, on a logarithmic axis. */
export function histogram(text: ChartText, size: ChartSize, classes: readonly HistogramClass[]): Html {
  const padded = Math.max(MIN_CLASSES, classes.length);
  const before = Math.floor((padded - classes.length) / 2);
  const most = Math.max(...classes.map(({ values }) => values.reduce((sum, value) => sum + value, 0)));
  const x: Scale = { ticks: ticksOf(classes, before, padded, size), position: (index) => index / padded };
  const bars = classes.map(({ values, label }, index) => ({
    from: (index + before) / padded,
    to: (index + before + 1) / padded,
    values,
    label,
  }));
  return barChart(text, size, { x, y: countScale(most) }, bars);
}

/** The ends of classes, as many as there is room for. */
function ticksOf(classes: readonly HistogramClass[], before: number, padded: number, size: ChartSize): Tick[] {
  const every = Math.ceil(classes.length / (size.name === WIDE.name ? 12 : 5));
  const starts = classes.map(({ from }, index) => ({ at: (index + before) / padded, label: formatBytes(from) }));
  const end = { at: (classes.length + before) / padded, label: formatBytes(classes.at(-1)?.to ?? 0) };
  return [...starts, end].filter((_, index) => index % every === 0);
}
