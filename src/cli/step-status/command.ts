import { type StepStatus, stepStatus } from '../../medallion/step-status.ts';
import type { ParsedArgs } from '../args.ts';
import type { Command, CommandContext } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { formatRows, plural } from '../format.ts';
import { chosenSteps, openSteps, PLACE_OPTIONS, readSteps } from '../step/open-steps.ts';

export const stepStatusCommand: Command = {
  name: 'step status',
  effect: 'reads',
  summary: 'tell how far the steps of the medallion have read their sources',
  description: [
    'Reads the position of each STEP, or of all, from the log of its target, and the latest version of its source. ' +
      'Nothing is written. Ends with 3 where a step is behind its source, or cannot go on.',
  ],
  positionals: ['[STEP...]'],
  options: { ...PLACE_OPTIONS, json: { help: 'one JSON object instead of text' } },
  examples: [
    'resaca step status --place landing=s3://my-lake',
    'resaca step status silver-orders --place landing=./landing --json',
  ],
  run: runStatus,
};

async function runStatus(args: ParsedArgs, { terminal }: CommandContext): Promise<ExitCode> {
  const steps = chosenSteps(await readSteps(args), args.positionals);
  const deps = await openSteps(args, steps);
  const found: StepStatus[] = [];
  for (const step of steps) found.push(await stepStatus(step, deps));
  if (args.flag('json')) await terminal.print(JSON.stringify({ steps: found }, null, 2));
  else for (const line of statusLines(found)) await terminal.print(line);
  const isBehind = ({ versionsBehind, problem }: StepStatus) => versionsBehind > 0 || problem !== undefined;
  return found.some(isBehind) ? EXIT.incomplete : EXIT.ok;
}

/** One line for each step, in columns. */
export function statusLines(found: readonly StepStatus[]): string[] {
  return formatRows(found.map((status) => [status.step, status.mode, status.target, stateOf(status)]));
}

function stateOf({ position, backfill, versionsBehind, sourceVersion, problem }: StepStatus): string {
  if (problem !== undefined) return problem;
  if (backfill !== undefined)
    return `first content: ${plural(backfill.files, 'file')} of version ${backfill.version} read`;
  if (position === undefined) return `nothing read of version ${sourceVersion}`;
  if (versionsBehind === 0) return `up to date with version ${sourceVersion}`;
  const part = position.files === 0 ? '' : `, ${plural(position.files, 'file')} of version ${position.version} read`;
  return `${plural(versionsBehind, 'version')} behind version ${sourceVersion}${part}`;
}
