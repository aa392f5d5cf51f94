import { CatalogError } from './errors.ts';

/** Where a table is in the catalog. */
export interface CatalogName {
  readonly database: string;
  readonly table: string;
}

/** Which tables are in the catalog, and under which names. */
export interface CatalogRule {
  /** Root of the tables, in whole path segments, of which `{name}` stands for any: `lake/{database}/{table}`. */
  readonly root: string;
  /** Name of the database, in which `{name}` is that segment. @default '{database}' */
  readonly database: string;
  /** Name of the table, likewise. @default '{table}' */
  readonly table: string;
}

/** "not less than 1 or more than 255 bytes long" (AWS Glue developer guide, "Table API" and "Database API"). */
export const MAX_NAME_BYTES = 255;

/**
 * The name of the table at a root by the first rule that it fits; undefined where none does. Throws `INVALID_NAME` when
 * the name would be longer than Glue takes.
 */
export function nameFor(rules: readonly CatalogRule[], root: string): CatalogName | undefined {
  for (const rule of rules) {
    const captured = matchRoot(rule.root, root);
    if (captured === undefined) continue;
    return {
      database: checked(fillIn(rule.database, captured), 'database', root),
      table: checked(fillIn(rule.table, captured), 'table', root),
    };
  }
  return undefined;
}

/**
 * Text as a name that every engine takes without quotes: lower case, for "Hive compatibility" (Glue, "Table API"), and `_`
 * for all but letters and digits ("special characters other than underscore are not supported": Athena user guide, "Name
 * databases, tables, and columns").
 */
export function toName(text: string): string {
  return text.toLowerCase().replaceAll(/[^a-z0-9_]/gu, '_');
}

/** The `{name}`s of a pattern or template. */
export function placeholders(pattern: string): string[] {
  return [...pattern.matchAll(PLACEHOLDER)].map(([, name = '']) => name);
}

/** A template with something else in the place of each `{name}`, and the text between them as part of a name. */
export function replacePlaceholders(template: string, replace: (name: string) => string): string {
  return template
    .split(/(\{\w+\})/)
    .map((part) => (/^\{\w+\}$/.test(part) ? replace(part.slice(1, -1)) : toName(part)))
    .join('');
}

/** The key prefixes under which tables of the rules can be, none within another; `''` is the whole bucket. */
export function prefixesOf(rules: readonly CatalogRule[]): string[] {
  const prefixes = new Set(rules.map(({ root }) => literalPrefix(root)));
  if (prefixes.has('')) return [''];
  return [...prefixes].filter((one) => ![...prefixes].some((other) => other !== one && one.startsWith(`${other}/`)));
}

const PLACEHOLDER = /\{(\w+)\}/g;

function literalPrefix(pattern: string): string {
  const segments = pattern.split('/');
  const first = segments.findIndex((segment) => segment.startsWith('{'));
  return (first === -1 ? segments : segments.slice(0, first)).join('/');
}

function matchRoot(pattern: string, root: string): ReadonlyMap<string, string> | undefined {
  const expected = pattern.split('/');
  const segments = root.split('/');
  if (segments.length !== expected.length) return undefined;
  const captured = new Map<string, string>();
  for (const [index, segment] of segments.entries()) {
    const part = expected[index] ?? '';
    if (part.startsWith('{')) captured.set(part.slice(1, -1), segment);
    else if (part !== segment) return undefined;
  }
  return captured;
}

function fillIn(template: string, captured: ReadonlyMap<string, string>): string {
  return replacePlaceholders(template, (name) => toName(captured.get(name) ?? ''));
}

function checked(name: string, what: 'database' | 'table', root: string): string {
  if (name.length >= 1 && name.length <= MAX_NAME_BYTES) return name;
  throw new CatalogError(
    'INVALID_NAME',
    `the ${what} of the table at "${root}" would be named "${name}": expected 1 to ${MAX_NAME_BYTES} characters, got ${name.length}`,
  );
}
