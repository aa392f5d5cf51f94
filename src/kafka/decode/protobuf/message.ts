import type { CellValue } from '../../../parquet/write/cell.ts';
import type { Scalar } from './scalars.ts';
import { BYTES, checkDepth, GROUP, GROUP_END, type Wire } from './wire.ts';

/** A message while it is read. */
export type Row = { [field: string]: CellValue };

/** How messages of a type are read. */
export interface MessagePlan {
  readonly fields: Map<number, FieldPlan>;
  /** A message of which nothing was read yet. */
  readonly template: Row;
  /** Turns what was read into the value, once all of it was read; undefined where that is the row as it is. */
  finish: ((row: Row) => CellValue) | undefined;
}

/** Reads a value of a field into the row of its message; false, with nothing read, where the wire type is another. */
export type FieldPlan = (wire: Wire, row: Row, tag: number, depth: number) => boolean;

/**
 * Reads fields up to the end of the message. May be called several times for a row: what comes later is merged into what
 * is there (Protobuf guide "Encoding", "Last One Wins"). Fields that are not known are passed over.
 */
export function readFields(wire: Wire, plan: MessagePlan, row: Row, depth: number): void {
  const { fields } = plan;
  const { end } = wire;
  while (wire.position < end) {
    const tag = wire.tag();
    const field = fields.get(tag >>> 3);
    if (field === undefined || !field(wire, row, tag, depth)) wire.skipField(tag, depth);
  }
}

/** A new message from where the wire is, in the form of its plan. */
export function readWhole(wire: Wire, plan: MessagePlan, depth: number): CellValue {
  const row = newRow(wire, plan);
  readFields(wire, plan, row, depth);
  return finished(plan, row);
}

export function singularScalar(name: string, { wireType, read }: Scalar): FieldPlan {
  return (wire, row, tag) => {
    if ((tag & 7) !== wireType) return false;
    row[name] = read(wire);
    return true;
  };
}

/** Both forms of repeated numbers are read, whatever the schema says (guide "Encoding", "Packed Repeated Fields"). */
export function repeatedScalar(name: string, { wireType, read }: Scalar): FieldPlan {
  return (wire, row, tag) => {
    const got = tag & 7;
    if (got === wireType) {
      listIn(row, name).push(read(wire));
      return true;
    }
    if (got !== BYTES) return false;
    const list = listIn(row, name);
    const { end } = wire;
    const length = wire.length();
    wire.end = wire.position + length;
    while (wire.position < wire.end) list.push(read(wire));
    wire.end = end;
    return true;
  };
}

export function singularMessage(name: string, plan: MessagePlan): FieldPlan {
  return (wire, row, tag, depth) => {
    if (!isMessage(tag)) return false;
    let nested = row[name] as Row | null | undefined;
    if (nested === null || nested === undefined) {
      nested = newRow(wire, plan);
      row[name] = nested;
    }
    readNested(wire, plan, nested, tag, depth + 1);
    return true;
  };
}

export function repeatedMessage(name: string, plan: MessagePlan): FieldPlan {
  return (wire, row, tag, depth) => {
    if (!isMessage(tag)) return false;
    const nested = newRow(wire, plan);
    readNested(wire, plan, nested, tag, depth + 1);
    listIn(row, name).push(finished(plan, nested));
    return true;
  };
}

export interface MapPlan {
  readonly key: Scalar;
  readonly value: Scalar | MessagePlan;
  /** Puts an entry into the field's value; the last of several with the same key wins. */
  put(row: Row, key: CellValue, value: CellValue): void;
}

/** Guide "Encoding", "Maps": repeated messages of a key and a value, each of which may be left out. */
export function mapField({ key, value, put }: MapPlan): FieldPlan {
  return (wire, row, tag, depth) => {
    if ((tag & 7) !== BYTES) return false;
    checkDepth(depth + 1);
    const { end } = wire;
    const length = wire.length();
    wire.end = wire.position + length;
    let entryKey = key.zero;
    let entryValue: CellValue = isPlan(value) ? newRow(wire, value) : value.zero;
    while (wire.position < wire.end) {
      const inner = wire.tag();
      if (inner === ((1 << 3) | key.wireType)) {
        entryKey = key.read(wire);
      } else if (isPlan(value)) {
        if (inner >>> 3 === 2 && isMessage(inner)) readNested(wire, value, entryValue as Row, inner, depth + 2);
        else wire.skipField(inner, depth + 1);
      } else if (inner === ((2 << 3) | value.wireType)) {
        entryValue = value.read(wire);
      } else {
        wire.skipField(inner, depth + 1);
      }
    }
    wire.end = end;
    put(row, entryKey, isPlan(value) ? finished(value, entryValue as Row) : entryValue);
    return true;
  };
}

/** A member of a oneof: the last one that comes is the only one that stays (guide "Oneof Features"). */
export function oneofMember(field: FieldPlan, others: readonly string[], absent: null | undefined): FieldPlan {
  return (wire, row, tag, depth) => {
    if (!field(wire, row, tag, depth)) return false;
    for (const name of others) row[name] = absent;
    return true;
  };
}

/** The value of a message that was read. */
export function finished(plan: MessagePlan, row: Row): CellValue {
  return plan.finish === undefined ? row : plan.finish(row);
}

function isMessage(tag: number): boolean {
  return (tag & 7) === BYTES || (tag & 7) === GROUP;
}

function newRow(wire: Wire, plan: MessagePlan): Row {
  wire.claimCells(plan.fields.size);
  return { ...plan.template };
}

function readNested(wire: Wire, plan: MessagePlan, row: Row, tag: number, depth: number): void {
  checkDepth(depth);
  if ((tag & 7) === GROUP) {
    readGroup(wire, plan, row, tag, depth);
    return;
  }
  const { end } = wire;
  const length = wire.length();
  wire.end = wire.position + length;
  readFields(wire, plan, row, depth);
  wire.end = end;
}

/** Groups end with a tag (guide "Encoding", "Groups"); `features.message_encoding = DELIMITED` is the same. */
function readGroup(wire: Wire, plan: MessagePlan, row: Row, opening: number, depth: number): void {
  const closing = opening - GROUP + GROUP_END;
  for (let tag = wire.tag(); tag !== closing; tag = wire.tag()) {
    const field = plan.fields.get(tag >>> 3);
    if (field === undefined || !field(wire, row, tag, depth)) wire.skipField(tag, depth);
  }
}

/** The list of a field. That of the template is shared, and so is replaced by a first one. */
function listIn(row: Row, name: string): CellValue[] {
  const list = row[name];
  if (list !== EMPTY_LIST && Array.isArray(list)) return list;
  const fresh: CellValue[] = [];
  row[name] = fresh;
  return fresh;
}

function isPlan(value: Scalar | MessagePlan): value is MessagePlan {
  return 'fields' in value;
}

/** What a repeated field has without elements; not to be changed. */
export const EMPTY_LIST: readonly CellValue[] = Object.freeze([]);
