/**
 * A value of a payload as JSON has it, with what JSON libraries lose kept. Formats with more types give the cells of
 * `src/parquet/write/cell.ts` instead, and are brought into this form where an expression looks at them.
 */
export type Datum =
  | null
  | undefined
  | boolean
  | number
  | string
  | NumberText
  | readonly Datum[]
  | { readonly [field: string]: Datum };

export type DatumObject = { readonly [field: string]: Datum };

/** A number that a double does not hold exactly, as text: `-9223372036854775808`, `0.12345678901234567890`, `1e400`. */
export class NumberText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }

  /** As `JSON.rawJSON` would give it; `JSON.stringify` has nothing for a raw number but a string. */
  toJSON(): string {
    return this.text;
  }
}

export function isDatumObject(value: Datum): value is DatumObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof NumberText);
}
