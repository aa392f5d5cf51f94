import type { Timestamp } from 'apache-arrow';
import { hasValue, inexact, type LeafInput, unexpected } from './leaf-input.ts';

const MICROS_PER_DAY = 86_400_000_000n;
const MAX_MICROS = 2n ** 63n - 1n;

/** µs since the epoch, which is what Delta's readers expect, whatever the unit in the file. */
export function convertTimestamps(input: LeafInput): BigInt64Array {
  const { arrow, data, type } = input;
  const { values, length } = data;
  if (!(values instanceof BigInt64Array)) throw unexpected(data, type);
  const { TimeUnit } = arrow;
  switch ((data.type as Timestamp).unit) {
    case TimeUnit.MICROSECOND:
      return values.subarray(0, length);
    case TimeUnit.MILLISECOND:
      return scaled(input, values, 1_000n);
    case TimeUnit.SECOND:
      return scaled(input, values, 1_000_000n);
    default:
      throw unexpected(data, type);
  }
}

/** Midnight of the day, for a column of dates that was widened. */
export function datesToTimestamps(input: LeafInput): BigInt64Array {
  const { data, type, validity } = input;
  const { values, length } = data;
  if (!(values instanceof Int32Array)) throw unexpected(data, type);
  const micros = new BigInt64Array(length);
  for (let index = 0; index < length; index++) {
    if (hasValue(validity, index)) micros[index] = BigInt(values[index] ?? 0) * MICROS_PER_DAY;
  }
  return micros;
}

function scaled(input: LeafInput, values: BigInt64Array, factor: bigint): BigInt64Array {
  const { data, validity } = input;
  const micros = new BigInt64Array(data.length);
  const limit = MAX_MICROS / factor;
  for (let index = 0; index < data.length; index++) {
    if (!hasValue(validity, index)) continue;
    const value = values[index] ?? 0n;
    if (value > limit || value < -limit) throw inexact(input, value, 'time');
    micros[index] = value * factor;
  }
  return micros;
}
