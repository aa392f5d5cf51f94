import { UsageError } from '../args.ts';
import type { Command } from '../command.ts';
import { EXIT } from '../exit-codes.ts';
import { bashScript } from './bash.ts';
import { fishScript } from './fish.ts';

const SCRIPTS: Readonly<Record<string, (commands: readonly Command[]) => string>> = {
  bash: bashScript,
  // zsh runs completions of bash.
  zsh: (commands) =>
    `autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n${bashScript(commands)}`,
  fish: fishScript,
};

/** The completion of these commands, and of itself. */
export function createCompletionCommand(commands: readonly Command[]): Command {
  const command: Command = {
    name: 'completion',
    effect: 'serves',
    summary: 'print what a shell needs to complete commands and options',
    description: ['Prints a script for SHELL, which is bash, zsh or fish, made from the commands as they are.'],
    positionals: ['SHELL'],
    options: {},
    examples: [
      'source <(resaca completion bash)',
      'source <(resaca completion zsh)',
      'resaca completion fish > ~/.config/fish/completions/resaca.fish',
    ],
    async run({ positionals: [shell = ''] }, { terminal }) {
      const script = Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined;
      if (script === undefined) {
        throw new UsageError(`expected a shell of ${Object.keys(SCRIPTS).join(', ')}, got "${shell}"`);
      }
      await terminal.print(script([...commands, command]));
      return EXIT.ok;
    },
  };
  return command;
}
