import type protobuf from 'protobufjs';
import type { StructType } from '../../../delta/schema.ts';
import type { TypedRow } from '../decoder.ts';
import { compileMessage } from './compile.ts';
import { readWhole } from './message.ts';
import { Wire } from './wire.ts';

/** Turns payloads of one message type into rows of a Delta schema. */
export interface ProtobufReader {
  /** Every column and every part of one is nullable. The same object every time. */
  readonly schema: StructType;
  /**
   * The row of the payload from `offset` to its end. Cells of bytes, and of longer strings, are views of the payload.
   * Throws a PayloadError: `INVALID_PROTOBUF` for bytes that are no such message, `TOO_LARGE` for messages nested too
   * deeply, and more values than memory is to be spent on.
   */
  read(payload: Uint8Array, offset?: number): TypedRow;
}

/**
 * A reader for payloads of the message type. Columns have the names of the fields in the .proto file. Throws
 * `UNKNOWN_SCHEMA` for fields whose names differ in case only, and for more fields than a table could have.
 *
 * | Protobuf | Delta |
 * |---|---|
 * | `int32`, `sint32`, `sfixed32` | `integer` |
 * | `uint32`, `fixed32`, `int64`, `sint64`, `sfixed64` | `long` |
 * | `uint64`, `fixed64` | `decimal(20,0)` |
 * | `float`, `double`, `bool`, `string`, `bytes` | `float`, `double`, `boolean`, `string`, `binary` |
 * | enum | `string`: the name; the number where it has none |
 * | message, group | `struct`; no column when nothing is in it |
 * | a message inside of itself | `string`: JSON, with 64-bit numbers as text (ProtoJSON) and absent fields left out |
 * | `repeated`, `map` | `array`, `map`; empty when absent. The last of entries with the same key stays |
 * | oneof | a column for each member, of which one has a value at most |
 * | `Timestamp` | `timestamp`, rounded down to µs |
 * | `DoubleValue` and the other wrappers | the type of their value, null when absent |
 * | `Struct`, `Value`, `ListValue` | `string`: JSON |
 * | `Duration`, `Any`, `FieldMask` | `struct` of their fields |
 *
 * A field without presence (proto3 without `optional`) has its default when it is absent; others are null then.
 */
export function createProtobufReader(message: protobuf.Type): ProtobufReader {
  const { plan, schema } = compileMessage(message);
  return {
    schema,
    read: (payload, offset = 0) => readWhole(new Wire(payload, offset), plan, 0) as TypedRow,
  };
}
