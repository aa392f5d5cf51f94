import { inOrder, layersOf, sourcesOf, tableId } from '../../medallion/graph.ts';
import { graphSvg } from '../../medallion/graph-svg.ts';
import type { StepRule } from '../../medallion/rule.ts';
import type { ParsedArgs } from '../args.ts';
import type { Command, CommandContext } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { formatRows, plural } from '../format.ts';
import { writeWhole } from '../report/write-file.ts';
import { readSteps, STEP_OPTIONS } from '../step/open-steps.ts';

export const graphCommand: Command = {
  name: 'graph',
  effect: 'reads',
  summary: 'draw how the tables of the medallion follow from each other',
  description: [
    'Lists the steps of a configuration in the order in which they follow from each other, or draws their tables as an SVG. Every mistake of ' +
      'the configuration is named. Nothing is asked of AWS, and no table is opened.',
  ],
  positionals: [],
  options: {
    ...STEP_OPTIONS,
    out: { value: 'FILE', help: 'where the SVG is written, - for the standard output' },
    json: { help: 'one JSON object instead of text' },
  },
  examples: ['resaca graph', 'resaca graph --out medallion.svg', 'resaca graph --config prod.config.ts --json'],
  run: runGraph,
};

async function runGraph(args: ParsedArgs, { terminal }: CommandContext): Promise<ExitCode> {
  const steps = inOrder(await readSteps(args));
  const out = args.value('out');
  if (out === '-') await terminal.write(graphSvg(steps));
  else if (out !== undefined) await writeWhole(out, graphSvg(steps));
  if (args.flag('json')) await terminal.print(JSON.stringify(graphJson(steps), null, 2));
  else if (out === undefined) for (const line of graphLines(steps)) await terminal.print(line);
  else if (out !== '-') await terminal.print(`${out}: ${plural(steps.length, 'step')}`);
  return EXIT.ok;
}

function graphLines(steps: readonly StepRule[]): string[] {
  return formatRows(
    steps.map((step) => [
      step.name,
      step.mode.kind,
      `${sourcesOf(step).map(tableId).join(', ')} -> ${tableId(step.target)}`,
    ]),
  );
}

function graphJson(steps: readonly StepRule[]) {
  return {
    tables: [...layersOf(steps)].map(([table, layer]) => ({ table, layer })),
    steps: steps.map(({ name, mode, source, lookups, target }) => ({
      name,
      mode: mode.kind,
      source: tableId(source),
      lookups: lookups.map(tableId),
      target: tableId(target),
    })),
  };
}
