import { tableId } from './graph.ts';
import { BOX, type GraphLayout, layOut, type StepLine, type TableBox } from './graph-layout.ts';
import type { StepRule } from './rule.ts';

/** Characters of a name that a box has room for. */
const MAX_NAME = 28;
/** Colours of the layers: of the tables that no step makes, and of those behind them. */
const LAYERS = ['#b5794a', '#8795a5', '#c9a227'] as const;

/** The tables of the steps and how they follow from each other, as an SVG that needs nothing else. */
export function graphSvg(steps: readonly StepRule[]): string {
  const layout = layOut(steps);
  const { width, height, boxes, lines } = layout;
  const names = shortNames(layout);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escapeText(titleOf(steps))}</title>`,
    STYLE,
    '<defs><marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0 8 4 0 8z"/></marker></defs>',
    ...lines.map(lineSvg),
    ...boxes.map((box) => boxSvg(box, names.get(box.id) ?? box.id)),
    ...labels(lines),
    '</svg>',
    '',
  ].join('\n');
}

const STYLE =
  '<style>text{font:13px system-ui,sans-serif;fill:#222}.mode{font-size:11px;fill:#555}.box{fill:#fff;stroke-width:2}' +
  '.line{fill:none;stroke:#777;stroke-width:1.5}.lookup{stroke-dasharray:4 4}marker path{fill:#777}' +
  '@media(prefers-color-scheme:dark){text{fill:#eee}.mode{fill:#bbb}.box{fill:#1d1f23}.line{stroke:#999}}</style>';

function titleOf(steps: readonly StepRule[]): string {
  const ways = steps.map(
    ({ name, mode, source, target }) => `${name} (${mode.kind}): ${tableId(source)} to ${tableId(target)}`,
  );
  return ways.join('; ');
}

/** A curve that leaves to the right and comes from the left. */
function lineSvg({ from, to, kind, step }: StepLine): string {
  const [x1, y1] = [from.x + BOX.width, from.y + BOX.height / 2];
  const [x2, y2] = [to.x, to.y + BOX.height / 2];
  const bend = Math.min((x2 - x1) / 2, 80);
  const path = `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2 - 2} ${y2}`;
  const title = `${step.name} reads ${from.id}${kind === 'lookup' ? ' as it is' : ' by its changes'}`;
  return `<path class="line ${kind}" d="${path}" marker-end="url(#end)"><title>${escapeText(title)}</title></path>`;
}

function boxSvg({ id, x, y, layer }: TableBox, name: string): string {
  const colour = LAYERS[Math.min(layer, LAYERS.length - 1)];
  const middle = y + BOX.height / 2 + 4.5;
  return (
    `<g><title>${escapeText(id)}</title><rect class="box" x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="8" ` +
    `stroke="${colour}"/><text x="${x + BOX.width / 2}" y="${middle}" text-anchor="middle">${escapeText(shorten(name))}</text></g>`
  );
}

/** The modes, above the targets. */
function labels(lines: readonly StepLine[]): string[] {
  const byTarget = Map.groupBy(lines, ({ to }) => to);
  return [...byTarget].map(([{ x, y }, ways]) => {
    const modes = [...new Set(ways.map(({ step }) => step.mode.kind))].join(', ');
    return `<text class="mode" x="${x + 8}" y="${y - 6}">${escapeText(modes)}</text>`;
  });
}

/** Without the bucket where there is but one. */
function shortNames({ boxes }: GraphLayout): ReadonlyMap<string, string> {
  const bucketOf = (id: string) => id.slice(0, id.indexOf('/'));
  const isOne = new Set(boxes.map(({ id }) => bucketOf(id))).size === 1;
  return new Map(boxes.map(({ id }) => [id, isOne ? id.slice(id.indexOf('/') + 1) : id]));
}

/** The end of a name tells more. */
function shorten(name: string): string {
  return name.length <= MAX_NAME ? name : `…${name.slice(1 - MAX_NAME)}`;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escapeText(text: string): string {
  return text.replaceAll(/[&<>"]/g, (character) => ENTITIES[character] ?? character);
}
