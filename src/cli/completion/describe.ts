import { COMMON_OPTIONS, type Command } from '../command.ts';

/** What of a command can be completed. */
export interface CompletedCommand {
  /** Its name: one word or two. */
  readonly words: readonly string[];
  readonly summary: string;
  readonly options: readonly { readonly name: string; readonly help: string; readonly hasValue: boolean }[];
  /** What may stand for a positional argument `ACTION`. */
  readonly actions: readonly string[];
}

export function describeCommands(commands: readonly Command[]): CompletedCommand[] {
  return commands.map(({ name, summary, options, positionals, description }) => ({
    words: name.split(' '),
    summary,
    options: Object.entries({ ...options, ...COMMON_OPTIONS }).map(([option, { help, value }]) => ({
      name: option,
      help,
      hasValue: value !== undefined,
    })),
    actions: positionals[0] === 'ACTION' ? actionsIn(description) : [],
  }));
}

/** The actions as the description has them, each at the beginning of a sentence: `list: shows …`. */
function actionsIn(description: readonly string[]): string[] {
  const text = description.join(' ');
  return [...text.matchAll(/(?:^|\. )([a-z]+): /g)].map(([, action = '']) => action);
}
