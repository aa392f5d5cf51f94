import type { CheckpointReader } from '../../delta/checkpoint.ts';
import type { TableRef } from '../../delta/table.ts';
import { discardRecords } from '../../recovery/quarantine/discard.ts';
import type { BrokenRecord, StoredRecord } from '../../recovery/quarantine/records.ts';
import type { CommandContext } from '../command.ts';
import { isConfirmed } from '../confirm.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { plural } from '../format.ts';
import { names } from '../recovery/print.ts';

export interface DiscardOptions {
  readonly dryRun: boolean;
  readonly isJson: boolean;
  readonly deleteFiles: boolean;
  readonly isAsked: boolean;
}

/** `resaca quarantine discard`. In a dry run the table's store writes nothing. */
export async function runDiscard(
  reader: CheckpointReader,
  table: TableRef,
  records: readonly StoredRecord[],
  broken: readonly BrokenRecord[],
  { dryRun, isJson, deleteFiles, isAsked }: DiscardOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const { terminal } = context;
  const count = records.length + broken.length;
  const what = `${plural(count, 'record')}${deleteFiles ? ' and their files' : ''} of ${table.url}`;
  if (isAsked && count > 0 && !(await isConfirmed(`Delete ${what}?`, context))) return EXIT.failed;
  const result = await discardRecords(reader, table, records, { deleteFiles, broken });
  if (isJson) {
    await terminal.print(JSON.stringify({ table: table.url, dryRun, ...result }, null, 2));
    return EXIT.ok;
  }
  const verb = dryRun ? 'would delete' : 'deleted';
  await terminal.print(`${table.url}: ${verb} ${plural(result.records, 'record')}, ${plural(result.files, 'file')}`);
  if (result.kept.length > 0) {
    await terminal.print(`  ${plural(result.kept.length, 'file')} left: in the table, or written anew since`);
    for (const line of names(result.kept, result.kept.length)) await terminal.print(line);
  }
  return EXIT.ok;
}
