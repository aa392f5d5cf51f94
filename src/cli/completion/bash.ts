import type { Command } from '../command.ts';
import { type CompletedCommand, describeCommands } from './describe.ts';

/**
 * A completion for bash: names of commands, whose second word comes behind the first, their actions and options; files for
 * everything else.
 */
export function bashScript(commands: readonly Command[]): string {
  const described = describeCommands(commands);
  const firstWords = [...new Set(described.map(({ words }) => words[0] ?? ''))];
  return [
    '# Completion of resaca for bash: source <(resaca completion bash)',
    '_resaca() {',
    `  local current="${wordAt('COMP_CWORD')}" previous="${wordAt('COMP_CWORD-1')}" name="${wordAt('1')}"`,
    '  local options="" valued="" actions="" seconds="" first=2',
    '  COMPREPLY=()',
    '  if [[ $COMP_CWORD -eq 1 ]]; then',
    `    COMPREPLY=($(compgen -W "${firstWords.join(' ')} --help --version" -- "$current"))`,
    '    return',
    '  fi',
    `  case "$name ${wordAt('2')}" in`,
    ...described
      .filter(({ words }) => words.length === 2)
      .map(({ words }) => `    "${words.join(' ')}") name="${words.join(' ')}"; first=3 ;;`),
    '  esac',
    '  case "$name" in',
    ...described.flatMap((command) => caseOf(command, described)),
    '  esac',
    '  if [[ " $valued " == *" $previous "* ]]; then',
    '    COMPREPLY=($(compgen -f -- "$current"))',
    '  elif [[ $current == -* ]]; then',
    '    COMPREPLY=($(compgen -W "$options" -- "$current"))',
    '  elif [[ $COMP_CWORD -eq $first && -n "$actions$seconds" ]]; then',
    '    COMPREPLY=($(compgen -W "$actions $seconds" -- "$current"))',
    '  else',
    '    COMPREPLY=($(compgen -f -- "$current"))',
    '  fi',
    '}',
    'complete -o filenames -F _resaca resaca',
  ].join('\n');
}

/** A word of the command line, as bash has it. */
function wordAt(index: string): string {
  return `\${COMP_WORDS[${index}]}`;
}

function caseOf({ words, options, actions }: CompletedCommand, all: readonly CompletedCommand[]): string[] {
  const names = options.map(({ name }) => `--${name}`);
  const valued = options.filter(({ hasValue }) => hasValue).map(({ name }) => `--${name}`);
  const seconds = words.length === 1 ? all.filter(({ words: [first, second] }) => first === words[0] && second) : [];
  return [
    `    "${words.join(' ')}")`,
    `      options="${names.join(' ')}"`,
    `      valued="${valued.join(' ')}"`,
    `      actions="${actions.join(' ')}"`,
    `      seconds="${seconds.map(({ words: [, second] }) => second).join(' ')}" ;;`,
  ];
}
