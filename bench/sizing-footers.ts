/**
 * A file of nothing but a footer that is as short as the format allows: what a few bytes can claim. Its columns are
 * optional and of type INT32, in one row group of one row; `prefix` begins their names.
 */
export function bareFile(columns: number, prefix: string): Uint8Array {
  const footer = Buffer.concat([
    field(5, 1, integer(1)), // version
    list(1, columns + 1), // schema
    Buffer.concat([field(8, 4, text('')), field(5, 1, integer(columns)), STOP]),
    ...Array.from({ length: columns }, (_, index) => column(`${prefix}${index}`)),
    field(6, 1, integer(1)), // rows
    list(1, 1), // row groups
    list(1, columns),
    ...Array.from({ length: columns }, () => CHUNK),
    Buffer.concat([field(6, 2, integer(1)), STOP]), // rows of the row group
    STOP,
  ]);
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(footer.length);
  trailer.write('PAR1', 4);
  return Buffer.concat([Buffer.from('PAR1'), footer, trailer]);
}

const STOP = Buffer.from([0]);
/** A `ColumnChunk` with a `ColumnMetaData` of one value and nothing else. */
const CHUNK = Buffer.concat([field(12, 3), field(6, 5, integer(1)), STOP, STOP]);

/** A `SchemaElement`: type, repetition, name. */
function column(name: string): Buffer {
  return Buffer.concat([field(5, 1, integer(1)), field(5, 2, integer(1)), field(8, 1, text(name)), STOP]);
}

/** A field of Thrift's compact protocol: the wire type and the distance from the field before it. */
function field(type: number, distance: number, value: Uint8Array = Buffer.alloc(0)): Buffer {
  return Buffer.concat([Buffer.from([(distance << 4) | type]), value]);
}

/** The head of a list of structs, or of lists of them, as a field. */
function list(distance: number, size: number): Buffer {
  return Buffer.concat([field(9, distance), Buffer.from([0xfc]), varint(size)]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([varint(bytes.length), bytes]);
}

function integer(value: number): Buffer {
  return varint(value * 2);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Buffer.from([...bytes, rest]);
}
