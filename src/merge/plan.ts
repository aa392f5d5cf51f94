import { hasTypeWidening } from '../delta/features.ts';
import type { PartitionType } from '../delta/partition.ts';
import { hiveFolders } from '../delta/partition.ts';
import { asNullable, type StructType } from '../delta/schema.ts';
import type { Rejection } from '../ingest/quarantine.ts';
import { type ShapeInput, TableShape } from '../ingest/table-shape.ts';
import { bindColumns, type FieldSource } from '../parquet/rewrite/bind-columns.ts';
import type { DataFile } from '../parquet/rewrite/data-file.ts';
import type { StagedFile } from './staged-file.ts';

/** A small file that was opened. */
export interface ReadFile {
  readonly staged: StagedFile;
  readonly file: DataFile;
}

/** A file that its table cannot take, and why. */
export interface RejectedStaged {
  readonly staged: StagedFile;
  readonly rejection: Rejection;
}

/** Files whose rows become one file of the table. */
export interface MergeGroup {
  /** `name=value` folders below the table's root; '' for none. */
  readonly folder: string;
  readonly inputs: readonly (ReadFile & { readonly fields: readonly FieldSource[] })[];
}

export interface MergePlan {
  /** Columns of the files to be written. */
  readonly schema: StructType;
  readonly partitionColumns: readonly PartitionType[];
  readonly groups: readonly MergeGroup[];
  readonly rejected: readonly RejectedStaged[];
}

/** What has no place in its table by itself, and what cannot be written again with the same values, stays out. Pure. */
export function planMerge(input: ShapeInput, files: readonly ReadFile[]): MergePlan {
  const rejected: RejectedStaged[] = [];
  let rest = files.toSorted(byTime);
  for (;;) {
    const attempt = planOnce(input, rest);
    rejected.push(...attempt.rejected);
    if (attempt.unfit.length === 0) return { ...attempt, rejected };
    // What stays out must not have given the table columns: all is planned anew without it.
    rejected.push(...attempt.unfit);
    const out = new Set(rejected.map(({ staged }) => staged));
    rest = rest.filter(({ staged }) => !out.has(staged));
  }
}

function planOnce(
  input: ShapeInput,
  files: readonly ReadFile[],
): MergePlan & { readonly unfit: readonly RejectedStaged[] } {
  const shape = new TableShape(input);
  const rejected: RejectedStaged[] = [];
  const fitting: (ReadFile & { readonly folder: string })[] = [];
  for (const { staged, file } of files) {
    const { relative: path, size, time } = staged;
    const fit = shape.fit({ kind: 'file', object: { path, size, time }, footer: file.footer });
    if (fit.kind === 'rejected') {
      rejected.push({ staged, rejection: fit.rejection });
      continue;
    }
    const values = Object.entries(fit.file.partitionValues).map(([name, value]) => ({ name, value }));
    fitting.push({ staged, file, folder: hiveFolders(values) });
  }
  const schema = asNullable(shape.dataColumns);
  const unfit: RejectedStaged[] = [];
  const groups = new Map<string, MergeGroup['inputs'][number][]>();
  for (const { staged, file, folder } of fitting) {
    const { fields, problems } = bind(input, shape, schema, file);
    if (problems.length > 0) {
      unfit.push({ staged, rejection: { reason: 'CANNOT_MERGE', detail: problems.join('; ') } });
      continue;
    }
    const inputs = groups.get(folder) ?? [];
    inputs.push({ staged, file, fields });
    groups.set(folder, inputs);
  }
  const sorted = [...groups].map(([folder, inputs]) => ({ folder, inputs }));
  return { schema, partitionColumns: shape.partitions, groups: sorted, rejected, unfit };
}

/** Columns that the table lacks are left out where its policy says so; those of partitions always, as the path has them. */
function bind({ head, settings }: ShapeInput, shape: TableShape, schema: StructType, file: DataFile) {
  const typeWidening = head !== undefined && hasTypeWidening(head.protocol, head.metadata);
  const { fields, problems, unknown } = bindColumns(file.footer, schema, { typeWidening, dropUnknown: true });
  const inPath = new Set(shape.partitions.map(({ name }) => name.toLowerCase()));
  const strangers = unknown.filter((name) => !inPath.has(name.toLowerCase()));
  if (strangers.length === 0 || settings.schemaPolicy === 'fixed') return { fields, problems };
  return { fields, problems: [...problems, `it has columns that the table lacks: ${strangers.join(', ')}`] };
}

function byTime({ staged: a }: ReadFile, { staged: b }: ReadFile): number {
  return a.time - b.time || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
}
