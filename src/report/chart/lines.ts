import { type Html, html, NONE } from '../html.ts';
import { type ChartSize, type ChartText, frame, type Plot } from './frame.ts';
import type { Scale } from './scale.ts';

export interface LinePoint {
  readonly x: number;
  /** Null where it is not known: the line has a gap. */
  readonly y: number | null;
  readonly label: string;
}

export interface LineOptions {
  /** How one gets from point to point: what holds until it changes goes in steps. */
  readonly shape: 'steps' | 'straight';
  /** Whether the ground below is filled. */
  readonly isFilled: boolean;
}

/** Points that get a mark, at most; more would hide the line. */
const MAX_MARKS = 60;

/** A line for each series, in the order of the colours. Points ascend in x. */
export function lineChart(
  text: ChartText,
  size: ChartSize,
  scales: { readonly x: Scale; readonly y: Scale },
  series: readonly (readonly LinePoint[])[],
  options: LineOptions,
): Html {
  return frame(text, size, scales.x, scales.y, (plot) => {
    const lines = series.map((points, index) => {
      const runs = runsOf(points, scales, plot);
      const paths = runs.map((run) => path(run, options, plot, index));
      return html`${paths}${runs.flat().length > MAX_MARKS ? NONE : runs.flat().map((point) => mark(point, index))}`;
    });
    return html`${lines}`;
  });
}

interface Drawn {
  readonly x: number;
  readonly y: number;
  readonly label: string;
}

/** The parts of a line without gaps. */
function runsOf(points: readonly LinePoint[], { x, y }: { x: Scale; y: Scale }, plot: Plot): Drawn[][] {
  const runs: Drawn[][] = [[]];
  for (const point of points) {
    if (point.y === null) runs.push([]);
    else runs.at(-1)?.push({ x: plot.x(x.position(point.x)), y: plot.y(y.position(point.y)), label: point.label });
  }
  return runs.filter((run) => run.length > 0);
}

function path(run: readonly Drawn[], { shape, isFilled }: LineOptions, plot: Plot, index: number): Html {
  const [first] = run;
  const last = run.at(-1);
  if (first === undefined || last === undefined) return NONE;
  const steps = run.slice(1).map(({ x, y }) => (shape === 'steps' ? `H${x}V${y}` : `L${x} ${y}`));
  const d = `M${first.x} ${first.y}${steps.join('')}`;
  const ground = isFilled ? html`<path class="area s${index}" d="${d}V${plot.y(0)}H${first.x}Z"/>` : NONE;
  return html`${ground}<path class="line l${index}" d="${d}"/>`;
}

function mark({ x, y, label }: Drawn, index: number): Html {
  return html`<circle class="s${index}" cx="${x}" cy="${y}" r="2.5"><title>${label}</title></circle>`;
}
