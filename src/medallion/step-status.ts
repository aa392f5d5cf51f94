import { isStepError } from './errors.ts';
import { lookAt } from './next-batch.ts';
import type { Position } from './position.ts';
import type { StepRule } from './rule.ts';
import type { StepDeps } from './step-run.ts';

/** How far a step is, as the logs of its tables tell. */
export interface StepStatus {
  readonly step: string;
  readonly mode: StepRule['mode']['kind'];
  /** For people. */
  readonly source: string;
  readonly target: string;
  /** Undefined where there is none yet, or `problem` says why the step cannot go on. */
  readonly sourceVersion: number | undefined;
  readonly targetVersion: number | undefined;
  /** Undefined before the first content of the source is read. */
  readonly position: Position | undefined;
  /** Of the source's first content, what is read; undefined when all of it is, or none. */
  readonly backfill: Position | undefined;
  /** Versions of the source that are not read to their end. */
  readonly versionsBehind: number;
  /** Why the step cannot go on as it is. */
  readonly problem: string | undefined;
}

/** Reads how far a step is; nothing is written. Throws DeltaError for logs that cannot be read, and the stores' errors. */
export async function stepStatus(rule: StepRule, deps: StepDeps): Promise<StepStatus> {
  const [target, source] = [deps.tableAt(rule.target), deps.tableAt(rule.source)];
  const names = { step: rule.name, mode: rule.mode.kind, source: source.url, target: target.url };
  try {
    const { head, source: read, positions } = await lookAt(rule, deps);
    const { changes, backfill } = positions;
    const { version } = read.latest;
    return {
      ...names,
      sourceVersion: version,
      targetVersion: head?.version,
      position: changes,
      backfill: changes === undefined ? backfill : undefined,
      versionsBehind: Math.max(0, version + 1 - (changes?.version ?? 0)),
      problem: undefined,
    };
  } catch (error) {
    if (!isStepError(error, 'SOURCE_REPLACED') && !isStepError(error, 'SOURCE_NOT_FOUND')) throw error;
    const unknown = { sourceVersion: undefined, targetVersion: undefined, position: undefined, backfill: undefined };
    return { ...names, ...unknown, versionsBehind: 0, problem: error.message };
  }
}
