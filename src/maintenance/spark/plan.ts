import { InvalidAction, parseAction } from '../../delta/action-parser.ts';
import type { DeletionVector, Protocol } from '../../delta/actions.ts';
import {
  type Fields,
  InvalidField,
  listIn,
  mismatch,
  numberIn,
  objectOf,
  textIn,
  textsIn,
} from '../../spark/fields.ts';

/**
 * The plan of a run, `plan.jsonl`: a line for the head, a line for each bin with `bin` counted from 0, a line for the end,
 * `{"end":true,"bins":n}`. It says all that Spark has to know of the table, so that the log is not read a second time.
 */
export const PLAN_FORMAT = 1;

export interface PlanHead {
  /** UUID. */
  readonly run: string;
  /** `metaData.id` and the version of the table at which the bins were chosen. */
  readonly tableId: string;
  readonly version: number;
  /** Of the table, as its log has them. */
  readonly protocol: Protocol;
  readonly schemaString: string;
  readonly partitionColumns: readonly string[];
  /** Bytes that a file that is written should have, about. */
  readonly targetFileSize: number;
  /** Columns along whose Z-order the rows of a bin are laid; none to leave them as they come. */
  readonly zOrderBy: readonly string[];
}

/** Files of one partition that become one file, or with a Z-order several. */
export interface PlanBin {
  readonly bin: number;
  readonly partitionValues: Readonly<Record<string, string | null>>;
  /** The folder for what is written, part of a key below the table's root; '' for the root itself. */
  readonly folder: string;
  readonly inputs: readonly PlanInput[];
}

/** A file that is active at the version of the plan. */
export interface PlanInput {
  /** As logged. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** ms since the epoch. */
  readonly modificationTime: number;
  /** Rows of the file, those that its deletion vector takes out included; left out where the log does not tell. */
  readonly numRecords?: number;
  readonly deletionVector?: DeletionVector;
  /** Of the object, where the log tells: a landed file may be overwritten, and Spark would read what is there then. */
  readonly etag?: string;
}

export type PlanLine =
  | { readonly kind: 'head'; readonly head: PlanHead }
  | { readonly kind: 'bin'; readonly bin: PlanBin }
  | { readonly kind: 'end'; readonly bins: number };

/** The lines of a plan, as JSON values. */
export async function* planLines(
  head: PlanHead,
  bins: AsyncIterable<Omit<PlanBin, 'bin'>>,
): AsyncGenerator<unknown, void, undefined> {
  yield { format: PLAN_FORMAT, ...head };
  let count = 0;
  for await (const bin of bins) {
    yield { bin: count, ...bin };
    count += 1;
  }
  yield { end: true, bins: count };
}

/** Parses the value of a line strictly. Throws `InvalidField` or `InvalidAction`. */
export function parsePlanLine(value: unknown): PlanLine {
  if (typeof value === 'object' && value !== null && 'format' in value) return { kind: 'head', head: parseHead(value) };
  if (typeof value === 'object' && value !== null && 'end' in value) {
    return { kind: 'end', bins: numberIn(objectOf(value, 'the end', ['end', 'bins']), 'bins') };
  }
  return { kind: 'bin', bin: parseBin(value) };
}

const HEAD_FIELDS = [
  'format',
  'run',
  'tableId',
  'version',
  'protocol',
  'schemaString',
  'partitionColumns',
  'targetFileSize',
  'zOrderBy',
];

function parseHead(value: unknown): PlanHead {
  const fields = objectOf(value, 'the head', HEAD_FIELDS);
  if (fields.format !== PLAN_FORMAT) throw mismatch('format', fields.format, String(PLAN_FORMAT));
  return {
    run: textIn(fields, 'run'),
    tableId: textIn(fields, 'tableId'),
    version: numberIn(fields, 'version'),
    protocol: parseProtocol(fields),
    schemaString: textIn(fields, 'schemaString'),
    partitionColumns: textsIn(fields, 'partitionColumns'),
    targetFileSize: numberIn(fields, 'targetFileSize', 1),
    zOrderBy: textsIn(fields, 'zOrderBy'),
  };
}

function parseProtocol({ protocol }: Fields): Protocol {
  const action = parseAction({ protocol });
  if (action === undefined || !('protocol' in action)) throw mismatch('protocol', protocol, 'a protocol');
  return action.protocol;
}

const INPUT_FIELDS = ['path', 'size', 'modificationTime', 'numRecords', 'deletionVector', 'etag'];

function parseBin(value: unknown): PlanBin {
  const fields = objectOf(value, 'a bin', ['bin', 'partitionValues', 'folder', 'inputs']);
  const inputs = listIn(fields, 'inputs');
  if (inputs.length === 0) throw mismatch('inputs', inputs, 'at least one file');
  const { partitionValues } = fields;
  return {
    bin: numberIn(fields, 'bin'),
    folder: textIn(fields, 'folder'),
    partitionValues: parseAdd({ path: '', size: 0, modificationTime: 0, partitionValues }).partitionValues,
    inputs: inputs.map((input) => {
      const { numRecords, etag, ...file } = objectOf(input, 'an input', INPUT_FIELDS);
      const { path, size, modificationTime, deletionVector } = parseAdd({ ...file, partitionValues: {} });
      return {
        path,
        size,
        modificationTime,
        ...(numRecords !== undefined && { numRecords: numberIn({ numRecords }, 'numRecords') }),
        ...(deletionVector !== undefined && { deletionVector }),
        ...(etag !== undefined && { etag: textIn({ etag }, 'etag') }),
      };
    }),
  };
}

/** The rules for these fields are those of an `add`. */
function parseAdd(fields: Fields) {
  const action = parseAction({ add: { ...fields, dataChange: false } });
  if (action === undefined || !('add' in action)) throw new InvalidField('an input is no file');
  return action.add;
}

/** Whether an error says that a line is not what it should be. */
export function isInvalidLine(error: unknown): error is Error {
  return error instanceof InvalidField || error instanceof InvalidAction;
}
