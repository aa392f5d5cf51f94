/** A point of a chart with two logarithmic axes. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Series {
  readonly name: string;
  /** Ascending in x. */
  readonly points: readonly Point[];
}

/** 10, 1k, 100k, 1M */
export function shortNumber(value: number): string {
  if (value >= 1e6) return `${value / 1e6}M`;
  if (value >= 1e3) return `${value / 1e3}k`;
  return String(value);
}

/** Of ms: 20 ms, 5 s */
export function shortTime(ms: number): string {
  return ms >= 1_000 ? `${Number((ms / 1_000).toPrecision(2))} s` : `${Number(ms.toPrecision(2))} ms`;
}
