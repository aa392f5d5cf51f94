import protobuf from 'protobufjs';
import { PayloadError } from '../payload-error.ts';
import { type DeclaredMessage, type DescribedFile, describedFile } from './descriptor-text.ts';
import { WELL_KNOWN_FILES } from './well-known.ts';

/** A .proto file that others import. */
export interface ProtoReference {
  /** The path that it is imported by. */
  readonly name: string;
  /** Its text, or a `FileDescriptorProto` in base64. */
  readonly schema: string;
}

/** A .proto file with all that it imports, parsed. */
export interface ProtoFile {
  /** The message of a full name. Throws `UNKNOWN_SCHEMA` when there is none. */
  message(name: string): protobuf.Type;
  /**
   * The message at Confluent's indexes: of the file, of the message there, and so on. In a text those count that are
   * declared, as for its serializer for Java. That for Python counts the entries of maps too, and so do descriptors, the
   * form in which it registers schemas. Throws `UNKNOWN_SCHEMA`.
   */
  messageAt(indexes: readonly number[]): protobuf.Type;
  /** The message at Glue's index: of all messages of the file by their full names. Throws `UNKNOWN_SCHEMA`. */
  messageAtSorted(index: number): protobuf.Type;
}

/** Characters of a .proto file, and files that it may import. */
const MAX_CHARACTERS = 4_000_000;
const MAX_FILES = 500;

/**
 * Parses a .proto file (proto2, proto3 and editions), or a `FileDescriptorProto` in base64. Google's well-known types need no reference; an import that is
 * nowhere to be found is an error only where a type of it is used. Throws `UNKNOWN_SCHEMA`, with the reason.
 */
export function parseProto(text: string, references: readonly ProtoReference[] = []): ProtoFile {
  if (references.length > MAX_FILES) throw unknownSchema(`it imports more than ${MAX_FILES} files`);
  const size = references.reduce((sum, { schema }) => sum + schema.length, text.length);
  if (size > MAX_CHARACTERS) throw unknownSchema(`it has ${size} characters, more than ${MAX_CHARACTERS}`);
  try {
    const root = new protobuf.Root();
    const file = describedFile(text) ?? parsedFile(text);
    load(root, file.text, references);
    root.resolveAll();
    return fileOf(root, file.messages);
  } catch (cause) {
    if (cause instanceof PayloadError) throw cause;
    throw unknownSchema(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** An `UNKNOWN_SCHEMA` error; `reason` says what is wrong. */
export function unknownSchema(reason: string, options?: ErrorOptions): PayloadError {
  return new PayloadError('UNKNOWN_SCHEMA', `The Protobuf schema cannot be read: ${reason}`, options);
}

/** Parses a file and all that it imports, each once, into a root. */
function load(root: protobuf.Root, text: string, references: readonly ProtoReference[]): void {
  const texts = new Map(references.map(({ name, schema }) => [name, schema]));
  const seen = new Set<string>();
  const waiting = [text];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { imports = [], weakImports = [] } = protobuf.parse(next, root, { keepCase: true });
    for (const name of [...imports, ...weakImports]) {
      if (seen.has(name)) continue;
      seen.add(name);
      const imported = texts.get(name) ?? WELL_KNOWN_FILES.get(name);
      if (imported !== undefined) waiting.push(describedFile(imported)?.text ?? imported);
    }
  }
}

/** A file with its own messages: in a root with others they are among those of the same package. */
function parsedFile(text: string): DescribedFile {
  const { root, package: name } = protobuf.parse(text, new protobuf.Root(), { keepCase: true });
  const scope = name === undefined ? root : root.lookup(name);
  return { text, messages: scope instanceof protobuf.Namespace ? declaredMessages(scope) : [] };
}

function declaredMessages(scope: protobuf.NamespaceBase): DeclaredMessage[] {
  return scope.nestedArray
    .filter((object) => object instanceof protobuf.Type)
    .map((type) => ({ fullName: type.fullName, nested: declaredMessages(type) }));
}

function fileOf(root: protobuf.Root, messages: readonly DeclaredMessage[]): ProtoFile {
  let sorted: readonly string[] | undefined;
  return {
    message: (name) => messageIn(root, name),
    messageAt(indexes) {
      let declared = messages;
      let fullName: string | undefined;
      for (const index of indexes) {
        const found = declared[index];
        if (found === undefined) throw unknownSchema(`it has no message at the indexes [${indexes.slice(0, 20)}]`);
        ({ fullName, nested: declared } = found);
      }
      if (fullName === undefined) throw unknownSchema('there are no indexes of a message');
      return messageIn(root, fullName);
    },
    messageAtSorted(index) {
      sorted ??= sortedNames(root, messages);
      const fullName = sorted[index];
      if (fullName === undefined) throw unknownSchema(`it has no message at the index ${index} of ${sorted.length}`);
      return messageIn(root, fullName);
    },
  };
}

function messageIn(root: protobuf.Root, name: string): protobuf.Type {
  const found = root.lookup(name, protobuf.Type);
  if (found instanceof protobuf.Type) return found;
  throw unknownSchema(`it has no message of the name ${JSON.stringify(name.slice(0, 200))}`);
}

/** AWS Glue's serializer sorts by full name, with the entries of maps among the messages (its `MessageIndexFinder`). */
function sortedNames(root: protobuf.Root, messages: readonly DeclaredMessage[]): readonly string[] {
  const names = new Set<string>();
  const waiting = [...messages];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    names.add(next.fullName);
    waiting.push(...next.nested);
    const type = root.lookup(next.fullName, protobuf.Type);
    if (!(type instanceof protobuf.Type)) continue;
    for (const field of type.fieldsArray) if (field.map) names.add(`${next.fullName}.${entryName(field.name)}`);
  }
  return [...names].sort();
}

/** The name that protoc gives to the entries of a map field: `my_map` has `MyMapEntry`. */
function entryName(field: string): string {
  return `${field.replace(/(?:^|_+)([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase())}Entry`;
}
