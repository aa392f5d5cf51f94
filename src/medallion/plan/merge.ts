import type { AddFile } from '../../delta/actions.ts';
import { canonicalPath } from '../../delta/path.ts';
import type { BatchCommit } from '../commit/commit-batch.ts';
import { hasChangeFeed, type TargetShape } from '../commit/target-shape.ts';
import type { EngineRun, Relation, RelationFile } from '../engine.ts';
import { type ApplyPlan, applyNames, applyStatements, changesSql, countsSql, dataSql, filesSql } from './apply.ts';
import { COLUMNS, ofTry } from './names.ts';
import { changesOutput, dataOutput } from './outputs.ts';
import { quote } from './sql.ts';
import { countOf, type Stage } from './stage.ts';

/** Files of the target that may have rows with keys of the batch, by the numbers that their rows have in `COLUMNS.file`. */
export type Candidates = readonly AddFile[];

export function targetName(attempt: number): string {
  return ofTry('target', attempt);
}

/** The rows of the candidates. */
export function targetRelation(shape: TargetShape, candidates: Candidates, attempt: number): Relation {
  return {
    name: targetName(attempt),
    schema: shape.schema,
    partitionColumns: shape.partitionColumns,
    extras: [{ name: COLUMNS.file, type: 'long' }],
    files: candidates.map((add, number): RelationFile => {
      const { size, partitionValues, deletionVector } = add;
      return {
        table: shape.table,
        path: canonicalPath(shape.table, add.path),
        size,
        partitionValues,
        rows: { kind: 'all', ...(deletionVector && { deletionVector }) },
        constants: { [COLUMNS.file]: number },
      };
    }),
  };
}

export interface ApplyInput {
  readonly shape: TargetShape;
  readonly keys: readonly string[];
  readonly orderBy?: string;
  /** See `ApplyPlan`. */
  readonly incoming: string;
  readonly attempt: number;
}

/** What is done with the records of a merge, or the rows of an aggregate, once the relation of the target is there. */
export function applyStage(input: ApplyInput): Stage {
  const { shape, attempt, keys, incoming, orderBy } = input;
  const plan: ApplyPlan = {
    keys,
    ...(orderBy !== undefined && { orderBy }),
    schema: shape.schema,
    incoming,
    target: targetName(attempt),
    attempt,
  };
  const data = dataOutput(shape, dataSql(plan), { name: 'data', sortBy: keys });
  const { files } = applyNames(attempt);
  // Where no file is written again, all that happens is inserts, which readers see in the adds.
  const changes = `SELECT c.* FROM (${changesSql(plan)}) AS c WHERE EXISTS (SELECT 1 FROM ${quote(files)})`;
  return {
    statements: applyStatements(plan),
    results: [
      { name: 'counts', sql: countsSql(plan) },
      { name: 'files', sql: filesSql(attempt) },
    ],
    outputs: hasChangeFeed(shape) ? [data, changesOutput(shape, changes, 'changes')] : [data],
  };
}

/** What the commit of an applied batch has, but for whose it is. */
export type AppliedCommit = Pick<BatchCommit, 'adds' | 'cdc' | 'operationMetrics'> & {
  readonly removes: readonly AddFile[];
  /** Canonical paths. */
  readonly matched: ReadonlySet<string>;
  readonly rewritten: ReadonlySet<string>;
  readonly rows: {
    readonly rowsInserted: number;
    readonly rowsUpdated: number;
    readonly rowsDeleted: number;
    readonly rowsCopied: number;
    readonly rowsLate: number;
  };
};

/** The commit that a run of `applyStage` makes. */
export function appliedCommit(shape: TargetShape, candidates: Candidates, run: EngineRun): AppliedCommit {
  const matched = new Set<string>();
  const rewritten = new Set<string>();
  const removes: AddFile[] = [];
  for (const { file, rewritten: isRewritten } of run.results.get('files') ?? []) {
    const add = candidates[Number(file)];
    if (add === undefined) throw new RangeError(`a file with the number ${file} of ${candidates.length} was matched`);
    const path = canonicalPath(shape.table, add.path);
    matched.add(path);
    if (Number(isRewritten) !== 1) continue;
    rewritten.add(path);
    removes.push(add);
  }
  const adds = run.outputs.get('data') ?? [];
  const [inserted, updated, deleted, copied, late] = ['inserted', 'updated', 'deleted', 'copied', 'late'].map((name) =>
    countOf(run, 'counts', name),
  ) as [number, number, number, number, number];
  return {
    removes,
    matched,
    rewritten,
    adds,
    cdc: run.outputs.get('changes') ?? [],
    operationMetrics: {
      numTargetRowsInserted: inserted,
      numTargetRowsUpdated: updated,
      numTargetRowsDeleted: deleted,
      numTargetRowsCopied: copied,
      numOutputRows: inserted + updated + copied,
      numTargetFilesAdded: adds.length,
      numTargetFilesRemoved: removes.length,
    },
    rows: {
      rowsInserted: inserted,
      rowsUpdated: updated,
      rowsDeleted: deleted,
      rowsCopied: copied,
      rowsLate: late,
    },
  };
}
