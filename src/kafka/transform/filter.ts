import type { DatumObject } from '../decode/datum.ts';
import type { KafkaRecord } from '../record.ts';
import { isTruthy } from './evaluation.ts';
import { compileExpression } from './expression.ts';

/** Whether a row is kept. Throws PayloadError `EXPRESSION_FAILED`. */
export type Filter = (row: DatumObject, record: KafkaRecord) => boolean;

/**
 * Compiles a filter: rows stay for which the JMESPath expression is true, that is anything but null, false, and an empty
 * text, array or object. Throws an Error for what is no expression.
 */
export function compileFilter(text: string): Filter {
  const expression = compileExpression(text);
  return (row, record) => isTruthy(expression.evaluate(row, record));
}
