import { parseArgs } from 'node:util';

/** An option as one line of the help. */
export interface OptionSpec {
  readonly help: string;
  /** Name of the value in the help, `N`; without it the option is a flag. */
  readonly value?: string;
  /** May be given several times. */
  readonly multiple?: boolean;
}

export interface ArgumentSpec {
  /**
   * Names of the positional arguments, all of them required. The last one may be given several times if it is `NAME...`,
   * and any number of times if it is `[NAME...]`.
   */
  readonly positionals: readonly string[];
  readonly options: Readonly<Record<string, OptionSpec>>;
}

export interface ParsedArgs {
  readonly positionals: readonly string[];
  flag(name: string): boolean;
  value(name: string): string | undefined;
  values(name: string): readonly string[];
}

/** The command line is wrong. The message is for the person who wrote it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Reads the arguments behind the command's name. Throws UsageError. */
export function parseCommandLine(args: readonly string[], spec: ArgumentSpec): ParsedArgs {
  const options = Object.fromEntries(
    Object.entries(spec.options).map(([name, { value }]) => [
      name,
      { type: value === undefined ? 'boolean' : 'string', multiple: true } as const,
    ]),
  );
  // Not strict, because the messages of the strict mode are for programmers.
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true });
  const positionals: string[] = [];
  const given = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const option = Object.hasOwn(spec.options, token.name) ? spec.options[token.name] : undefined;
    const value = optionValue(token, option);
    given.set(token.name, [...(given.get(token.name) ?? []), value]);
  }
  for (const [name, values] of given) {
    const { value, multiple } = spec.options[name] ?? {};
    if (value !== undefined && !multiple && values.length > 1) throw new UsageError(`--${name} was given twice`);
  }
  assertPositionals(positionals, spec.positionals);
  return {
    positionals,
    flag: (name) => given.has(name),
    value: (name) => given.get(name)?.at(-1),
    values: (name) => given.get(name) ?? [],
  };
}

function optionValue(
  token: { readonly rawName: string; readonly value?: string | undefined; readonly inlineValue?: boolean | undefined },
  option: OptionSpec | undefined,
): string {
  if (option === undefined) throw new UsageError(`unknown option ${token.rawName}`);
  if (option.value === undefined) {
    if (token.inlineValue) throw new UsageError(`${token.rawName} takes no value, got "${token.value}"`);
    return '';
  }
  if (token.value === undefined)
    throw new UsageError(`${token.rawName} needs a value: ${token.rawName} ${option.value}`);
  return token.value;
}

function assertPositionals(given: readonly string[], names: readonly string[]): void {
  const last = names.at(-1) ?? '';
  const required = last.startsWith('[') ? names.slice(0, -1) : names;
  const missing = required[given.length];
  if (missing !== undefined) throw new UsageError(`${missing.replace('...', '')} is missing`);
  const extra = last.includes('...') ? undefined : given[names.length];
  if (extra !== undefined) throw new UsageError(`unexpected argument "${extra}"`);
}

/** A whole number from `min` on. Throws UsageError naming the option. */
export function parseWholeNumber(text: string, option: string, min = 0): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= min) return value;
  throw new UsageError(`--${option} expects a whole number from ${min} on, got "${text}"`);
}

/** A time as ISO 8601 text, in UTC unless it names a zone; ms since the epoch. Throws UsageError naming the option. */
export function parseTime(text: string, option: string): number {
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s*(Z|[+-]\d\d:?\d\d)?)?$/i.exec(text.trim());
  const [, date, time = '00:00:00', zone = 'Z'] = match ?? [];
  const value = date === undefined ? Number.NaN : Date.parse(`${date}T${time}${zone.toUpperCase()}`);
  if (!Number.isNaN(value)) return value;
  throw new UsageError(`--${option} expects a time such as 2026-11-24T06:30:00Z, got "${text}"`);
}
