import type { PayloadDecoder } from '../decoder.ts';
import { type ProtoReference, parseProto } from './proto-file.ts';
import { createProtobufReader } from './reader.ts';

export interface ProtobufDecoderOptions {
  /** The text of a .proto file. */
  readonly proto: string;
  /** Full name of the message: with the package, and the messages that it is in. */
  readonly message: string;
  /** Files that it imports, but Google's well-known types. */
  readonly references?: readonly ProtoReference[];
}

/** A decoder for payloads that are one message each, with nothing in front. Throws `UNKNOWN_SCHEMA`, as `decode` does not. */
export function createProtobufDecoder({ proto, message, references = [] }: ProtobufDecoderOptions): PayloadDecoder {
  const { schema, read } = createProtobufReader(parseProto(proto, references).message(message));
  return {
    async prepare() {},
    decode: (payload) => ({ kind: 'typed', rows: [read(payload)], schema }),
  };
}
