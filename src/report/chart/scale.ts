import { formatBytes, formatDuration, shortCount } from '../format.ts';
import { logScale } from './log-scale.ts';

export interface Tick {
  /** Between 0 and 1. */
  readonly at: number;
  readonly label: string;
}

/** Of one axis. */
export interface Scale {
  readonly ticks: readonly Tick[];
  /** Where a value lies, between 0 and 1. */
  position(value: number): number;
}

/** Steps between ticks that an axis has at most. */
const STEPS = 5;

/** From 0 to above `max`, with round ticks; whole numbers. */
export function countScale(max: number): Scale {
  return linear(max, Math.max(1, niceStep(max / STEPS)), shortCount);
}

/** From 0 to above `max` bytes, with ticks that are round in the unit of 1024 that fits. */
export function bytesScale(max: number): Scale {
  let unit = 1;
  while (max / unit >= 1024) unit *= 1024;
  return linear(max, unit * Math.max(unit === 1 ? 1 : 0, niceStep(max / unit / STEPS)), formatBytes);
}

function linear(max: number, step: number, label: (value: number) => string): Scale {
  const count = Math.max(1, Math.ceil(max / step - 1e-9));
  const top = count * step;
  const ticks = Array.from({ length: count + 1 }, (_, index) => ({ at: index / count, label: label(index * step) }));
  return { ticks, position: (value) => Math.min(1, Math.max(0, value / top)) };
}

/** 1, 2 or 5 times a power of ten, at or above a value. */
function niceStep(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const factor = [1, 2, 5, 10].find((each) => each * power >= value * (1 - 1e-9)) ?? 10;
  return factor * power;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Durations that people know, about a power of ten apart; the last are a year and a hundred. */
const DURATIONS = [1, 10, 100, SECOND, 10 * SECOND, MINUTE, 10 * MINUTE, HOUR, 6 * HOUR, DAY, 10 * DAY, 100 * DAY];

/** Of durations in ms, logarithmic; below 1 ms counts as 1 ms. */
export function durationScale(values: readonly number[]): Scale {
  const scale = logScale(values.map((ms) => Math.max(1, ms)));
  const position = (ms: number): number => Math.min(1, Math.max(0, scale.position(Math.max(1, ms))));
  const ticks = DURATIONS.filter((ms) => ms >= scale.from && ms <= scale.to);
  return { ticks: ticks.map((ms) => ({ at: position(ms), label: formatDuration(ms) })), position };
}

const TIME_STEPS = [
  ...[SECOND, 5 * SECOND, 15 * SECOND, 30 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE],
  ...[HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY],
];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
/** Steps in months, where days do not do. */
const MONTH_STEPS = [1, 2, 3, 6, 12, 24, 60, 120, 240];

/** From one time to a later one, ms since the epoch, with `most` ticks at most on round times in UTC. */
export function timeScale(from: number, to: number, most: number): Scale {
  const span = Math.max(1, to - from);
  const position = (time: number): number => Math.min(1, Math.max(0, (time - from) / span));
  const times = roundTimes(from, to, most);
  const ticks = times.map(({ time, label }) => ({ at: position(time), label }));
  return { ticks, position };
}

function roundTimes(from: number, to: number, most: number): { readonly time: number; readonly label: string }[] {
  const step = TIME_STEPS.find((each) => Math.floor(to / each) - Math.ceil(from / each) + 1 <= most);
  if (step === undefined) return roundMonths(from, to, most);
  const times: number[] = [];
  for (let time = Math.ceil(from / step) * step; time <= to; time += step) times.push(time);
  return times.map((time, index) => {
    const isNewDay = index === 0 || Math.floor(time / DAY) !== Math.floor((times[index - 1] ?? 0) / DAY);
    return { time, label: step >= DAY || (isNewDay && time % DAY === 0) ? dayLabel(time) : clockLabel(time, step) };
  });
}

function roundMonths(from: number, to: number, most: number): { readonly time: number; readonly label: string }[] {
  const [first, last] = [monthOf(from - 1) + 1, monthOf(to)];
  const step = MONTH_STEPS.find((each) => Math.floor(last / each) - Math.ceil(first / each) + 1 <= most) ?? 1200;
  const months: number[] = [];
  for (let month = Math.ceil(first / step) * step; month <= last; month += step) months.push(month);
  return months.map((month) => ({
    time: Date.UTC(Math.floor(month / 12), month % 12),
    label: step >= 12 ? `${Math.floor(month / 12)}` : `${MONTHS[month % 12]} ${Math.floor(month / 12)}`,
  }));
}

function monthOf(time: number): number {
  const date = new Date(time);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

function dayLabel(time: number): string {
  const date = new Date(time);
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`;
}

function clockLabel(time: number, step: number): string {
  return new Date(time).toISOString().slice(11, step < MINUTE ? 19 : 16);
}
