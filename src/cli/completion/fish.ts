import type { Command } from '../command.ts';
import { type CompletedCommand, describeCommands } from './describe.ts';

/** A completion for fish. */
export function fishScript(commands: readonly Command[]): string {
  const described = describeCommands(commands);
  const seen = new Set<string>();
  const firsts = described.filter(({ words: [first = ''] }) => !seen.has(first) && seen.add(first));
  return [
    '# Completion of resaca for fish: resaca completion fish > ~/.config/fish/completions/resaca.fish',
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
  const isFirst = `__fish_seen_subcommand_from ${first}`;
  const seconds = all.filter(({ words }) => words[0] === first).flatMap(({ words }) => words[1] ?? []);
  const others = second === undefined ? seconds : [];
  const condition =
    second !== undefined
      ? `${isFirst}; and __fish_seen_subcommand_from ${second}`
      : others.length > 0
        ? `${isFirst}; and not __fish_seen_subcommand_from ${others.join(' ')}`
        : isFirst;
  return [
    ...(second === undefined
      ? []
      : [
          `complete -c resaca -n ${quote(`${isFirst}; and not __fish_seen_subcommand_from ${seconds.join(' ')}`)} -a ${quote(second)} -d ${quote(summary)}`,
        ]),
    ...(actions.length === 0
      ? []
      : [
          `complete -c resaca -n ${quote(`${isFirst}; and not __fish_seen_subcommand_from ${actions.join(' ')}`)} -a ${quote(actions.join(' '))}`,
        ]),
    ...options.map(
      ({ name, help, hasValue }) =>
        `complete -c resaca -n ${quote(condition)} -l ${name}${hasValue ? ' -r' : ''} -d ${quote(help)}`,
    ),
  ];
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
