import type { Datum } from '../decode/datum.ts';
import { describeDatum } from '../decode/json-text.ts';
import { type Call, define, type FunctionDefinition, integerAt, textAt, unfit } from './call.ts';
import { integerDatum } from './decimal.ts';
import { EvaluationError, isNumber } from './evaluation.ts';
import { isoTimestamp, parseTimestamp } from './iso-time.ts';

/**
 * Functions of time. The first four are those of kafka-delta-ingest: they cut fractions off. Beyond the years 1 to 9999
 * they fail.
 *
 * | function | gives |
 * |---|---|
 * | `epoch_seconds_to_iso8601(number)`, `epoch_millis_to_iso8601`, `epoch_micros_to_iso8601` | text as `2021-07-20T23:18:18Z`, with 3 or 6 digits behind the point where the time has them |
 * | `epoch_millis_to_micro(number)` | the number times 1,000 |
 * | `to_date(value)` | the UTC date as `2021-07-20`, of ms since the epoch or of an ISO 8601 text |
 * | `create_timestamp(value)` | the UTC time as `2021-07-20T23:18:18Z`, of ms since the epoch or of an ISO 8601 text |
 */
export const TIME_FUNCTIONS: Readonly<Record<string, FunctionDefinition>> = {
  epoch_seconds_to_iso8601: define(1, (call) => isoOf(call, integerAt(call, 0) * 1_000_000n)),
  epoch_millis_to_iso8601: define(1, (call) => isoOf(call, integerAt(call, 0) * 1000n)),
  epoch_micros_to_iso8601: define(1, (call) => isoOf(call, integerAt(call, 0))),
  epoch_millis_to_micro: define(1, millisToMicros),
  to_date: define(1, (call) => isoOf(call, microsOf(call)).slice(0, DATE_LENGTH)),
  create_timestamp: define(1, (call) => isoOf(call, microsOf(call))),
};

const DATE_LENGTH = '2021-07-20'.length;

function isoOf(call: Call, micros: bigint): string {
  const text = isoTimestamp(micros);
  if (text === undefined) throw unfit(call, 0, 'a time in the years 1 to 9999');
  return text;
}

function microsOf(call: Call): bigint {
  if (isNumber(call.values[0])) return integerAt(call, 0) * 1000n;
  const micros = parseTimestamp(textAt(call, 0));
  if (micros === undefined) throw unfit(call, 0, 'a date or time in ISO 8601, or ms since the epoch');
  return micros;
}

/** As an i64, like there. */
function millisToMicros(call: Call): Datum {
  const micros = integerAt(call, 0) * 1000n;
  if (BigInt.asIntN(64, micros) === micros) return integerDatum(micros);
  throw new EvaluationError(`epoch_millis_to_micro() got ${describeDatum(call.values[0])}, more than 64 bits of µs`);
}
