import type { Decimal as ArrowDecimal } from 'apache-arrow';
import { type Decimal, decimalOf } from '../../delta/schema.ts';
import { hasValue, inexact, type LeafInput, unexpected } from './leaf-input.ts';

const MASK = (1n << 64n) - 1n;

/** Decimals of 128 bits with the scale of the table; as they are where the file has the same scale. */
export function convertDecimals(input: LeafInput): BigInt64Array {
  const { data, type, validity } = input;
  const { scale, bitWidth } = data.type as ArrowDecimal;
  const target = decimalOf(type);
  const { length, values } = data;
  if (target === undefined || bitWidth !== 128 || !(values instanceof Uint32Array) || scale > target.scale) {
    throw unexpected(data, type);
  }
  const limbs = new BigInt64Array(values.buffer, values.byteOffset, 2 * length);
  const limit = 10n ** BigInt(target.precision);
  const factor = 10n ** BigInt(target.scale - scale);
  const isWider = (data.type as ArrowDecimal).precision <= target.precision;
  if (factor === 1n && isWider) return limbs;
  const scaled = new BigInt64Array(2 * length);
  for (let index = 0; index < length; index++) {
    if (!hasValue(validity, index)) continue;
    const value = ((limbs[2 * index + 1] ?? 0n) << 64n) | ((limbs[2 * index] ?? 0n) & MASK);
    put(input, scaled, { index, value: value * factor, limit });
  }
  return scaled;
}

/** Whole numbers as decimals of 128 bits. */
export function integersToDecimals(input: LeafInput): BigInt64Array {
  const { arrow, data, type, validity } = input;
  const target: Decimal | undefined = decimalOf(type);
  const { length, values } = data;
  if (target === undefined || data.typeId !== arrow.Type.Int) throw unexpected(data, type);
  const limit = 10n ** BigInt(target.precision);
  const factor = 10n ** BigInt(target.scale);
  const decimals = new BigInt64Array(2 * length);
  for (let index = 0; index < length; index++) {
    if (hasValue(validity, index)) put(input, decimals, { index, value: BigInt(values[index]) * factor, limit });
  }
  return decimals;
}

function put(
  input: LeafInput,
  decimals: BigInt64Array,
  { index, value, limit }: { readonly index: number; readonly value: bigint; readonly limit: bigint },
): void {
  if (value >= limit || value <= -limit) throw inexact(input, value, 'unscaled value');
  decimals[2 * index] = BigInt.asIntN(64, value);
  decimals[2 * index + 1] = value >> 64n;
}
