import { logScale } from '../../src/report/chart/log-scale.ts';
import { escapeText } from '../../src/report/html.ts';
import { type Series, shortNumber, shortTime } from './chart-scale.ts';

const [WIDTH, HEIGHT] = [720, 420];
const MARGIN = { top: 64, right: 110, bottom: 56, left: 72 };
/** Of Okabe and Ito, which all eyes can tell apart: on light and on dark ground. */
const COLOURS = [
  { light: '#0072b2', dark: '#56b4e9' },
  { light: '#d55e00', dark: '#e69f00' },
  { light: '#009e73', dark: '#2ed3a0' },
  { light: '#cc79a7', dark: '#e3a5c6' },
  { light: '#7a6a00', dark: '#f0e442' },
];

export interface ChartText {
  readonly title: string;
  readonly subtitle: string;
  /** Name of the axis at the bottom, and how its values are written. @default active files of the table */
  readonly x?: ChartAxis;
  /** How the values of the other are written. @default as ms */
  readonly y?: Pick<ChartAxis, 'format'>;
}

export interface ChartAxis {
  readonly name: string;
  readonly format: (value: number) => string;
}

const FILES: ChartAxis = { name: 'active files of the table', format: shortNumber };

/** A chart with two logarithmic axes as an SVG that follows the reader's light or dark scheme. */
export function svgChart(text: ChartText, series: readonly Series[]): string {
  const { title, subtitle, x: bottomAxis = FILES, y: { format: formatY } = { format: shortTime } } = text;
  const points = series.flatMap((each) => each.points);
  const [xScale, yScale] = [logScale(points.map((point) => point.x)), logScale(points.map((point) => point.y))];
  const [right, bottom] = [WIDTH - MARGIN.right, HEIGHT - MARGIN.bottom];
  const x = (value: number): number => round(MARGIN.left + xScale.position(value) * (right - MARGIN.left));
  const y = (value: number): number => round(bottom - yScale.position(value) * (bottom - MARGIN.top));
  const parts = [
    `<text class="title" x="${MARGIN.left}" y="26">${escapeText(title)}</text>`,
    `<text x="${MARGIN.left}" y="46">${escapeText(subtitle)}</text>`,
    ...yScale.ticks.flatMap((tick) => [
      `<line class="grid" x1="${MARGIN.left}" y1="${y(tick)}" x2="${right}" y2="${y(tick)}"/>`,
      `<text x="${MARGIN.left - 8}" y="${y(tick) + 4}" text-anchor="end">${formatY(tick)}</text>`,
    ]),
    ...xScale.ticks.map(
      (tick) => `<text x="${x(tick)}" y="${bottom + 20}" text-anchor="middle">${bottomAxis.format(tick)}</text>`,
    ),
    `<line class="axis" x1="${MARGIN.left}" y1="${bottom}" x2="${right}" y2="${bottom}"/>`,
    `<text x="${(MARGIN.left + right) / 2}" y="${HEIGHT - 12}" text-anchor="middle">${escapeText(bottomAxis.name)}</text>`,
    ...series.map((each, index) => line(each, index, { x, y, formatX: bottomAxis.format, formatY })),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="t d">
<title id="t">${escapeText(title)}</title>
<desc id="d">${escapeText(describe(series, bottomAxis.format, formatY))}</desc>
<style>${style()}</style>
<rect class="ground" width="${WIDTH}" height="${HEIGHT}"/>
${parts.join('\n')}
</svg>
`;
}

type Position = (value: number) => number;
type Format = ChartAxis['format'];

interface Plot {
  readonly x: Position;
  readonly y: Position;
  readonly formatX: Format;
  readonly formatY: Format;
}

/** The line of a series with a dot at each value; its name and the last value stand at its end. */
function line({ name, points }: Series, index: number, { x, y, formatX, formatY }: Plot): string {
  const colour = `c${index % COLOURS.length}`;
  const path = points.map((point) => `${x(point.x)},${y(point.y)}`).join(' ');
  const dots = points.map(
    (point) =>
      `<circle class="${colour}" cx="${x(point.x)}" cy="${y(point.y)}" r="4"><title>${escapeText(name)}, ${escapeText(`${formatX(point.x)}: ${formatY(point.y)}`)}</title></circle>`,
  );
  const last = points.at(-1);
  const label =
    last === undefined
      ? ''
      : `<text class="name ${colour}" x="${x(last.x) + 10}" y="${y(last.y) - 2}">${escapeText(name)}</text><text x="${x(last.x) + 10}" y="${y(last.y) + 14}">${escapeText(formatY(last.y))}</text>`;
  return `<polyline class="line ${colour}" points="${path}"/>${dots.join('')}${label}`;
}

function style(): string {
  const colours = (scheme: 'light' | 'dark'): string =>
    COLOURS.map((colour, index) => {
      const value = colour[scheme];
      return `circle.c${index},.name.c${index}{fill:${value}}.line.c${index}{stroke:${value}}`;
    }).join('');
  return [
    'text{font:13px system-ui,sans-serif;fill:#444}.title{font-size:16px;font-weight:600;fill:#111}.name{font-weight:600}',
    '.ground{fill:#fff}.grid{stroke:#ddd}.axis{stroke:#888}.line{fill:none;stroke-width:2.5}',
    colours('light'),
    '@media (prefers-color-scheme:dark){text{fill:#bbb}.title{fill:#eee}.ground{fill:#0d1117}.grid{stroke:#30363d}',
    `${colours('dark')}}`,
  ].join('');
}

function describe(series: readonly Series[], formatX: Format, formatY: Format): string {
  return series
    .map(({ name, points }) => {
      const values = points.map((point) => `${formatY(point.y)} at ${formatX(point.x)}`);
      return `${name}: ${values.join(', ')}`;
    })
    .join('. ');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
