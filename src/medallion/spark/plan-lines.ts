import { encodePath, stepFileName } from '../../delta/path.ts';
import { type StructType, serializeSchema } from '../../delta/schema.ts';
import { sparkUrl } from '../../spark/url.ts';
import type { EnginePlan, Output, Relation, RelationFile, Statement } from '../engine.ts';

/**
 * The plan of a run, `plan.jsonl`: a line for the head, a line for everything that the plan has, `{"<kind>":{…}}`, the files of
 * a relation behind it, a line for the end with their number. `spark/step.py` reads it.
 */
export const PLAN_FORMAT = 1;

/** Stands for the UUID in the name of a file that is written. */
const UUID = '{uuid}';

/** The lines of a plan, as JSON values. */
export async function* planLines(run: string, plan: EnginePlan): AsyncGenerator<unknown, void, undefined> {
  yield { format: PLAN_FORMAT, run };
  let lines = 0;
  for (const line of contents(plan)) {
    yield line;
    lines += 1;
  }
  yield { end: true, lines };
}

/** The lines between the head and the end. */
export function* contents({
  relations,
  statements,
  results,
  outputs,
}: EnginePlan): Generator<unknown, void, undefined> {
  for (const relation of relations) {
    yield { relation: relationLine(relation) };
    for (const file of relation.files) yield { file: fileLine(file) };
  }
  for (const statement of statements) yield { statement: statementLine(statement) };
  for (const { name, sql, sparkSql } of results) yield { result: { name, sql: sparkSql ?? sql } };
  for (const output of outputs) yield { output: outputLine(output) };
}

function relationLine({ name, schema, partitionColumns, extras }: Relation): unknown {
  return { name, schema: schemaJson(schema), partitionColumns, extras };
}

function fileLine({ table, path, size, partitionValues, rows, constants }: RelationFile): unknown {
  return { table: sparkUrl(table), path: encodePath(path), size, partitionValues, rows, constants };
}

function statementLine({ name, sql, sparkSql, materialized }: Statement): unknown {
  return { name, sql: sparkSql ?? sql, materialized };
}

function outputLine({ table, schema, sql, sparkSql, ...output }: Output): unknown {
  return {
    ...output,
    sql: sparkSql ?? sql,
    schema: schemaJson(schema),
    table: sparkUrl(table),
    fileName: stepFileName(UUID),
  };
}

/** As a log has it: with the types' names in Delta's spelling. */
function schemaJson(schema: StructType): unknown {
  return JSON.parse(serializeSchema(schema));
}
