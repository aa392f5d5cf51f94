import type { Command } from '../command.ts';
import { type CompletedCommand, describeCommands } from './describe.ts';

/** Conditions by place: a table may be called like a command. */
const HELPERS = [
  'function __resaca_at',
  '  set -l words (commandline -opc)',
  '  test "$words[$argv[1]]" = "$argv[2]"',
  'end',
  'function __resaca_is_next',
  '  test (count (commandline -opc)) -eq (math $argv[1] - 1)',
  'end',
];

/** A completion for fish. */
export function fishScript(commands: readonly Command[]): string {
  const described = describeCommands(commands);
  const seen = new Set<string>();
  const firsts = described.filter(({ words: [first = ''] }) => !seen.has(first) && seen.add(first));
  return [
    '# Completion of resaca for fish: resaca completion fish > ~/.config/fish/completions/resaca.fish',
    ...HELPERS,
    ...firsts.map(
      ({ words: [first = ''], summary }) =>
        `complete -c resaca -f -n __fish_use_subcommand -a ${quote(first)} -d ${quote(summary)}`,
    ),
    ...described.flatMap((command) => linesOf(command, described)),
  ].join('\n');
}

function linesOf(
  { words: [first = '', second], summary, options, actions }: CompletedCommand,
  all: readonly CompletedCommand[],
): string[] {
  const isFirst = `__resaca_at 2 ${first}`;
  const seconds = all.filter(({ words }) => words[0] === first).flatMap(({ words }) => words[1] ?? []);
  const condition =
    second === undefined
      ? [isFirst, ...seconds.map((other) => `not __resaca_at 3 ${other}`)].join('; and ')
      : `${isFirst}; and __resaca_at 3 ${second}`;
  const isThird = quote(`${isFirst}; and __resaca_is_next 3`);
  return [
    ...(second === undefined ? [] : [`complete -c resaca -n ${isThird} -a ${quote(second)} -d ${quote(summary)}`]),
    ...(actions.length === 0 ? [] : [`complete -c resaca -n ${isThird} -a ${quote(actions.join(' '))}`]),
    ...options.map(
      ({ name, help, hasValue }) =>
        `complete -c resaca -n ${quote(condition)} -l ${name}${hasValue ? ' -r' : ''} -d ${quote(help)}`,
    ),
  ];
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
