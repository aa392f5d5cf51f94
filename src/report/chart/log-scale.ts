export interface LogScale {
  /** Whole powers of ten. */
  readonly from: number;
  readonly to: number;
  /** The powers of ten from `from` to `to`, both included. */
  readonly ticks: readonly number[];
  /** Where a value lies: 0 at `from`, 1 at `to`. */
  position(value: number): number;
}

/** A scale over the powers of ten around positive values. Throws a RangeError for anything else, and for no values. */
export function logScale(values: readonly number[]): LogScale {
  if (values.length === 0 || values.some((value) => !(value > 0 && value < Number.POSITIVE_INFINITY))) {
    throw new RangeError(`a logarithmic scale needs positive numbers, got ${values.join(', ') || 'none'}`);
  }
  const low = floorLog(Math.min(...values));
  const high = Math.max(-floorLog(1 / Math.max(...values)), low + 1);
  const ticks = Array.from({ length: high - low + 1 }, (_, index) => power(low + index));
  return {
    from: power(low),
    to: power(high),
    ticks,
    position: (value) => (Math.log10(value) - low) / (high - low),
  };
}

/** The power of ten at or below a value; rounding in the logarithm must not move a power itself. */
function floorLog(value: number): number {
  return Math.floor(Math.log10(value) + 1e-9);
}

function power(exponent: number): number {
  return Number(`1e${exponent}`);
}
