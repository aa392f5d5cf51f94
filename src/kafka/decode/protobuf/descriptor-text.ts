import protobuf from 'protobufjs';

/** A message, and those that are declared in it. */
export interface DeclaredMessage {
  /** With those around it and the package, after a point. */
  readonly fullName: string;
  /** In the order of the file. */
  readonly nested: readonly DeclaredMessage[];
}

export interface DescribedFile {
  /** As a .proto file, without what has no influence on how messages are read. */
  readonly text: string;
  /** The messages of the file, with those of the entries of maps, which protoc makes. */
  readonly messages: readonly DeclaredMessage[];
}

/**
 * The .proto file that a `FileDescriptorProto` in base64 describes; undefined for what is no base64. Confluent's
 * serializer for Python registers schemas in this form, which its own registry turns into text, but others keep.
 * Throws for bytes that are no such descriptor.
 */
export function describedFile(schema: string): DescribedFile | undefined {
  if (!BASE64.test(schema)) return undefined;
  const file = FileDescriptor.decode(Buffer.from(schema, 'base64')) as unknown as FileShape;
  const prefix = file.package === '' ? '' : `.${name(file.package)}`;
  const isEdition = file.syntax === 'editions';
  const edition = EDITIONS.get(file.edition);
  if (isEdition && edition === undefined) throw new Error(`the edition ${file.edition} is not known`);
  const syntax = file.syntax === 'proto3' ? 'proto3' : 'proto2';
  const lines = [
    isEdition ? `edition = "${edition}";` : `syntax = "${syntax}";`,
    ...(file.package === '' ? [] : [`package ${name(file.package)};`]),
    ...file.dependency.map((path) => `import ${JSON.stringify(path)};`),
    ...(isEdition ? presenceOption(file.options, 'option ', ';') : []),
    ...file.enum_type.map(enumText),
    ...file.message_type.map((message) => messageText(message, isEdition ? 'edition' : syntax)),
  ];
  return { text: lines.join('\n'), messages: file.message_type.map((message) => declared(message, prefix)) };
}

/** No .proto file is without a semicolon or brace. */
const BASE64 = /^[A-Za-z0-9+/]+={0,2}\s*$/;

/** Of Google's `descriptor.proto` what is used here. */
const FileDescriptor = protobuf
  .parse(
    `
  syntax = "proto2";
  message File {
    optional string package = 2;
    repeated string dependency = 3;
    repeated Message message_type = 4;
    repeated Enum enum_type = 5;
    optional Options options = 8;
    optional string syntax = 12;
    optional int32 edition = 14;
  }
  message Message {
    optional string name = 1;
    repeated Field field = 2;
    repeated Message nested_type = 3;
    repeated Enum enum_type = 4;
    optional MessageOptions options = 7;
    repeated Oneof oneof_decl = 8;
  }
  message MessageOptions { optional bool map_entry = 7; }
  message Oneof { optional string name = 1; }
  message Field {
    optional string name = 1;
    optional int32 number = 3;
    optional int32 label = 4;
    optional int32 type = 5;
    optional string type_name = 6;
    optional Options options = 8;
    optional int32 oneof_index = 9 [default = -1];
    optional bool proto3_optional = 17;
  }
  message Enum { optional string name = 1; repeated EnumValue value = 2; }
  message EnumValue { optional string name = 1; optional int32 number = 2; }
  message Options { optional Features field_features = 21; optional Features file_features = 50; }
  message Features { optional int32 field_presence = 1; }`,
    { keepCase: true },
  )
  .root.lookupType('File');

interface FileShape {
  readonly package: string;
  readonly dependency: readonly string[];
  readonly message_type: readonly MessageShape[];
  readonly enum_type: readonly EnumShape[];
  readonly options: OptionsShape | null;
  readonly syntax: string;
  readonly edition: number;
}

interface MessageShape {
  readonly name: string;
  readonly field: readonly FieldShape[];
  readonly nested_type: readonly MessageShape[];
  readonly enum_type: readonly EnumShape[];
  readonly options: { readonly map_entry: boolean } | null;
  readonly oneof_decl: readonly { readonly name: string }[];
}

interface FieldShape {
  readonly name: string;
  readonly number: number;
  readonly label: number;
  readonly type: number;
  readonly type_name: string;
  readonly options: OptionsShape | null;
  readonly oneof_index: number;
  readonly proto3_optional: boolean;
}

interface EnumShape {
  readonly name: string;
  readonly value: readonly { readonly name: string; readonly number: number }[];
}

interface OptionsShape {
  readonly field_features: { readonly field_presence: number } | null;
  readonly file_features: { readonly field_presence: number } | null;
}

type Syntax = 'proto2' | 'proto3' | 'edition';

/** `Edition`, `FeatureSet.FieldPresence`, `FieldDescriptorProto.Label` and `.Type` of `descriptor.proto`. */
const EDITIONS: ReadonlyMap<number, string> = new Map([
  [1000, '2023'],
  [1001, '2024'],
]);
const PRESENCES: readonly (string | undefined)[] = [undefined, 'EXPLICIT', 'IMPLICIT', 'LEGACY_REQUIRED'];
const REQUIRED = 2;
const REPEATED = 3;
const SCALARS: readonly (string | undefined)[] = [
  undefined,
  'double',
  'float',
  'int64',
  'uint64',
  'int32',
  'fixed64',
  'fixed32',
  'bool',
  'string',
  // A group: a message whose bytes are set off in another way, and both are read.
  undefined,
  undefined,
  'bytes',
  'uint32',
  undefined,
  'sfixed32',
  'sfixed64',
  'sint32',
  'sint64',
];

function messageText(message: MessageShape, syntax: Syntax): string {
  const entries = new Map(message.nested_type.filter(isMapEntry).map((entry) => [entry.name, entry]));
  const fields = message.field.map((field) => ({
    oneof: field.proto3_optional ? -1 : field.oneof_index,
    text: fieldText(field, entries, syntax),
  }));
  const oneofs = message.oneof_decl.map(({ name: oneof }, index) => {
    const members = fields.filter((field) => field.oneof === index).map(({ text }) => text);
    return members.length === 0 ? '' : `oneof ${name(oneof)} { ${members.join(' ')} }`;
  });
  return [
    `message ${name(message.name)} {`,
    ...message.enum_type.map(enumText),
    ...message.nested_type.filter((nested) => !isMapEntry(nested)).map((nested) => messageText(nested, syntax)),
    ...fields.filter(({ oneof }) => oneof < 0).map(({ text }) => text),
    ...oneofs,
    '}',
  ].join('\n');
}

function fieldText(field: FieldShape, entries: ReadonlyMap<string, MessageShape>, syntax: Syntax): string {
  const options = syntax === 'edition' ? presenceOption(field.options, '[', ']').join('') : '';
  const declaration = `${name(field.name)} = ${field.number} ${options};`;
  const entry = entries.get(field.type_name.slice(field.type_name.lastIndexOf('.') + 1));
  const [key, value] = entry?.field ?? [];
  if (key !== undefined && value !== undefined && field.label === REPEATED) {
    return `map<${typeText(key)}, ${typeText(value)}> ${declaration}`;
  }
  return `${labelText(field, syntax)} ${typeText(field)} ${declaration}`;
}

function labelText({ label, oneof_index, proto3_optional }: FieldShape, syntax: Syntax): string {
  if (label === REPEATED) return 'repeated';
  if (proto3_optional) return 'optional';
  if (syntax !== 'proto2' || oneof_index >= 0) return '';
  return label === REQUIRED ? 'required' : 'optional';
}

function typeText({ type, type_name }: FieldShape): string {
  return SCALARS[type] ?? name(type_name);
}

function presenceOption(options: OptionsShape | null, before: string, behind: string): string[] {
  const features = options?.field_features ?? options?.file_features;
  const presence = PRESENCES[features?.field_presence ?? 0];
  return presence === undefined ? [] : [`${before}features.field_presence = ${presence}${behind}`];
}

/** With aliases, which do no harm where there are none. */
function enumText({ name: enumName, value }: EnumShape): string {
  const values = value.map((each) => `${name(each.name)} = ${each.number};`);
  return `enum ${name(enumName)} { option allow_alias = true; ${values.join(' ')} }`;
}

function declared(message: MessageShape, around: string): DeclaredMessage {
  const fullName = `${around}.${message.name}`;
  return { fullName, nested: message.nested_type.map((nested) => declared(nested, fullName)) };
}

function isMapEntry({ options }: MessageShape): boolean {
  return options?.map_entry === true;
}

/** A name that goes into the text as it is. */
function name(text: string): string {
  if (!/^\.?[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$/.test(text)) {
    throw new Error(`the descriptor has the name ${JSON.stringify(text.slice(0, 100))}`);
  }
  return text;
}
