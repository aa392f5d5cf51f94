import { UsageError } from './args.ts';

const BYTES: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** Bytes of an option such as `128MiB`, `1GB` or `500000`. Throws UsageError naming the option. */
export function parseBytes(text: string, option: string): number {
  const [, count, unit = ''] = /^(\d{1,15})\s*([a-z]*)$/i.exec(text.trim()) ?? [];
  const factor = BYTES[unit.toLowerCase()];
  const bytes = Number(count) * (factor ?? Number.NaN);
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new UsageError(`--${option} expects a size such as 128MiB or 1GB, got "${text}"`);
}

const MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** ms of an option such as `90s`, `10m`, `6h` or `2d`. Throws UsageError naming the option. */
export function parseDuration(text: string, option: string): number {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text.trim()) ?? [];
  if (count !== undefined) return Number(count) * (MS[unit] ?? 0);
  throw new UsageError(`--${option} expects a time such as 90s, 10m, 6h or 2d, got "${text}"`);
}
