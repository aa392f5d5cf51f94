import { clearFailures, type Failures, readFailures } from '../../medallion/spark/failures.ts';
import { stepRuns } from '../../medallion/spark/step-folder.ts';
import type { ParsedArgs } from '../args.ts';
import type { Command, CommandContext } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { plural } from '../format.ts';
import { chosenSteps, openSteps, PLACE_OPTIONS, readSteps } from '../step/open-steps.ts';

export const stepRetryCommand: Command = {
  name: 'step retry',
  effect: 'writes',
  summary: 'have Spark try a step of the medallion again that was given up',
  description: [
    'Tells how often Spark jobs of each STEP, or of all, came to nothing at the same work, and forgets it: the next run of the ' +
      'step starts a job again. Rows and positions stay as they are.',
  ],
  positionals: ['[STEP...]'],
  options: {
    ...PLACE_OPTIONS,
    'dry-run': { help: 'only tell what failed' },
    json: { help: 'one JSON object instead of text' },
  },
  examples: ['resaca step retry silver-orders --place landing=s3://my-lake'],
  run: runRetry,
};

async function runRetry(args: ParsedArgs, { terminal }: CommandContext): Promise<ExitCode> {
  const steps = chosenSteps(await readSteps(args), args.positionals);
  const deps = await openSteps(args, steps);
  const [isDryRun, isJson] = [args.flag('dry-run'), args.flag('json')];
  const found: { readonly step: string; readonly failures: number; readonly detail?: string }[] = [];
  for (const { name: step, target } of steps) {
    if (!isJson) terminal.show([`looking at ${step}`]);
    const runs = stepRuns(deps.tableAt(target), step);
    const failures = await readFailures(runs);
    if (failures !== undefined && !isDryRun) await clearFailures(runs);
    found.push({ step, failures: failures?.count ?? 0, ...(failures && { detail: failures.detail }) });
    terminal.endShow();
    if (!isJson) await terminal.print(`${step}: ${stateOf(failures, isDryRun)}`);
  }
  if (isJson) await terminal.print(JSON.stringify({ dryRun: isDryRun, steps: found }, null, 2));
  return EXIT.ok;
}

function stateOf(failures: Failures | undefined, isDryRun: boolean): string {
  if (failures === undefined) return 'no Spark job has failed';
  const jobs = `${plural(failures.count, 'Spark job')} came to nothing, the last one with: ${failures.detail}`;
  return isDryRun ? jobs : `${jobs}; the next run tries again`;
}
