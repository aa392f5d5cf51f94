import { tableId } from '../../medallion/graph.ts';
import { type ResetTable, resetSteps } from '../../medallion/reset-step.ts';
import type { StepRule } from '../../medallion/rule.ts';
import { type ParsedArgs, parseWholeNumber } from '../args.ts';
import type { Command, CommandContext } from '../command.ts';
import { isConfirmed } from '../confirm.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { plural } from '../format.ts';
import { chosenSteps, openSteps, PLACE_OPTIONS, readSteps } from '../step/open-steps.ts';

export const stepResetCommand: Command = {
  name: 'step reset',
  effect: 'writes',
  summary: 'have a step of the medallion begin anew, or go on at another version',
  description: [
    'Without --from: empties the target of STEP, and the tables beside it, and forgets what was read, in one commit to each; the next ' +
      'run begins with all that the source has. Other steps of the same target begin anew with it. Old versions stay until a vacuum.',
    'With --from VERSION: the rows stay, and the next run goes on with that version of the source: past commits that cannot be read ' +
      'any more, or back to some that are to be read once more, which only a merge takes without doubling rows.',
  ],
  positionals: ['STEP'],
  options: {
    ...PLACE_OPTIONS,
    from: { value: 'VERSION', help: 'of the source, which is read next' },
    'keep-rows': { help: 'begin anew without emptying the target' },
    'dry-run': { help: 'say what would be done, and do nothing' },
    yes: { help: 'do not ask' },
    json: { help: 'one JSON object instead of text' },
  },
  examples: [
    'resaca step reset gold-sales --place landing=s3://my-lake --dry-run',
    'resaca step reset silver-orders --from 1200 --place landing=s3://my-lake --yes',
  ],
  run: runReset,
};

/** ms for lost races. */
const PATIENCE = 120_000;

async function runReset(args: ParsedArgs, context: CommandContext): Promise<ExitCode> {
  const { terminal } = context;
  const all = await readSteps(args);
  const [chosen] = chosenSteps(all, args.positionals);
  const from = args.value('from');
  const version = from === undefined ? undefined : parseWholeNumber(from, 'from');
  const empties = version === undefined && !args.flag('keep-rows');
  const steps = all.filter(
    (step) => step === chosen || (empties && chosen !== undefined && isSameTarget(step, chosen)),
  );
  const deps = await openSteps(args, steps);
  const names = steps.map(({ name }) => name).join(', ');
  const target = chosen === undefined ? '' : deps.tableAt(chosen.target).url;
  const begins = version === undefined ? 'begin anew' : `go on with version ${version} of the source`;
  const plan = `${names} would ${begins}${empties ? `, and ${target} would be emptied` : ''}`;
  if (args.flag('dry-run')) {
    await terminal.print(args.flag('json') ? JSON.stringify({ dryRun: true, plan }) : plan);
    return EXIT.ok;
  }
  if (!args.flag('yes') && !(await isConfirmed(`${plan}. Do it?`, context))) return EXIT.failed;
  const deadline = Date.now() + PATIENCE;
  if (!args.flag('json')) terminal.show([`resetting ${names}`]);
  const tables = await resetSteps(steps, deps, { empties, deadline, ...(version !== undefined && { version }) });
  terminal.endShow();
  if (args.flag('json'))
    await terminal.print(JSON.stringify({ steps: steps.map(({ name }) => name), tables }, null, 2));
  else for (const line of resetLines(tables, names)) await terminal.print(line);
  return EXIT.ok;
}

function isSameTarget(a: StepRule, b: StepRule): boolean {
  return tableId(a.target) === tableId(b.target);
}

function resetLines(tables: readonly ResetTable[], names: string): string[] {
  if (tables.length === 0) return [`${names}: there is no target yet, nothing to reset`];
  return tables.map(
    ({ table, version, filesRemoved }) =>
      `${table}: reset by version ${version}, ${plural(filesRemoved, 'file')} removed`,
  );
}
