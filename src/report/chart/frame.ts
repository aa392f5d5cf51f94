import { type Html, html, NONE } from '../html.ts';
import type { Scale } from './scale.ts';

/** Of a chart, in units of its view box, which are about pixels. */
export interface ChartSize {
  readonly name: 'wide' | 'narrow';
  readonly width: number;
  readonly height: number;
}

/** For the whole width of a page, and for a phone or a third of a page. */
export const WIDE: ChartSize = { name: 'wide', width: 880, height: 240 };
export const NARROW: ChartSize = { name: 'narrow', width: 340, height: 200 };

export interface ChartText {
  /** Of the element; no other may have it. */
  readonly id: string;
  readonly title: string;
  /** What is to be seen, in words. */
  readonly description: string;
}

/** Where things are drawn. */
export interface Plot {
  x(position: number): number;
  y(position: number): number;
}

const MARGIN = { top: 10, right: 14, bottom: 28, left: 62 };
/** Labels this near to the right end lie to the left of their place: there is no margin for them. */
const EDGE = 0.06;

/** A picture with two axes, around what `draw` makes. */
export function frame(text: ChartText, size: ChartSize, xAxis: Scale, yAxis: Scale, draw: (plot: Plot) => Html): Html {
  const { width, height, name } = size;
  const [left, right] = [MARGIN.left, width - MARGIN.right];
  const [top, bottom] = [MARGIN.top, height - MARGIN.bottom];
  const plot: Plot = {
    x: (position) => round(left + position * (right - left)),
    y: (position) => round(bottom - position * (bottom - top)),
  };
  const id = `${text.id}-${name}`;
  const grid = yAxis.ticks.map(({ at, label }) => {
    const y = plot.y(at);
    return html`<path class="grid" d="M${left} ${y}H${right}"/><text x="${left - 8}" y="${round(y + 4)}" text-anchor="end">${label}</text>`;
  });
  const ticks = xAxis.ticks.map(({ at, label }) => {
    const anchor = at > 1 - EDGE ? 'end' : 'middle';
    const x = plot.x(at);
    return html`<path class="axis" d="M${x} ${bottom}v4"/><text x="${x}" y="${bottom + 20}" text-anchor="${anchor}">${label}</text>`;
  });
  return html`<svg class="${name}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="${id}-t ${id}-d"><title id="${id}-t">${text.title}</title><desc id="${id}-d">${text.description}</desc>${grid}${ticks}${draw(plot)}<path class="axis" d="M${left} ${bottom}H${right}"/></svg>`;
}

/** Both sizes of a picture, of which the page shows one. */
export function responsive(draw: (size: ChartSize) => Html): Html {
  return html`${draw(WIDE)}${draw(NARROW)}`;
}

/** What the colours stand for; nothing where there is one only. */
export function legend(names: readonly Html[]): Html {
  if (names.length < 2) return NONE;
  return html`<ul class="legend">${names.map((name, index) => html`<li><span class="key s${index}"></span>${name}</li>`)}</ul>`;
}

export function round(value: number): number {
  return Math.round(value * 10) / 10;
}
