import type { ArgumentSpec, OptionSpec, ParsedArgs } from './args.ts';
import type { ExitCode } from './exit-codes.ts';
import { formatRows, wrap } from './format.ts';
import type { Terminal } from './terminal.ts';

/** What a command may use of its process. */
export interface CommandContext {
  readonly terminal: Terminal;
  /** Aborted by the first interrupt, for commands that stop cleanly. */
  readonly signal: AbortSignal;
  /** Asks the person; undefined when there is nobody to answer. */
  readonly ask: ((question: string) => Promise<string>) | undefined;
}

/**
 * What a command does to what it is given. `reads`: shows it, and takes `--json`. `writes`: changes it, and takes `--dry-run` and
 * `--json`, and shows how far it is. `serves`: runs until it is stopped, or prints what other programs read.
 * `test/cli/commands.test.ts` holds all to it.
 */
export type Effect = 'reads' | 'writes' | 'serves';

export interface Command extends ArgumentSpec {
  readonly name: string;
  readonly effect: Effect;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** Paragraphs of the command's own help. */
  readonly description: readonly string[];
  readonly examples: readonly string[];
  /** Whether the first interrupt lets it finish what is under way; otherwise it ends the process. @default false */
  readonly stopsCleanly?: boolean;
  run(args: ParsedArgs, context: CommandContext): Promise<ExitCode>;
}

/** Options that every command has. */
export const COMMON_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  debug: { help: 'show the stack of an error' },
  help: { help: 'show this help' },
};

const HELP_WIDTH = 80;

/** The help of one command. */
export function commandHelp(command: Command): string {
  const usage = ['resaca', command.name, ...command.positionals, '[options]'].join(' ');
  const options = { ...command.options, ...COMMON_OPTIONS };
  const names = Object.entries(options).map(
    ([name, { value }]) => `  --${name}${value === undefined ? '' : ` ${value}`}`,
  );
  const indent = Math.max(...names.map((name) => name.length)) + 2;
  const lines = Object.values(options).flatMap(({ help }, index) =>
    wrap(help, HELP_WIDTH - indent).map((line, row) => (row === 0 ? (names[index] ?? '') : '').padEnd(indent) + line),
  );
  const description = command.description.flatMap((paragraph) => [...wrap(paragraph, HELP_WIDTH), '']);
  const examples = command.examples.map((example) => `  ${example}`);
  return [`Usage: ${usage}`, '', ...description, 'Options:', ...lines, '', 'Examples:', ...examples].join('\n');
}

/** The help of the program. */
export function programHelp(commands: readonly Command[]): string {
  const rows = formatRows(commands.map(({ name, summary }) => [`  ${name}`, summary]));
  return [
    'Usage: resaca COMMAND [options]',
    '',
    'Files that land in object storage become a Delta table, without being rewritten.',
    '',
    'Commands:',
    ...rows,
    '',
    'Options:',
    '  --help     show this help; with a command: its own',
    '  --version  show the version',
    '',
    'Exit codes: 0 done; 1 failed; 2 wrong command line; 3 done, but not all: files',
    'were left out, or something is left to do; 130 interrupted twice.',
  ].join('\n');
}
