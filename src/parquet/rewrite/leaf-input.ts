import type { Data } from 'apache-arrow';
import { formatPath, type PrimitiveType } from '../../delta/schema.ts';
import type { Arrow } from '../write/arrow-batch.ts';
import { InexactValueError } from './rewrite-error.ts';

/** A column without parts of its own, as parquet-rs reads it, and what the table has it as. */
export interface LeafInput {
  readonly arrow: Arrow;
  readonly data: Data;
  readonly type: PrimitiveType;
  /** Names from the schema's root down. */
  readonly path: readonly string[];
  /** A bit a value; undefined where there is no null. */
  readonly validity: Uint8Array | undefined;
}

/** An array of another type than `bindColumns` lets through. */
export function unexpected(data: Data, type: PrimitiveType): TypeError {
  return new TypeError(`values of the Arrow type ${data.type} where the table has ${type}`);
}

export function inexact({ path, type }: LeafInput, value: bigint, what: string): InexactValueError {
  return new InexactValueError(
    `its column "${formatPath(path)}" has the ${what} ${value}, which ${type} does not hold`,
  );
}

/** Whether there is a value in the place, and not null. */
export function hasValue(validity: Uint8Array | undefined, index: number): boolean {
  return validity === undefined || (((validity[index >> 3] ?? 0) >> (index & 7)) & 1) === 1;
}
