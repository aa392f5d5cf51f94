import { parseCatalogConfig } from '../../catalog/config.ts';
import { type CatalogName, nameFor } from '../../catalog/names.ts';
import { fullName, type SyncResult, syncTable } from '../../catalog/sync-table.ts';
import { ConfigError } from '../../ingest/config-reader.ts';
import { type ParsedArgs, UsageError } from '../args.ts';
import type { Command, CommandContext } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { plural } from '../format.ts';
import { openLocation } from '../location.ts';
import { createEngine } from '../maintenance-engine.ts';

export const glueSyncCommand: Command = {
  name: 'glue sync',
  effect: 'writes',
  summary: 'bring the AWS Glue Data Catalog up to date with a table',
  description: [
    'Registers the Delta table at TABLE, s3://bucket/prefix, in the catalog as a native Delta table, which Athena, Spark and ' +
      'others read, or changes there what differs: columns, types, comments. What others set in Glue is kept, and nothing is ' +
      'written where nothing differs.',
    'It is named by --database and --table, or by --pattern from its path. A name that is another table’s is left alone.',
  ],
  positionals: ['TABLE'],
  options: {
    database: { value: 'NAME', help: 'database of the table, with --table' },
    table: { value: 'NAME', help: 'name of the table, with --database' },
    pattern: { value: 'PATTERN', help: 'both by the path, such as lake/{database}/{table}' },
    'create-database': { help: 'make the database where it is not there' },
    property: { value: 'NAME', multiple: true, help: 'a table property that becomes a parameter; may be repeated' },
    'dry-run': { help: 'say what would be done, and do nothing' },
    json: { help: 'one JSON object instead of text' },
  },
  examples: [
    'resaca glue sync s3://lake/raw/orders --database raw --table orders --dry-run',
    "resaca glue sync s3://lake/raw/orders --pattern '{database}/{table}' --create-database",
  ],
  run: runSync,
};

async function runSync(args: ParsedArgs, { terminal }: CommandContext): Promise<ExitCode> {
  const [location = ''] = args.positionals;
  if (!/^s3[an]?:\/\//.test(location)) {
    throw new UsageError(`expected a table on S3, s3://bucket/prefix, which is what Glue knows of, got "${location}"`);
  }
  const table = await openLocation(location);
  const name = readName(args, table.root);
  const dryRun = args.flag('dry-run');
  // Loaded when needed, with its client.
  const { createGlueCatalog } = await import('../../aws/glue-catalog.ts');
  terminal.show([`Comparing ${table.url} with the catalog`]);
  const result = await syncTable({ ...createEngine(), catalog: createGlueCatalog() }, table, name, {
    createDatabase: args.flag('create-database'),
    properties: args.values('property'),
    dryRun,
  });
  terminal.endShow();
  const text = args.flag('json')
    ? JSON.stringify({ location: table.url, ...name, dryRun, ...result }, null, 2)
    : resultLines(table.url, name, result, dryRun).join('\n');
  await terminal.print(text);
  return EXIT.ok;
}

/** Throws UsageError. */
function readName(args: ParsedArgs, root: string): CatalogName {
  const [database, table, pattern] = ['database', 'table', 'pattern'].map((name) => args.value(name));
  if (pattern === undefined) {
    if (!database || !table) throw new UsageError('--database and --table are missing, or --pattern instead of them');
    // Names as they are typed, in the one form that Glue has.
    return { database: database.toLowerCase(), table: table.toLowerCase() };
  }
  if (database !== undefined || table !== undefined) {
    throw new UsageError('--pattern names database and table: expected it alone, or --database and --table');
  }
  const name = nameFor(readRules(pattern), root);
  if (name === undefined) throw new UsageError(`--pattern "${pattern}" does not fit the path "${root}" of the table`);
  return name;
}

function readRules(pattern: string) {
  try {
    return parseCatalogConfig({ pattern }).rules;
  } catch (error) {
    if (error instanceof ConfigError) throw new UsageError(`--${error.problems.join('; ')}`);
    throw error;
  }
}

function resultLines(url: string, name: CatalogName, { outcome, version, changes }: SyncResult, dryRun: boolean) {
  const target = fullName(name);
  const done: Readonly<Record<SyncResult['outcome'], string>> = {
    created: `${dryRun ? 'would make' : 'made'} ${target} in Glue, as of version ${version}`,
    updated: `${dryRun ? 'would change' : 'changed'} ${target} in Glue, ${plural(changes.length, 'difference')} to version ${version}`,
    unchanged: `${target} in Glue is as version ${version} has it`,
  };
  return [`${url}: ${done[outcome]}`, ...changes.map((change) => `  ${change}`)];
}
