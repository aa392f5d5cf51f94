import { type Datum, type DatumObject, isDatumObject } from '../decode/datum.ts';
import { describeDatum } from '../decode/json-text.ts';
import { PayloadError } from '../decode/payload-error.ts';
import { convertBySchema, fieldSchema } from './connect-schema.ts';
import { fieldReader } from './evaluation.ts';
import { parseNestedJson } from './nested-json.ts';

/** Create, read by a snapshot, update, delete, truncate, and a message of the database's log. */
export type ChangeOperation = 'c' | 'r' | 'u' | 'd' | 't' | 'm';

export interface Unwrapped {
  readonly row: DatumObject;
  readonly op: ChangeOperation;
}

const OPERATIONS: ReadonlySet<Datum> = new Set<ChangeOperation>(['c', 'r', 'u', 'd', 't', 'm']);

/** Fields of `source` that rows get, under `__<name>`, as ExtractNewRecordState names them. */
const SOURCE_FIELDS = ['db', 'schema', 'table', 'collection', 'lsn', 'file', 'pos', 'scn', 'change_lsn', 'commit_lsn'];

const readSchema = fieldReader('schema');
const readPayload = fieldReader('payload');
const readOp = fieldReader('op');
const readBefore = fieldReader('before');
const readAfter = fieldReader('after');
const readMessage = fieldReader('message');
const readSource = fieldReader('source');
const readTime = fieldReader('ts_ms');
const readTransaction = fieldReader('transaction');
const readId = fieldReader('id');
const SOURCE_READERS = SOURCE_FIELDS.map((name) => ({ name: `__${name}`, read: fieldReader(name) }));

/**
 * The row of a change event of Debezium, with or without `{"schema", "payload"}` around it, in the manner of its
 * ExtractNewRecordState ("New Record State Extraction"):
 *
 * - create, read and update give `after`; delete gives `before`, or nothing but the fields below where there is none
 * - truncate gives nothing but the fields below; a message gives what `message` has (`prefix`, and `content` in base64)
 * - `__op`, `__deleted`, `__ts_ms`, `__source_ts_ms`, `__db`, `__schema`, `__table`, `__lsn`, `__file`, `__pos` and the like
 *   and `__transaction_id` are added, where the event has them. `__deleted` is a boolean, while Debezium has it as text
 * - documents of MongoDB come as JSON text, and are parsed
 *
 * Undefined for what a table has no row for: heartbeats of the connector, and `{"schema": …, "payload": null}`.
 *
 * With the schema, decimals become exact numbers, and dates and times ISO 8601 texts (see connect-schema.ts); without it,
 * values stay as they are. Throws PayloadError `INVALID_ENVELOPE` for anything else, also for transaction markers and for
 * changes of the schema.
 */
export function unwrapEnvelope(row: DatumObject): Unwrapped | undefined {
  if (!Object.hasOwn(row, 'payload') || Object.hasOwn(row, 'op')) return unwrapPayload(row, undefined);
  const payload = readPayload(row);
  if (payload === null) return undefined;
  if (!isDatumObject(payload)) throw invalid(`has ${describeDatum(payload)} as its payload, expected an object`);
  return unwrapPayload(payload, readSchema(row));
}

function unwrapPayload(payload: DatumObject, schema: Datum): Unwrapped | undefined {
  const op = readOp(payload);
  if (op === null && isHeartbeat(payload)) return undefined;
  if (!isOperation(op)) throw invalid(`has ${describeDatum(op)} as "op", expected one of c, r, u, d, t and m`);
  const row: { [field: string]: Datum } = { ...stateOf(op, payload, schema) };
  row.__op = op;
  row.__deleted = op === 'd';
  addMetadata(row, payload);
  return { row, op };
}

function isOperation(op: Datum): op is ChangeOperation {
  return OPERATIONS.has(op);
}

/** The value on the topics `__debezium-heartbeat.…` has its time and nothing else. */
function isHeartbeat(payload: DatumObject): boolean {
  const names = Object.keys(payload);
  return names.includes('ts_ms') && names.every((name) => /^ts_(ms|us|ns)$/.test(name));
}

function stateOf(op: ChangeOperation, payload: DatumObject, schema: Datum): DatumObject {
  switch (op) {
    case 't':
      return {};
    case 'm':
      return objectOf('message', readMessage(payload), schema);
    case 'd': {
      const before = readBefore(payload);
      return before === null ? {} : objectOf('before', before, schema);
    }
    default:
      return objectOf('after', readAfter(payload), schema);
  }
}

function objectOf(name: 'before' | 'after' | 'message', value: Datum, schema: Datum): DatumObject {
  const state = typeof value === 'string' ? parseDocument(name, value) : value;
  const converted = schema === null ? state : convertBySchema(state, fieldSchema(schema, name));
  if (!isDatumObject(converted)) throw invalid(`has ${describeDatum(value)} as "${name}", expected an object`);
  return converted;
}

function parseDocument(name: string, text: string): Datum {
  try {
    return parseNestedJson(text);
  } catch (cause) {
    throw invalid(`has ${describeDatum(text)} as "${name}", expected an object, or one as JSON`, cause);
  }
}

function addMetadata(row: { [field: string]: Datum }, payload: DatumObject): void {
  const source = readSource(payload);
  const add = (name: string, value: Datum) => {
    if (value !== null && value !== undefined) row[name] = value;
  };
  add('__ts_ms', readTime(payload));
  add('__source_ts_ms', readTime(source));
  for (const { name, read } of SOURCE_READERS) add(name, read(source));
  add('__transaction_id', readId(readTransaction(payload)));
}

function invalid(what: string, cause?: unknown): PayloadError {
  const message = `The payload is no change event of Debezium: it ${what}`;
  return new PayloadError('INVALID_ENVELOPE', message, cause === undefined ? undefined : { cause });
}
