import type { TableRef } from '../../delta/table.ts';
import {
  type BrokenRecord,
  isMeant,
  type RecordFilter,
  readRecords,
  type StoredRecord,
} from '../../recovery/quarantine/records.ts';
import { type ParsedArgs, UsageError } from '../args.ts';
import type { Command, CommandContext } from '../command.ts';
import type { ExitCode } from '../exit-codes.ts';
import { LANDING_OPTIONS, openLanding } from '../recovery/landing.ts';
import { runDiscard } from './discard.ts';
import { runList, runShow } from './list.ts';
import { runRetry } from './retry.ts';

const ACTIONS = ['list', 'show', 'retry', 'discard'] as const;
type Action = (typeof ACTIONS)[number];

/** Which actions an option is for; those that are not here are for all. */
const ACTIONS_OF: Readonly<Record<string, readonly Action[]>> = {
  reason: ['list', 'retry', 'discard'],
  all: ['retry', 'discard'],
  yes: ['discard'],
  'dry-run': ['retry', 'discard'],
  'delete-files': ['discard'],
  config: ['retry'],
};

export const quarantineCommand: Command = {
  name: 'quarantine',
  effect: 'writes',
  summary: 'look at the files that did not fit a table, try them again, or discard them',
  description: [
    'list: the records under TABLE/_resaca/quarantine by reason. show: one or more of them, by id or path.',
    'retry: gives files to the append path once more, by the rules and the schema of now, after these or the table were put ' +
      'right. What is in the table then leaves the quarantine; what does not fit stays, with the reason of now.',
    'discard: deletes records, and with --delete-files the files that they are about. A file that stays is tried again by ' +
      'the next resaca reconcile.',
    'A record that cannot be read is named with its key and the reason; discard deletes it by its id, or with --all.',
  ],
  positionals: ['ACTION', 'TABLE', '[ID|PATH...]'],
  options: {
    reason: { value: 'CODE', multiple: true, help: 'only records of this reason' },
    all: { help: 'retry, discard: all records' },
    'delete-files': { help: 'discard: delete the files, too, unless they are in the table or were written anew' },
    'dry-run': { help: 'retry, discard: do everything but write' },
    yes: { help: 'discard: do not ask' },
    ...LANDING_OPTIONS,
    json: { help: 'one JSON object instead of text' },
  },
  examples: [
    'resaca quarantine list s3://lake/orders',
    'resaca quarantine show s3://lake/orders ds=2026-11-24/part-1.parquet',
    'resaca quarantine retry s3://lake/orders --reason SCHEMA_CONFLICT --config resaca.config.ts',
    'resaca quarantine discard s3://lake/orders --reason NOT_PARQUET --delete-files',
  ],
  stopsCleanly: true,
  run: runQuarantine,
};

async function runQuarantine(args: ParsedArgs, context: CommandContext): Promise<ExitCode> {
  const [word, location = '', ...names] = args.positionals;
  const action = ACTIONS.find((known) => known === word);
  if (action === undefined) throw new UsageError(`expected the action ${ACTIONS.join(', ')}, got "${word}"`);
  for (const [option, actions] of Object.entries(ACTIONS_OF)) {
    if (args.flag(option) && !actions.includes(action)) {
      throw new UsageError(`--${option} belongs to ${actions.join(' and ')}, not to ${action}`);
    }
  }
  const filter = { names, reasons: args.values('reason') };
  assertChosen(action, args, filter);
  const { place: table, engine } = await openLanding(location, args);
  const isJson = args.flag('json');
  const dryRun = args.flag('dry-run');
  const broken: BrokenRecord[] = [];
  const records = () => chosen(table, filter, broken);
  switch (action) {
    case 'list':
      return runList(table, records(), broken, isJson, context);
    case 'show':
      return runShow(table, records(), broken, names, isJson, context);
    case 'retry':
      return runRetry(engine, table, records(), broken, { dryRun, isJson }, context);
    case 'discard': {
      const deleteFiles = args.flag('delete-files');
      const options = { dryRun, isJson, deleteFiles, isAsked: !args.flag('yes') && !dryRun };
      return runDiscard(engine.reader, table, await Array.fromAsync(records()), broken, options, context);
    }
  }
}

/** That something is done with all records has to be said. */
function assertChosen(action: Action, args: ParsedArgs, { names, reasons }: RecordFilter): void {
  const isChosen = names.length + reasons.length > 0;
  if (action === 'show' && names.length === 0) throw new UsageError('ID|PATH is missing');
  if (action === 'list' && names.length > 0) throw new UsageError(`unexpected argument "${names[0]}"`);
  if (action !== 'retry' && action !== 'discard') return;
  if (args.flag('all') && isChosen) throw new UsageError('--all cannot be used together with records or reasons');
  if (!args.flag('all') && !isChosen) throw new UsageError(`what to ${action} is missing: ID|PATH, --reason or --all`);
}

/** Those that are meant; of what cannot be read the reason is not known, and the path neither. */
async function* chosen(
  table: TableRef,
  filter: RecordFilter,
  broken: BrokenRecord[],
): AsyncGenerator<StoredRecord, void, undefined> {
  const note = (record: BrokenRecord): void => {
    if (filter.reasons.length === 0 && (filter.names.length === 0 || filter.names.includes(record.id))) {
      broken.push(record);
    }
  };
  for await (const stored of readRecords(table, note)) if (isMeant(filter, stored)) yield stored;
}
