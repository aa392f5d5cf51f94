/** Spark takes these characters in the name of a column of a mapped table only (PROTOCOL.md has no rule of its own). */
const ILLEGAL = /[ ,;{}()\n\t=]/g;
/** Longest name of a column that a payload can make, UTF-16 code units. */
const MAX_NAME = 255;

/** Which columns the fields of payloads go to. Names of columns are the same whatever their case. */
export interface ColumnNames {
  /**
   * The name of the column for a field; undefined where the path of the file holds the value. A name that is one of
   * Kafka's columns gets `value_` before it, and characters that no column can have become `_`.
   */
  columnOf(field: string): string | undefined;
}

/** `metadata` are the columns of Kafka and `paths` those whose values are in the path because an expression says so. */
export function columnNames(metadata: Iterable<string>, paths: Iterable<string>): ColumnNames {
  const taken = new Set([...metadata].map((name) => name.toLowerCase()));
  const inPath = new Set([...paths].map((name) => name.toLowerCase()));
  return {
    columnOf(field) {
      const legal = field === '' ? '_' : field.replace(ILLEGAL, '_').slice(0, MAX_NAME).toWellFormed();
      const folded = legal.toLowerCase();
      if (inPath.has(folded)) return undefined;
      return taken.has(folded) ? `value_${legal}` : legal;
    },
  };
}
