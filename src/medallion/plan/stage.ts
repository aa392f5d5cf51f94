import type { EngineRun, EngineSession, Stage } from '../engine.ts';

export type { Stage };

/** Does a stage in a session: relations, then statements, then results, then outputs. Throws what the session throws. */
export async function runStage(session: EngineSession, stage: Stage): Promise<EngineRun> {
  for (const relation of stage.relations ?? []) await session.addRelation(relation);
  for (const statement of stage.statements ?? []) await session.addStatement(statement);
  const asks = (stage.results ?? []).length + (stage.outputs ?? []).length > 0;
  if (asks && session.stage !== undefined) return session.stage(stage);
  const results = new Map<string, Awaited<ReturnType<EngineSession['query']>>>();
  for (const result of stage.results ?? []) results.set(result.name, await session.query(result));
  const outputs = new Map<string, Awaited<ReturnType<EngineSession['write']>>>();
  for (const output of stage.outputs ?? []) outputs.set(output.name, await session.write(output));
  return { results, outputs };
}

/** A number of a result's only row. */
export function countOf(run: Pick<EngineRun, 'results'>, result: string, column: string): number {
  return Number(run.results.get(result)?.[0]?.[column] ?? 0);
}
