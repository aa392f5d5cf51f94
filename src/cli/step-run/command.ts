import { isStepError } from '../../medallion/errors.ts';
import { inOrder } from '../../medallion/graph.ts';
import type { StepRule } from '../../medallion/rule.ts';
import { runStep } from '../../medallion/run-step.ts';
import type { StepDeps, StepRun } from '../../medallion/step-run.ts';
import { stepStatus } from '../../medallion/step-status.ts';
import type { ParsedArgs } from '../args.ts';
import type { Command, CommandContext } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { formatBytes, formatCount, plural } from '../format.ts';
import { chosenSteps, openSteps, PLACE_OPTIONS, readSteps } from '../step/open-steps.ts';
import { statusLines } from '../step-status/command.ts';

export const stepRunCommand: Command = {
  name: 'step run',
  effect: 'writes',
  summary: 'bring the targets of steps of the medallion up to their sources, on this machine',
  description: [
    'Runs each STEP, or all, in the order in which they follow from each other: batch after batch until nothing is left. It does what ' +
      'the function does, with the same positions, and may run beside it: what one of them has committed the other leaves out.',
    'Interrupted, it ends after the batch that is under way; the next run goes on from there.',
  ],
  positionals: ['[STEP...]'],
  options: {
    ...PLACE_OPTIONS,
    memory: { value: 'SIZE', help: 'what DuckDB may take, such as 4GB (default: half of the memory)' },
    'dry-run': { help: 'say how far the steps are behind, and run nothing' },
    json: { help: 'one JSON object instead of text' },
  },
  examples: [
    'resaca step run --place landing=s3://my-lake',
    'resaca step run gold-sales --place landing=./landing --dry-run',
  ],
  stopsCleanly: true,
  run: runSteps,
};

/** Far beyond any run. */
const NO_DEADLINE = Number.MAX_SAFE_INTEGER;

type Metrics = StepRun['metrics'];

async function runSteps(args: ParsedArgs, { terminal, signal }: CommandContext): Promise<ExitCode> {
  const steps = inOrder(chosenSteps(await readSteps(args), args.positionals));
  const deps = await openSteps(args, steps);
  const isJson = args.flag('json');
  if (args.flag('dry-run')) {
    const found = await Promise.all(steps.map((step) => stepStatus(step, deps)));
    if (isJson) await terminal.print(JSON.stringify({ dryRun: true, steps: found }, null, 2));
    else for (const line of statusLines(found)) await terminal.print(line);
    return EXIT.ok;
  }
  const done: (StepRun | { readonly step: string; readonly problem: string })[] = [];
  for (const step of steps) {
    if (signal.aborted) break;
    const run = await runOne(step, deps, signal, (line) => (isJson ? undefined : terminal.show([line])));
    terminal.endShow();
    done.push(run);
    if (!isJson) await terminal.print('problem' in run ? `${run.step}: left out, ${run.problem}` : runLine(run));
  }
  if (isJson) await terminal.print(JSON.stringify({ steps: done }, null, 2));
  const isComplete = done.length === steps.length && done.every((run) => 'state' in run && run.state === 'done');
  return isComplete ? EXIT.ok : EXIT.incomplete;
}

/** Batch by batch, so that there is something to show, and a place to stop. */
async function runOne(
  rule: StepRule,
  deps: StepDeps,
  signal: AbortSignal,
  show: (line: string) => void,
): Promise<StepRun | { readonly step: string; readonly problem: string }> {
  let total: Metrics | undefined;
  try {
    for (;;) {
      const run = await runStep(rule, deps, { deadline: NO_DEADLINE, maxBatches: 1 });
      total = total === undefined ? run.metrics : sumOf(total, run.metrics);
      const whole = { ...run, metrics: total };
      show(runLine(whole));
      if (run.state !== 'more' || signal.aborted) return whole;
    }
  } catch (error) {
    if (!isStepError(error, 'SOURCE_NOT_FOUND')) throw error;
    return { step: rule.name, problem: error.message };
  }
}

function sumOf(a: Metrics, b: Metrics): Metrics {
  const { violations, ...counts } = a;
  const names = Object.keys(counts) as (keyof typeof counts)[];
  const sums = Object.fromEntries(names.map((name) => [name, a[name] + b[name]])) as unknown as typeof counts;
  const rules = new Set([...Object.keys(violations), ...Object.keys(b.violations)]);
  return {
    ...sums,
    violations: Object.fromEntries(
      [...rules].map((rule) => [rule, (violations[rule] ?? 0) + (b.violations[rule] ?? 0)]),
    ),
  };
}

function runLine({ step, state, sourceVersion, versionsBehind, metrics }: StepRun): string {
  const { batches, filesRead, bytesRead, rowsInserted, rowsUpdated, rowsDeleted, rowsQuarantined } = metrics;
  const rows = [
    [rowsInserted, 'inserted'],
    [rowsUpdated, 'updated'],
    [rowsDeleted, 'deleted'],
    [rowsQuarantined, 'quarantined'],
  ] as const;
  const changed = rows.filter(([count]) => count > 0).map(([count, what]) => `${formatCount(count)} ${what}`);
  const what =
    batches === 0
      ? 'nothing new'
      : `${plural(filesRead, 'file')} read (${formatBytes(bytesRead)}), rows: ${changed.join(', ') || 'none'}`;
  const where =
    state === 'done' ? `up to date with version ${sourceVersion}` : `${plural(versionsBehind, 'version')} left`;
  return `${step}: ${what}; ${where}`;
}
