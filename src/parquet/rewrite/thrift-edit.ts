import { readList, readStruct, skip, type ThriftCursor, WIRE } from '../thrift.ts';

/** What becomes of a field of a struct: kept as it is, left out, or another value, as it stands behind a field's header. */
export type FieldEdit = 'keep' | 'drop' | Uint8Array;

/** A field that the struct gets, unless it has one with the id. */
export interface NewField {
  readonly id: number;
  readonly type: number;
  readonly value: Uint8Array;
}

const STOP = 0;

/**
 * Writes a struct of Thrift's compact protocol again, with edits to its fields. `edit` is to leave the cursor where it
 * is when it keeps or drops a field, and behind the value when it gives another.
 */
export function editStruct(
  cursor: ThriftCursor,
  type: number,
  edit: (cursor: ThriftCursor, id: number, type: number) => FieldEdit,
  added: readonly NewField[] = [],
): Uint8Array {
  const fields = new Map<number, NewField>(added.map((field) => [field.id, field]));
  readStruct(cursor, type, undefined, (own, id, fieldType) => {
    const start = own.offset;
    const value = edit(own, id, fieldType);
    if (value === 'keep' || value === 'drop') {
      skip(own, fieldType);
      if (value === 'keep') fields.set(id, { id, type: fieldType, value: own.bytes.subarray(start, own.offset) });
    } else {
      fields.set(id, { id, type: fieldType, value });
    }
    return true;
  });
  const parts: Uint8Array[] = [];
  let last = 0;
  for (const field of [...fields.values()].sort((a, b) => a.id - b.id)) {
    parts.push(fieldHeader(last, field), field.value);
    last = field.id;
  }
  return Buffer.concat([...parts, Uint8Array.of(STOP)]);
}

/** Writes a list of structs again. */
export function editList(
  cursor: ThriftCursor,
  type: number,
  edit: (cursor: ThriftCursor, type: number, index: number) => Uint8Array | undefined,
): Uint8Array {
  const items: Uint8Array[] = [];
  readList(cursor, type, (own, itemType, index) => {
    const item = edit(own, itemType, index);
    if (item !== undefined) items.push(item);
  });
  return structList(items);
}

/** A list of structs. */
export function structList(items: readonly Uint8Array[]): Uint8Array {
  const header =
    items.length < 15 ? [(items.length << 4) | WIRE.STRUCT] : [0xf0 | WIRE.STRUCT, ...varint(items.length)];
  return Buffer.concat([Uint8Array.from(header), ...items]);
}

/** A struct of texts, with the ids 1, 2, .... */
export function textStruct(...texts: readonly string[]): Uint8Array {
  const parts = texts.map((text) => {
    const bytes = Buffer.from(text, 'utf8');
    return Buffer.concat([Uint8Array.of((1 << 4) | WIRE.BINARY, ...varint(bytes.length)), bytes]);
  });
  return Buffer.concat([...parts, Uint8Array.of(STOP)]);
}

/** A whole number that is not negative, as every type of integer but a byte has it. */
export function count(value: number): Uint8Array {
  return Uint8Array.from(varint(2 * value));
}

/** Steps of up to 15 are in the same byte as the type; longer ones have the id behind it. */
function fieldHeader(last: number, { id, type }: NewField): Uint8Array {
  const step = id - last;
  return step >= 1 && step <= 15 ? Uint8Array.of((step << 4) | type) : Uint8Array.of(type, ...varint(2 * id));
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return bytes;
}
