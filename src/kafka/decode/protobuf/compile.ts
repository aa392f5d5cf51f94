import protobuf from 'protobufjs';
import type { DataType, StructField, StructType } from '../../../delta/schema.ts';
import type { CellValue } from '../../../parquet/write/cell.ts';
import {
  EMPTY_LIST,
  type FieldPlan,
  finished,
  type MessagePlan,
  mapField,
  oneofMember,
  type Row,
  repeatedMessage,
  repeatedScalar,
  singularMessage,
  singularScalar,
} from './message.ts';
import { unknownSchema } from './proto-file.ts';
import { enumScalar, type Form, keyScalarOf, type Scalar, scalarOf } from './scalars.ts';
import { JSON_ONLY, WELL_KNOWN } from './well-known.ts';

/** Fields that a message may have with all messages in it. */
const MAX_FIELDS = 20_000;
/** Messages that may be in each other, each of another type. */
const MAX_TYPE_DEPTH = 64;

/** A message as cells, with the columns that these are for. */
export interface CompiledMessage {
  readonly plan: MessagePlan;
  readonly schema: StructType;
}

/** What stands for the values of a field. */
interface CompiledValue {
  readonly type: DataType;
  readonly value: Scalar | MessagePlan;
}

/** Makes plans of a message type. Throws `UNKNOWN_SCHEMA` for what is too large, or has columns that no table can have. */
export function compileMessage(type: protobuf.Type): CompiledMessage {
  return new Compiler().message(type);
}

class Compiler {
  /** Messages around the one at hand. */
  readonly #around: protobuf.Type[] = [];
  readonly #jsonPlans = new Map<protobuf.Type, MessagePlan>();
  #fields = 0;

  message(type: protobuf.Type): CompiledMessage {
    if (this.#around.length >= MAX_TYPE_DEPTH) throw unknownSchema(`it has more than ${MAX_TYPE_DEPTH} levels`);
    this.#around.push(type);
    const columns: StructField[] = [];
    const parts = new Parts('cell');
    for (const field of fieldsOf(type)) {
      if (++this.#fields > MAX_FIELDS) throw unknownSchema(`${type.name} has more than ${MAX_FIELDS} fields in all`);
      const compiled = this.#value(field);
      if (compiled === undefined) continue;
      columns.push({ name: field.name, type: columnType(field, compiled.type), nullable: true, metadata: {} });
      parts.add(field, compiled.value);
    }
    this.#around.pop();
    checkNames(type, columns);
    return { plan: parts.plan(), schema: { type: 'struct', fields: columns } };
  }

  /** Undefined for messages without anything that a column could hold. */
  #value(field: protobuf.Field): CompiledValue | undefined {
    const { resolvedType } = field;
    if (resolvedType === null) return ofScalar(scalarOf(field.type, 'cell'), field);
    if (resolvedType instanceof protobuf.Enum) return ofScalar(enumScalar(resolvedType.values), field);
    const known = WELL_KNOWN.get(resolvedType.fullName);
    if (known?.type === 'json' || this.#around.includes(resolvedType)) return this.#jsonText(resolvedType);
    const { plan, schema } = this.message(resolvedType);
    if (known?.cell !== undefined) {
      const type = known.type ?? schema.fields[0]?.type;
      return type === undefined ? undefined : { type, value: { ...plan, finish: known.cell } };
    }
    return schema.fields.length === 0 ? undefined : { type: schema, value: plan };
  }

  #jsonText(type: protobuf.Type): CompiledValue {
    const plan = this.#jsonPlan(type);
    return { type: 'string', value: { ...plan, finish: (row) => JSON.stringify(finished(plan, row)) } };
  }

  /** One plan a type, which may have itself in it. */
  #jsonPlan(type: protobuf.Type): MessagePlan {
    const known = this.#jsonPlans.get(type);
    if (known !== undefined) return known;
    const wellKnown = WELL_KNOWN.get(type.fullName);
    const isWrapper = wellKnown !== undefined && wellKnown.type === undefined;
    const parts = new Parts('json', isWrapper);
    const plan = parts.plan();
    this.#jsonPlans.set(type, plan);
    for (const field of fieldsOf(type)) {
      const { resolvedType } = field;
      if (resolvedType === null) parts.add(field, ofScalar(scalarOf(field.type, 'json'), field).value);
      else if (resolvedType instanceof protobuf.Enum) parts.add(field, enumScalar(resolvedType.values));
      else parts.add(field, this.#jsonPlan(resolvedType));
    }
    parts.finishWith(wellKnown?.json ?? JSON_ONLY.get(type.fullName));
    return plan;
  }
}

/** Extensions are left out: their names are no columns, and a file that does not know them has the same messages. */
function fieldsOf(type: protobuf.Type): protobuf.Field[] {
  return type.fieldsArray.filter(({ declaringField }) => declaringField === null);
}

function ofScalar(scalar: Scalar | undefined, field: protobuf.FieldBase): CompiledValue & { readonly value: Scalar } {
  if (scalar === undefined) throw unknownSchema(`the field ${field.fullName} is of the type ${field.type}`);
  return { type: scalar.type, value: scalar };
}

function columnType(field: protobuf.Field, type: DataType): DataType {
  const map = asMap(field);
  if (map !== undefined) return { type: 'map', keyType: keyOf(map).type, valueType: type, valueContainsNull: true };
  return field.repeated ? { type: 'array', elementType: type, containsNull: true } : type;
}

/** The types do not say that a MapField is a Field. */
function asMap(field: protobuf.ReflectionObject): protobuf.MapField | undefined {
  return field instanceof protobuf.MapField ? field : undefined;
}

function keyOf(field: protobuf.MapField): Scalar {
  return ofScalar(keyScalarOf(field.keyType), field).value;
}

function checkNames(type: protobuf.Type, columns: readonly StructField[]): void {
  const seen = new Map<string, string>();
  for (const { name } of columns) {
    const other = seen.get(name.toLowerCase());
    if (other !== undefined) {
      throw unknownSchema(`${type.name} has the fields "${other}" and "${name}", which differ in case at most`);
    }
    seen.set(name.toLowerCase(), name);
  }
}

/** A field whose value is made of a message when that is complete. */
interface Unfinished {
  readonly name: string;
  readonly plan: MessagePlan;
}

/** Collects the fields of a message's plan. */
class Parts {
  readonly #form: Form;
  /** Fields that are absent have their defaults, or null. */
  readonly #hasDefaults: boolean;
  readonly #fields = new Map<number, FieldPlan>();
  readonly #template: Row = {};
  readonly #unfinished: Unfinished[] = [];
  readonly #plan: MessagePlan;

  constructor(form: Form, hasDefaults = form === 'cell') {
    this.#form = form;
    this.#hasDefaults = hasDefaults;
    this.#plan = { fields: this.#fields, template: this.#template, finish: undefined };
  }

  plan(): MessagePlan {
    return this.#plan;
  }

  add(field: protobuf.Field, value: Scalar | MessagePlan): void {
    const { name, id } = field;
    const absent = this.#form === 'json' ? undefined : null;
    // Not by assignment: a field may have the name `__proto__`.
    const initial = this.#hasDefaults ? initialValue(field, value) : undefined;
    Object.defineProperty(this.#template, name, {
      value: initial,
      writable: true,
      enumerable: true,
      configurable: true,
    });
    const plan = this.#fieldPlan(field, value);
    const others = field.partOf?.fieldsArray.filter((member) => member !== field).map((member) => member.name) ?? [];
    this.#fields.set(id, others.length === 0 ? plan : oneofMember(plan, others, absent));
    if ('fields' in value && !field.repeated && !field.map && this.#mayFinish(value)) {
      this.#unfinished.push({ name, plan: value });
      this.finishWith(undefined);
    }
  }

  /** Has the messages in this one made values before it is made one itself. */
  finishWith(last: ((row: Row) => CellValue) | undefined): void {
    const unfinished = this.#unfinished;
    this.#plan.finish = (row) => {
      for (const { name, plan } of unfinished) {
        const nested = row[name];
        if (nested !== null && nested !== undefined) row[name] = finished(plan, nested as Row);
      }
      return last === undefined ? row : last(row);
    };
  }

  /** A plan of JSON may not be complete yet. */
  #mayFinish(plan: MessagePlan): boolean {
    return this.#form === 'json' || plan.finish !== undefined;
  }

  #fieldPlan(field: protobuf.Field, value: Scalar | MessagePlan): FieldPlan {
    const { name } = field;
    const map = asMap(field);
    if (map !== undefined) {
      return mapField({ key: keyOf(map), value, put: this.#form === 'json' ? putMember(name) : putEntry(name) });
    }
    if ('fields' in value) return field.repeated ? repeatedMessage(name, value) : singularMessage(name, value);
    return field.repeated ? repeatedScalar(name, value) : singularScalar(name, value);
  }
}

/** Of a cell that is not in the payload. */
function initialValue(field: protobuf.Field, value: Scalar | MessagePlan): CellValue {
  if (field.map) return EMPTY_MAP;
  if (field.repeated) return EMPTY_LIST;
  return field.hasPresence || 'fields' in value ? null : value.zero;
}

/** What a map has without entries; not to be changed. */
const EMPTY_MAP: ReadonlyMap<string, CellValue> = new Map();

/** Keys of numbers are in the Map as such, which the writer takes. */
function putEntry(name: string): (row: Row, key: CellValue, value: CellValue) => void {
  return (row, key, value) => {
    const map = row[name];
    if (map instanceof Map && map !== EMPTY_MAP) map.set(key, value);
    else row[name] = new Map([[key as string, value]]);
  };
}

function putMember(name: string): (row: Row, key: CellValue, value: CellValue) => void {
  return (row, key, value) => {
    row[name] ??= {};
    const member = { value, writable: true, enumerable: true, configurable: true };
    Object.defineProperty(row[name], String(key), member);
  };
}
