import { type Datum, type DatumObject, isDatumObject } from '../decode/datum.ts';
import type { KafkaRecord } from '../record.ts';
import { setField } from './evaluation.ts';
import { compileExpression, type Expression } from './expression.ts';

/** Sets fields of rows. */
export interface Transform {
  /** A copy of the row with the fields set. Throws PayloadError `EXPRESSION_FAILED`. */
  apply(row: DatumObject, record: KafkaRecord): DatumObject;
}

type Fields = { [field: string]: Datum };

interface Assignment {
  readonly path: readonly string[];
  readonly expression: Expression;
}

/**
 * Compiles transforms: the name of a field and the JMESPath expression for its value. As in kafka-delta-ingest:
 *
 * - a dotted name is a path into nested objects, which are made where there are none; what is in the way is replaced
 * - every expression sees the row as it came, not what other transforms made of it
 * - null sets nothing: a field that the row has stays
 * - `kafka.offset` and the like are the record's metadata, also when the row has a field `kafka` (which stays in the row)
 *
 * Undefined when there are none. Throws an Error that names the field.
 */
export function compileTransforms(transforms: Readonly<Record<string, string>>): Transform | undefined {
  const assignments = Object.entries(transforms).map(([name, text]) => compileAssignment(name, text));
  if (assignments.length === 0) return undefined;
  return {
    apply: (row, record) => {
      const result: Fields = { ...row };
      for (const { path, expression } of assignments) {
        const value = expression.evaluate(row, record);
        if (value !== null && value !== undefined) setPath(result, path, 0, value);
      }
      return result;
    },
  };
}

function compileAssignment(name: string, text: string): Assignment {
  const path = name.split('.');
  if (path.includes('')) throw new Error(`The field "${name}" is not a name, or names with dots between`);
  try {
    return { path, expression: compileExpression(text) };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`The field "${name}": ${reason}`, { cause });
  }
}

/** The objects on the way are copied: they are the row's. */
function setPath(object: Fields, path: readonly string[], depth: number, value: Datum): void {
  const name = path[depth] ?? '';
  if (depth === path.length - 1) {
    setField(object, name, value);
    return;
  }
  const found = Object.hasOwn(object, name) ? object[name] : undefined;
  const next: Fields = isDatumObject(found) ? { ...found } : {};
  setPath(next, path, depth + 1, value);
  setField(object, name, next);
}
