import { type DataType, type StructField, type StructType, typesEqual } from '../../delta/schema.ts';
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
    const fields: StructField[] = [...input.metadata];
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
    if (known !== undefined) return known;
    const name = this.#input.names.columnOf(field);
    const column = name === undefined ? null : this.#folded.get(name.toLowerCase());
    if (column !== undefined && this.#byName.size < MAX_ALIASES) this.#byName.set(field, column);
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
    const strictness = { evolve: 'report', strict: 'error', fixed: 'ignore' } as const;
    // All fields that a value brings along are found at once.
    let whole: Datum;
    let isReported = false;
    const convert = jsonToCell(type, {
      path: [name],
      timestampUnit: rule.timestampUnit,
      unknownFields: strictness[rule.schemaPolicy],
      onUnknown: () => {
        if (!isReported) news.extend({ name, type }, inferType(whole));
        isReported = true;
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
    const lacksFields = !typesEqual(extendType(column.type, from), column.type);
    const convert = convertCell(from, column.type);
    if (!lacksFields || rule.schemaPolicy === 'fixed') return convert;
    return (cell) => {
      if (cell === null || cell === undefined) return cell;
      if (rule.schemaPolicy === 'evolve') news.extend(column, from);
      else throw new PayloadError('UNKNOWN_COLUMN', `the column "${column.name}" lacks fields of the value`);
      return convert(cell);
    };
  }
}

function decodedFields({ rule, table, news }: ColumnPlanInput): StructField[] {
  const declared = Object.entries(rule.columns);
  const fields = [
    ...(table?.fields ?? []).map((field) => ({ ...field, type: news.typeOf(field.name) ?? field.type })),
    ...declared.map(([name, type]) => newField({ name, type: news.typeOf(name) ?? type })),
    ...[...news.columns].map(newField),
  ];
  return fields.filter(({ type }) => isWritable(type));
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
