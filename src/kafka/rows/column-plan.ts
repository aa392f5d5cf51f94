import { type DataType, formatPath, type StructField, type StructType, typesEqual } from '../../delta/schema.ts';
import type { CellValue } from '../../parquet/write/cell.ts';
import type { Datum } from '../decode/datum.ts';
import { inferType } from '../decode/infer.ts';
import { jsonToCell } from '../decode/json-cells.ts';
import { convertCell } from '../decode/json-form.ts';
import { PayloadError } from '../decode/payload-error.ts';
import type { TopicRule } from '../topic-rule.ts';
import type { ColumnNames } from './column-names.ts';
import { extendType, type NewColumn, type NewColumns } from './new-columns.ts';

/** A column of the file that is written, which holds decoded values. */
export interface PlannedColumn {
  readonly name: string;
  /** Place in the row. */
  readonly index: number;
  readonly type: DataType;
  /** Throws PayloadError. */
  fromJson(value: Datum): CellValue;
}

/** How a field of a typed payload becomes a cell; null where its value is in the path, undefined where it has no column. */
export interface TypedField {
  readonly name: string;
  readonly type: DataType;
  readonly column: PlannedColumn | null | undefined;
  /** Throws PayloadError. */
  convert(cell: CellValue): CellValue;
}

export interface ColumnPlanInput {
  readonly rule: Pick<TopicRule, 'columns' | 'schemaPolicy' | 'timestampUnit'>;
  readonly metadata: readonly StructField[];
  readonly names: ColumnNames;
  /** The table as it is, without its partition columns; undefined for a new one. */
  readonly table: StructType | undefined;
  readonly news: NewColumns;
}

/** Aliases of columns that are remembered: fields come in few spellings, unless someone wants to fill the memory. */
const MAX_ALIASES = 10_000;

/**
 * The columns of a file: Kafka's, those that the table or the configuration has, and those that payloads brought along.
 * Columns of the table whose types cannot be written are left out, and null.
 */
export class ColumnPlan {
  readonly schema: StructType;
  readonly #input: ColumnPlanInput;
  readonly #byName = new Map<string, PlannedColumn | null | undefined>();
  readonly #folded = new Map<string, PlannedColumn>();
  readonly #typed = new WeakMap<StructType, readonly TypedField[]>();

  constructor(input: ColumnPlanInput) {
    this.#input = input;
    // A column that must not be null is known here, so that a null takes no other record with it.
    const known = new Map(input.table?.fields.map((field) => [field.name, field.nullable]));
    const fields: StructField[] = input.metadata.map((field) => ({
      ...field,
      nullable: known.get(field.name) ?? true,
    }));
    const names = new Set(fields.map(({ name }) => name.toLowerCase()));
    for (const field of decodedFields(input)) {
      if (names.has(field.name.toLowerCase())) continue;
      names.add(field.name.toLowerCase());
      const column = this.#plan(field, fields.length);
      this.#folded.set(field.name.toLowerCase(), column);
      fields.push(field);
    }
    this.schema = { type: 'struct', fields };
  }

  /** The column for a field of a payload: null where its value is in the path, undefined where there is none yet. */
  columnOf(field: string): PlannedColumn | null | undefined {
    const known = this.#byName.get(field);
    if (known !== undefined || this.#byName.has(field)) return known;
    const name = this.#input.names.columnOf(field);
    const column = name === undefined ? null : this.#folded.get(name.toLowerCase());
    if (this.#byName.size < MAX_ALIASES) this.#byName.set(field, column);
    return column;
  }

  /** For each field of a schema, how its values come into the row. */
  typedFields(schema: StructType): readonly TypedField[] {
    const known = this.#typed.get(schema);
    if (known !== undefined) return known;
    const fields = schema.fields.map(({ name, type }) => {
      const column = this.columnOf(name);
      return { name, type, column, convert: column ? this.#converter(column, type) : sameCell };
    });
    this.#typed.set(schema, fields);
    return fields;
  }

  /**
   * What happens with a field that has no column: it gets one in the next plan, or is ignored. Throws PayloadError where
   * the policy is `strict`. `type` is known of typed payloads and those with a schema.
   */
  missing(field: string, value: Datum, type?: DataType): void {
    const { rule, names, news } = this.#input;
    if (rule.schemaPolicy === 'fixed' || value === null || value === undefined) return;
    if (rule.schemaPolicy === 'strict' && this.#input.table !== undefined) {
      throw new PayloadError('UNKNOWN_COLUMN', `the table has no column for the field ${quoted(field)}`);
    }
    const name = names.columnOf(field);
    if (name === undefined) return;
    if (type === undefined) news.seeValue(name, value);
    else news.see(name, type);
  }

  #plan({ name, type }: StructField, index: number): PlannedColumn {
    const { rule, news } = this.#input;
    // All fields that a value brings along are found at once.
    let whole: Datum;
    let isReported = false;
    const convert = jsonToCell(type, {
      path: [name],
      timestampUnit: rule.timestampUnit,
      unknownFields: rule.schemaPolicy === 'fixed' ? 'ignore' : 'report',
      onUnknown: (path, value) => {
        // Nothing is known yet of what is null or empty.
        if (isReported || inferType(value) === undefined) return;
        isReported = true;
        if (rule.schemaPolicy === 'evolve') return news.extend({ name, type }, inferType(whole));
        throw new PayloadError('UNKNOWN_COLUMN', `the table has no column for the field "${formatPath(path)}"`);
      },
    });
    const fromJson = (value: Datum): CellValue => {
      whole = value;
      isReported = false;
      return convert(value);
    };
    return { name, index, type, fromJson };
  }

  /** From the type of a payload to that of the column, which gets the fields that it lacks in the next plan. */
  #converter(column: PlannedColumn, from: DataType): (cell: CellValue) => CellValue {
    const { rule, news } = this.#input;
    const convert = convertCell(from, column.type);
    const extended = extendType(column.type, from);
    const canExtend = !typesEqual(extended, column.type);
    const lacksFields = lacks(extended, from);
    if (rule.schemaPolicy === 'fixed' || !(canExtend || lacksFields)) return convert;
    return (cell) => {
      if (cell === null || cell === undefined || isEmpty(cell)) return convert(cell);
      if (rule.schemaPolicy === 'strict' || lacksFields) {
        throw new PayloadError('UNKNOWN_COLUMN', `the column "${column.name}" lacks fields of the value`);
      }
      news.extend(column, from);
      return convert(cell);
    };
  }
}

function isEmpty(cell: CellValue): boolean {
  return (cell instanceof Map && cell.size === 0) || (Array.isArray(cell) && cell.length === 0);
}

/** Whether a type has no place for fields of another one. */
function lacks(known: DataType, other: DataType): boolean {
  if (typeof known === 'string' || typeof other === 'string' || known.type !== other.type) return false;
  if (known.type === 'struct' && other.type === 'struct') {
    const types = new Map(known.fields.map((field) => [field.name.toLowerCase(), field.type]));
    return other.fields.some(({ name, type }) => {
      const ours = types.get(name.toLowerCase());
      return ours === undefined || lacks(ours, type);
    });
  }
  if (known.type === 'array' && other.type === 'array') return lacks(known.elementType, other.elementType);
  return known.type === 'map' && other.type === 'map' && lacks(known.valueType, other.valueType);
}

function decodedFields({ rule, names, table, news }: ColumnPlanInput): StructField[] {
  // A table that gets no columns gets none of the configuration either.
  const declared = table === undefined || rule.schemaPolicy === 'evolve' ? Object.entries(rule.columns) : [];
  const fields = [
    ...(table?.fields ?? []).map((field) => ({ ...field, type: news.typeOf(field.name) ?? field.type })),
    ...declared.map(([name, type]) => newField({ name, type: news.typeOf(name) ?? type })),
    ...[...news.columns].map(newField),
  ];
  return fields.filter(({ name, type }) => isWritable(type) && names.columnOf(name) !== undefined);
}

function newField({ name, type }: NewColumn): StructField {
  return { name, type, nullable: true, metadata: {} };
}

function isWritable(type: DataType): boolean {
  if (type === 'void' || type === 'variant') return false;
  if (typeof type === 'string') return true;
  switch (type.type) {
    case 'struct':
      return type.fields.length > 0 && type.fields.every((field) => isWritable(field.type));
    case 'array':
      return isWritable(type.elementType);
    case 'map':
      return isWritable(type.keyType) && isWritable(type.valueType);
  }
}

function sameCell(cell: CellValue): CellValue {
  return cell;
}

function quoted(field: string): string {
  return JSON.stringify(field.slice(0, 60));
}
