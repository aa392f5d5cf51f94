import type { TableRef } from '../../delta/table.ts';
import {
  addToGroups,
  type BrokenRecord,
  type RecordGroup,
  readRecords,
  type StoredRecord,
} from '../../recovery/quarantine/records.ts';
import type { QuarantinedFile, QuarantineFacts } from '../facts.ts';

/** Records that are read, in the order of their names, which are hashes: a sample of all where there are more. */
const MAX_RECORDS = 10_000;
const MAX_REASONS = 50;
const NEWEST = 20;
const MAX_BROKEN = 20;

/** Adds the records of a table's quarantine up. Reads `MAX_RECORDS` of them at most, and those that cannot be read. */
export async function sumQuarantine(table: TableRef): Promise<QuarantineFacts> {
  const groups = new Map<string, RecordGroup>();
  let newest: QuarantinedFile[] = [];
  let files = 0;
  let bytes = 0;
  let more = false;
  let broken = 0;
  const brokenRecords: BrokenRecord[] = [];
  const note = (record: BrokenRecord): void => {
    broken += 1;
    if (brokenRecords.length < MAX_BROKEN) brokenRecords.push(record);
  };
  for await (const stored of readRecords(table, note)) {
    if (files === MAX_RECORDS) {
      more = true;
      break;
    }
    files += 1;
    bytes += stored.record.size ?? 0;
    addToGroups(groups, named(stored, groups));
    newest = [...newest, toFile(stored)].sort(byTime).slice(0, NEWEST);
  }
  const reasons = [...groups.values()].sort((a, b) => b.files - a.files);
  return { files, bytes, more, reasons, newest, broken, brokenRecords };
}

/** Reasons are codes of ours, but records are objects that anybody may write. */
function named(stored: StoredRecord, groups: ReadonlyMap<string, RecordGroup>): StoredRecord {
  if (groups.size < MAX_REASONS || groups.has(stored.record.reason)) return stored;
  return { ...stored, record: { ...stored.record, reason: 'others' } };
}

function toFile({ record }: StoredRecord): QuarantinedFile {
  const { path, reason, detail, size, quarantinedAt } = record;
  return { path, reason, detail, size: size ?? null, quarantinedAt };
}

function byTime(a: QuarantinedFile, b: QuarantinedFile): number {
  return a.quarantinedAt < b.quarantinedAt ? 1 : a.quarantinedAt > b.quarantinedAt ? -1 : 0;
}
