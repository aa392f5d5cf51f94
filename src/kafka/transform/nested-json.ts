import type { Datum } from '../decode/datum.ts';
import { DEFAULT_MAX_DEPTH } from '../decode/json.ts';
import { isDeeperThan } from '../decode/json-depth.ts';
import { mayHoldInexactNumber, parseWithNumberText } from '../decode/json-numbers.ts';

/**
 * Parses JSON that is a text of a payload or an expression, as the payload itself is parsed: a number that a double does
 * not hold is a NumberText, and `__proto__` is a field like any other. Throws SyntaxError for what is no JSON, or nested
 * more than 100 levels deep.
 */
export function parseNestedJson(text: string): Datum {
  if (isDeeperThan(text, DEFAULT_MAX_DEPTH)) throw new SyntaxError(`nested more than ${DEFAULT_MAX_DEPTH} levels deep`);
  return (mayHoldInexactNumber(text) ? parseWithNumberText(text) : JSON.parse(text)) as Datum;
}
