import { StepError } from '../errors.ts';
import type { AggregateMode, StepRule } from '../rule.ts';
import { prepareAggregate } from './aggregate.ts';
import { prepareAppend } from './append.ts';
import type { BatchContext, Work } from './batch-context.ts';
import { prepareMerge } from './merge.ts';
import { prepareReplace, prepareReplacePartitions } from './replace-partitions.ts';

/** Makes a batch ready for its mode. */
export function prepareMode(context: BatchContext): Promise<Work> {
  const { mode } = context.rule;
  switch (mode.kind) {
    case 'append':
      return prepareAppend(context);
    case 'merge':
      return prepareMerge(context, mode);
    case 'aggregate':
      return prepareAggregate(context, mode);
    case 'replace-partitions':
      return prepareReplacePartitions(context, mode.unchanged ?? []);
    case 'replace':
      return prepareReplace(context);
  }
}

/** What of a batch a mode's transform runs over. */
export interface ModeNeeds {
  /**
   * Where the order of rows matters, the parts over each of which the transform runs by itself: segments, or commits where nothing
   * else tells which record is the newest.
   */
  readonly parts: 'segments' | 'commits' | undefined;
  /** Whether it runs over rows that went, too. */
  readonly went: boolean;
}

export function needsOf({ mode }: Pick<StepRule, 'mode'>): ModeNeeds {
  switch (mode.kind) {
    case 'merge':
      return { parts: mode.orderBy === undefined ? 'commits' : 'segments', went: mode.deletes === 'apply' };
    case 'aggregate':
    case 'replace-partitions':
      return { parts: undefined, went: true };
    default:
      return { parts: undefined, went: false };
  }
}

/** Throws StepError `UNSUPPORTED` for a rule that asks for what is not done. */
export function assertRule(rule: StepRule): void {
  const { mode, name: step } = rule;
  const refuse = (what: string): never => {
    throw new StepError('UNSUPPORTED', `the step ${step} ${what}`, { step });
  };
  if ((mode.kind === 'merge' || mode.kind === 'aggregate') && mode.keys.length === 0) refuse('has no keys');
  if (mode.kind === 'merge' && mode.lateness > 0 && mode.orderBy === undefined) {
    refuse('has a lateness and no ordering column by which it could be told');
  }
  if (mode.kind === 'aggregate') assertAggregate(rule, mode, refuse);
}

function assertAggregate(
  { quality }: StepRule,
  { keys, combine, rowCount }: AggregateMode,
  refuse: (what: string) => never,
): void {
  const twice = keys.find((key) => key in combine || key === rowCount);
  if (twice !== undefined) refuse(`combines its key ${twice}`);
  if (rowCount !== undefined && (combine[rowCount] ?? 'sum') !== 'sum')
    refuse(`counts rows in ${rowCount}, and does not sum it up`);
  // The sums of rows that are kept out now would be taken off when these rows go.
  const out = quality.find(({ action }) => action === 'quarantine');
  if (out !== undefined)
    refuse(
      `would quarantine partial results by the rule ${out.name}: expected warn or fail, or a rule of the step before`,
    );
}
