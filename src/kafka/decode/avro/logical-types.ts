import type { LogicalType, PrimitiveKind, SimpleLogicalName } from './schema.ts';

/** The type that a logical type stands on. */
export type BaseType =
  | { readonly kind: PrimitiveKind }
  | { readonly kind: 'fixed' /** In bytes. */; readonly size: number };

/** What each is written as (specification, "Logical Types"). */
const BASES: ReadonlyMap<unknown, { readonly name: SimpleLogicalName; readonly bases: readonly string[] }> = new Map(
  (
    [
      ['uuid', 'string', 'fixed(16)'],
      ['date', 'int'],
      ['time-millis', 'int'],
      ['time-micros', 'long'],
      ['timestamp-millis', 'long'],
      ['timestamp-micros', 'long'],
      ['timestamp-nanos', 'long'],
      ['local-timestamp-millis', 'long'],
      ['local-timestamp-micros', 'long'],
      ['local-timestamp-nanos', 'long'],
      ['duration', 'fixed(12)'],
    ] as const
  ).map(([name, ...bases]) => [name, { name, bases }]),
);

/**
 * What the attributes of a type say that it stands for; undefined for nothing. "Language implementations must ignore
 * unknown logical types", and those that are not valid, such as a decimal with a scale beyond its precision.
 */
export function logicalTypeOf(
  attributes: { readonly [name: string]: unknown },
  base: BaseType,
): LogicalType | undefined {
  const { logicalType } = attributes;
  if (logicalType === 'decimal') return decimalOf(attributes, base);
  const known = BASES.get(logicalType);
  const baseName = base.kind === 'fixed' ? `fixed(${base.size})` : base.kind;
  return known?.bases.includes(baseName) ? { name: known.name } : undefined;
}

function decimalOf(attributes: { readonly [name: string]: unknown }, base: BaseType): LogicalType | undefined {
  const { precision, scale = 0 } = attributes;
  if (base.kind !== 'bytes' && base.kind !== 'fixed') return undefined;
  if (!isWhole(precision) || !isWhole(scale) || precision < 1 || scale > precision) return undefined;
  if (base.kind === 'fixed' && precision > digitsOf(base.size)) return undefined;
  return { name: 'decimal', precision, scale };
}

function isWhole(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** Digits that every number of so many bytes in two's complement can have. */
function digitsOf(bytes: number): number {
  return Math.floor((8 * bytes - 1) * Math.log10(2));
}
