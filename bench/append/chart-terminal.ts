import { logScale } from '../../src/report/chart/log-scale.ts';
import { type Series, shortNumber, shortTime } from './chart-scale.ts';

const [WIDTH, HEIGHT] = [64, 16];
const LABEL = 8;
/** Of the series in their order; where two meet, the later one shows. */
const MARKS = ['o', 'x', '+'];

/** A chart of characters with two logarithmic axes: ms against files. */
export function terminalChart(title: string, series: readonly Series[]): string {
  const points = series.flatMap((each) => each.points);
  const [x, y] = [logScale(points.map((point) => point.x)), logScale(points.map((point) => point.y))];
  const grid = Array.from({ length: HEIGHT + 1 }, () => Array.from({ length: WIDTH + 1 }, () => ' '));
  const row = (value: number): number => HEIGHT - Math.round(y.position(value) * HEIGHT);
  const column = (value: number): number => Math.round(x.position(value) * WIDTH);
  for (const tick of y.ticks) grid[row(tick)]?.fill('.');
  for (const [index, each] of series.entries()) {
    for (const point of each.points) {
      const line = grid[row(point.y)];
      if (line !== undefined) line[column(point.x)] = MARKS[index % MARKS.length] ?? '*';
    }
  }
  const labels = new Map(y.ticks.map((tick) => [row(tick), shortTime(tick)]));
  const lines = grid.map((cells, index) => `${(labels.get(index) ?? '').padStart(LABEL)} |${cells.join('').trimEnd()}`);
  const legend = series.map(({ name }, index) => `${MARKS[index % MARKS.length]} ${name}`).join('   ');
  return [
    `${' '.repeat(LABEL)} ${title}: ${legend}`,
    ...lines,
    `${' '.repeat(LABEL)} +${'-'.repeat(WIDTH + 1)}`,
    axis(x.ticks.map((tick) => ({ at: column(tick), text: shortNumber(tick) }))),
  ].join('\n');
}

function axis(ticks: readonly { readonly at: number; readonly text: string }[]): string {
  let line = ' '.repeat(LABEL + 2);
  for (const { at, text } of ticks) {
    const start = LABEL + 2 + at - Math.floor(text.length / 2);
    if (start > line.trimEnd().length || line.trim() === '') line = line.padEnd(start) + text;
  }
  return `${line}  active files`;
}
