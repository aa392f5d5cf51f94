import { isDeepStrictEqual } from 'node:util';
import { findCycle, sourcesOf, tableId, targetsOf } from './graph.ts';
import { COMPANIONS, type StepMode, type StepRule, type TablePlace } from './rule.ts';

/** What is wrong with a step beside the others. */
export interface StepProblem {
  /** Index of the step. */
  readonly step: number;
  /** Of the setting. */
  readonly name: string;
  readonly text: string;
}

/** What keeps steps, each right for itself, from working together. */
export function stepProblems(steps: readonly StepRule[]): StepProblem[] {
  return [...steps.flatMap((step, index) => ownProblems(step, index, steps)), ...cycleProblems(steps)];
}

function ownProblems(step: StepRule, index: number, steps: readonly StepRule[]): StepProblem[] {
  const found: StepProblem[] = [];
  const problem = (name: string, text: string) => void found.push({ step: index, name, text });
  const earlier = steps.slice(0, index);
  if (earlier.some(({ name }) => name === step.name)) {
    problem('name', `"${step.name}" is there twice; give each step a name of its own`);
  }
  const names = sourcesOf(step).map(({ name }) => name);
  const twice = names.find((name, position) => names.indexOf(name) !== position);
  if (twice !== undefined) problem('lookups', `"${twice}" is the name of two tables in the SQL; give one another name`);
  const ending = Object.values(COMPANIONS).find((companion) => step.target.prefix.endsWith(companion));
  if (ending !== undefined) problem('target', `expected no prefix that ends with "${ending}": steps keep rows there`);
  const kept = step.quality.findIndex(({ action }) => action === 'quarantine');
  if (step.mode.kind === 'aggregate' && kept !== -1) {
    problem(
      `quality[${kept}].action`,
      'expected warn or fail: rows of an aggregate are sums; quarantine in the step before',
    );
  }
  const around = steps
    .flatMap((other) => [other.target, ...sourcesOf(other)])
    .find((place) => isNested(place, step.target));
  if (around !== undefined) {
    problem('target', `"${step.target.prefix}" and "${around.prefix}" lie in each other; expected tables apart`);
  }
  for (const other of earlier) {
    const why = tableId(other.target) === tableId(step.target) ? whyNotBoth(other, step) : undefined;
    if (why !== undefined) problem('target', `is that of the step "${other.name}", too, ${why}`);
  }
  return found;
}

/** Whether one table would be in the folder of the other. */
function isNested(a: TablePlace, b: TablePlace): boolean {
  if (a.bucket !== b.bucket || a.prefix === b.prefix || a.prefix === '' || b.prefix === '') return false;
  return a.prefix.startsWith(`${b.prefix}/`) || b.prefix.startsWith(`${a.prefix}/`);
}

/** Why two steps cannot write to one table. */
function whyNotBoth(a: StepRule, b: StepRule): string | undefined {
  if (a.mode.kind !== b.mode.kind || !isShareable(a.mode)) {
    return `whose mode is "${a.mode.kind}": only steps that append, or that merge by the same keys, can share a target`;
  }
  if (a.mode.kind === 'merge' && b.mode.kind === 'merge') {
    const columns = ({ keys, orderBy }: typeof a.mode) => ({ keys, orderBy });
    if (!isDeepStrictEqual(columns(a.mode), columns(b.mode))) return 'which has other keys, or another orderBy';
  }
  const table = ({ partitionBy, properties }: StepRule) => ({ partitionBy, properties });
  return isDeepStrictEqual(table(a), table(b)) ? undefined : 'which has another partitionBy, or other properties';
}

function isShareable({ kind }: StepMode): boolean {
  return kind === 'append' || kind === 'merge';
}

function cycleProblems(steps: readonly StepRule[]): StepProblem[] {
  const cycle = findCycle(steps);
  if (cycle === undefined) return [];
  const step = steps.findIndex(
    (one) =>
      targetsOf(one).some((target) => tableId(target) === cycle[1]) &&
      sourcesOf(one).some((source) => tableId(source) === cycle[0]),
  );
  return [{ step, name: 'source', text: `tables follow from themselves: ${cycle.join(' -> ')}` }];
}
