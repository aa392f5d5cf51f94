/** Numbers and times for people, in English, with their units. Deterministic: nothing of the machine's locale or zone is in it. */

/** `1,234,567`. */
export function formatCount(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

/** `1 file`, `2 files`. */
export function plural(count: number, noun: string, nouns = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : nouns}`;
}

const THOUSANDS = ['', ' k', ' M', ' B', ' T'];

/** `950`, `12.3 k`, `4.56 M`: three digits. */
export function shortCount(value: number): string {
  return inUnits(value, 1000, THOUSANDS);
}

const BYTES = [' B', ' KiB', ' MiB', ' GiB', ' TiB', ' PiB', ' EiB'];

/** `950 B`, `12.3 KiB`, `16 MiB`: three digits, units of 1024. */
export function formatBytes(bytes: number): string {
  return inUnits(bytes, 1024, BYTES);
}

function inUnits(value: number, base: number, units: readonly string[]): string {
  let scaled = value;
  let unit = 0;
  while (Math.abs(scaled) >= base * 0.9995 && unit < units.length - 1) {
    scaled /= base;
    unit += 1;
  }
  const digits = unit === 0 || scaled >= 100 ? 0 : scaled >= 10 ? 1 : 2;
  return `${Number(scaled.toFixed(digits))}${units[unit]}`;
}

/** `12 ms`, `1.5 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function formatDuration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 59.95) return `${Number(seconds.toFixed(seconds < 9.95 ? 1 : 0))} s`;
  const minutes = seconds / 60;
  if (minutes < 59.99) return two(Math.round(seconds), 60, 'min', 's');
  if (minutes < 60 * 23.99) return two(Math.round(minutes), 60, 'h', 'min');
  return two(Math.round(minutes / 60), 24, 'd', 'h');
}

function two(smaller: number, per: number, unit: string, smallerUnit: string): string {
  const rest = smaller % per;
  const whole = `${formatCount(Math.floor(smaller / per))} ${unit}`;
  return rest === 0 ? whole : `${whole} ${rest} ${smallerUnit}`;
}

/** `2026-11-24 06:30:00`, in UTC; a log may hold any number, and one that is no time is given as it is. */
export function formatTime(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? String(ms) : date.toISOString().slice(0, -5).replace('T', ' ');
}

/** `0 %`, `<1 %`, `42 %`, `>99 %`, `100 %`; only all of it is 100 %. */
export function formatShare(part: number, whole: number): string {
  if (whole === 0 || part === 0) return '0 %';
  if (part === whole) return '100 %';
  const percent = (part / whole) * 100;
  if (percent < 1) return '<1 %';
  return percent > 99 ? '>99 %' : `${Math.round(percent)} %`;
}
