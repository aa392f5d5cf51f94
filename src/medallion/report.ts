import { SparkWorkError } from '../spark/errors.ts';
import { isStepError } from './errors.ts';
import type { MedallionDeps } from './handler.ts';
import type { StepMessage } from './messages.ts';
import type { StepRule } from './rule.ts';
import type { StepRun } from './step-run.ts';

/** Tells of a run in logs and metrics, under the target's name. */
export function reportRun(
  { telemetry, urlOf, now }: Pick<MedallionDeps, 'telemetry' | 'urlOf' | 'now'>,
  rule: StepRule,
  { state, metrics, position, backfill, sourceVersion, versionsBehind }: StepRun,
  { ms, since, turn }: StepMessage & { readonly ms: number },
): void {
  const table = urlOf(rule.target);
  const { violations, ...counts } = metrics;
  telemetry.log('info', STATES[state], {
    step: rule.name,
    table,
    source: urlOf(rule.source),
    ms,
    turn,
    position,
    backfill,
    sourceVersion,
    versionsBehind,
    violations,
    ...counts,
  });
  telemetry.metrics(table, {
    commits: metrics.commits,
    conflicts: metrics.conflicts,
    filesAppended: metrics.filesAdded,
    bytesAppended: metrics.bytesAdded,
    filesRemoved: metrics.filesRemoved,
    rowsQuarantined: metrics.rowsQuarantined,
    rowsLate: metrics.rowsLate,
    qualityWarnings: warnings(rule, violations),
    versionsBehind,
    ...(since !== undefined && state === 'done' && metrics.commits > 0 && { freshnessLag: Math.max(now() - since, 0) }),
  });
}

const STATES: Readonly<Record<StepRun['state'], string>> = {
  done: 'step done',
  more: 'step goes on later',
  waiting: 'step waits for Spark',
};

/** Tells of a failure. A source that is not there yet is none: its first commit makes the step run. */
export function reportFailure(
  { telemetry, urlOf }: Pick<MedallionDeps, 'telemetry' | 'urlOf'>,
  rule: StepRule,
  error: unknown,
): 'nothing to do' | 'failed' {
  const table = urlOf(rule.target);
  if (isStepError(error, 'SOURCE_NOT_FOUND')) {
    telemetry.log('warn', 'step left out', { step: rule.name, table, reason: error.message, code: error.code });
    return 'nothing to do';
  }
  telemetry.log('error', 'step failed', { step: rule.name, table, error });
  const isGivenUp = error instanceof SparkWorkError && error.code === 'SPARK_GIVEN_UP';
  telemetry.metrics(table, { failures: 1, ...(isGivenUp && { stepsGivenUp: 1 }) });
  return 'failed';
}

function warnings({ quality }: StepRule, violations: StepRun['metrics']['violations']): number {
  const counted = quality.filter(({ action }) => action === 'warn').map(({ name }) => violations[name] ?? 0);
  return counted.reduce((sum, rows) => sum + rows, 0);
}
