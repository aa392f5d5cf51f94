import { parseType } from '../../delta/ddl.ts';
import { isStruct, type StructType } from '../../delta/schema.ts';
import type { EngineSession } from '../engine.ts';
import { StepError } from '../errors.ts';
import { COLUMNS, NAMES } from '../plan/names.ts';
import { type Dialect, quote, statement } from '../plan/sql.ts';
import {
  type BatchParts,
  type BatchTransform,
  batchSql,
  rowsOf,
  selectRows,
  sideStatement,
  type TransformInput,
  textOf,
  transformSql,
} from '../plan/transform.ts';
import type { Transform } from '../rule.ts';
import type { SourceBatch } from '../source/batch.ts';
import type { BatchJob } from './batch-context.ts';
import { needsOf } from './prepare.ts';

/** A step's transform, over rows of its source that are relations of a session. */
export interface Transformer {
  /** Columns of what it gives. */
  readonly result: StructType;
  /** Makes `NAMES.came` or `NAMES.went` of a side of the batch. */
  runSide(side: 'plus' | 'minus'): Promise<void>;
  /** A query of what it gives for other rows. `name` is free for a statement. */
  over(input: TransformInput, name: string): Promise<(dialect: Dialect) => string>;
}

/** Throws EngineError `SQL` for a query that is none over the batch's columns. */
export async function createTransformer(job: BatchJob, session: EngineSession): Promise<Transformer> {
  const { transform } = job.rule;
  return transform.kind === 'sql'
    ? sqlTransformer(job, session, transform)
    : functionTransformer(job, session, transform);
}

async function sqlTransformer(
  { rule, batch }: BatchJob,
  session: EngineSession,
  transform: Extract<Transform, { kind: 'sql' }>,
): Promise<Transformer> {
  const { name: sourceName } = rule.source;
  const plan: BatchTransform = { transform, sourceName, columns: columnsOf(batch), parts: partsOf(rule, batch) };
  return {
    result: await session.describe(batchSql(plan, rowsOf('plus'), 'duckdb')),
    runSide: (side) => session.addStatement(sideStatement(plan, side)),
    over: async (input) => (dialect) => transformSql(textOf(transform, dialect), sourceName, input),
  };
}

async function functionTransformer(
  { rule, deps, batch }: BatchJob,
  session: EngineSession,
  transform: Extract<Transform, { kind: 'function' }>,
): Promise<Transformer> {
  const schema = declaredColumns(rule.name, transform.columns);
  const module = deps.modulePath?.(transform.module) ?? transform.module;
  const run = (name: string, input: TransformInput) =>
    session.addFunction({ name, sql: selectRows(input), module, schema, context: { step: rule.name } });
  return {
    result: schema,
    async runSide(side) {
      const name = side === 'plus' ? NAMES.came : NAMES.went;
      const parts = partsOf(rule, batch);
      const selects: string[] = [];
      for (const number of parts?.numbers ?? [0]) {
        const where = rowsOf(side, parts && { column: parts.column, number });
        await run(`${name}_${number}`, { from: NAMES.changes, columns: columnsOf(batch), where });
        selects.push(
          `SELECT t.*, CAST(${number} AS BIGINT) AS ${quote(COLUMNS.segment)} FROM ${quote(`${name}_${number}`)} AS t`,
        );
      }
      await session.addStatement(statement(name, () => selects.join(' UNION ALL '), false));
    },
    async over(input, name) {
      await run(name, input);
      return () => `SELECT * FROM ${quote(name)}`;
    },
  };
}

function declaredColumns(step: string, columns: string): StructType {
  const type = parseType(`struct<${columns}>`);
  if (isStruct(type) && type.fields.length > 0) return type;
  throw new StepError(
    'SCHEMA',
    `the function of the step ${step} has the columns "${columns}", expected such as "id BIGINT, name STRING"`,
    {
      step,
    },
  );
}

function columnsOf({ relation }: SourceBatch): readonly string[] {
  return relation.schema.fields.map(({ name }) => name);
}

function partsOf(rule: BatchJob['rule'], { segments, relation }: SourceBatch): BatchParts | undefined {
  const { parts } = needsOf(rule);
  if (parts === undefined || segments.length === 0) return undefined;
  if (parts === 'segments') return { column: '_segment', numbers: segments };
  const versions = new Set(relation.files.map(({ constants }) => Number(constants._commit_version)));
  return { column: '_commit_version', numbers: [...versions] };
}
