import type { Decoded } from '../decode/decoder.ts';
import { type ProtoFile, parseProto } from '../decode/protobuf/proto-file.ts';
import { createProtobufReader, type ProtobufReader } from '../decode/protobuf/reader.ts';
import type { Decode } from './compile-schema.ts';
import { createLru } from './lru.ts';
import type { RegisteredSchema } from './schema-registry.ts';
import { readMessageIndexes, readSortedIndex, type WireFormat } from './wire-format.ts';

/** Readers of messages that are kept for a file; one for each message that the topic has. */
const MAX_MESSAGES = 100;

/** What decodes the payloads of a .proto file, which say which of its messages they are. */
export function compileProtobuf(wire: WireFormat, { schema, references }: RegisteredSchema): Decode {
  const file = parseProto(schema, references);
  const readers = createLru<ProtobufReader>({ maxWeight: MAX_MESSAGES });
  const readerAt = (key: string, find: () => ReturnType<ProtoFile['message']>): ProtobufReader => {
    const known = readers.get(key);
    if (known !== undefined) return known;
    const reader = createProtobufReader(find());
    readers.set(key, reader);
    return reader;
  };
  if (wire === 'glue') {
    return (payload, start) => {
      const { index, offset } = readSortedIndex(payload, start);
      return readWith(
        readerAt(String(index), () => file.messageAtSorted(index)),
        payload,
        offset,
      );
    };
  }
  return (payload, start) => {
    const { indexes, offset } = readMessageIndexes(payload, start);
    return readWith(
      readerAt(indexes.join(), () => file.messageAt(indexes)),
      payload,
      offset,
    );
  };
}

function readWith({ schema, read }: ProtobufReader, payload: Uint8Array, offset: number): Decoded {
  return { kind: 'typed', rows: [read(payload, offset)], schema };
}
