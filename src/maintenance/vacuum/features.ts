import { DeltaError } from '../../delta/errors.ts';
import { assertReadable } from '../../delta/features.ts';
import type { Snapshot } from '../../delta/snapshot.ts';

/**
 * Table features under which files of a table may be deleted by the rules of this folder: each was looked at for what it
 * keeps beside the files that the log names. Those that are not here are refused: a feature that is not known may keep
 * files that no action names, or its log somewhere else (catalog-managed and coordinated commits, redirects).
 */
const SAFE: ReadonlySet<string> = new Set([
  // Rules for rows, columns, statistics and commits.
  'appendOnly',
  'invariants',
  'checkConstraints',
  'generatedColumns',
  'identityColumns',
  'allowColumnDefaults',
  'rowTracking',
  'domainMetadata',
  'inCommitTimestamp',
  'timestampNtz',
  'variantType',
  'variantType-preview',
  'variantShredding',
  'variantShredding-preview',
  'typeWidening',
  'typeWidening-preview',
  'materializePartitionColumns',
  'clustering',
  // The names of folders differ, and the log has the paths all the same.
  'columnMapping',
  // Change files are deleted by their age, as by Spark.
  'changeDataFeed',
  // Their files are kept as long as an action names them.
  'deletionVectors',
  // Sidecars lie in the log folder.
  'v2Checkpoint',
  // Iceberg's metadata lie in the folder `metadata`, which is left alone.
  'icebergCompatV1',
  'icebergCompatV2',
  'icebergCompatV3',
  'icebergWriterCompatV1',
  'icebergWriterCompatV3',
  // This very check.
  'vacuumProtocolCheck',
  // About checkpoints and the log; the clean-up of the log heeds it.
  'checkpointProtection',
]);

/** Writer and reader versions without lists of features; the next ones have them (PROTOCOL.md "Table Features"). */
const MAX_LEGACY_WRITER = 6;
const MAX_WRITER = 7;

/**
 * Checks the protocol for readers and for writers before anything of a table is deleted, as every vacuum has to do under
 * `vacuumProtocolCheck` (PROTOCOL.md "Writer Requirements for Vacuum Protocol Check"); here it is done for all tables.
 * Throws `UNSUPPORTED_READER`, or `UNSUPPORTED_WRITER` naming the version or the features.
 */
export function assertDeletable({ table, protocol }: Pick<Snapshot, 'table' | 'protocol'>): void {
  assertReadable(protocol, table);
  const { minWriterVersion, writerFeatures = [] } = protocol;
  if (!Number.isInteger(minWriterVersion) || minWriterVersion < 1 || minWriterVersion > MAX_WRITER) {
    const message = `${table.url} needs writer version ${minWriterVersion}; versions 1 to ${MAX_WRITER} are supported`;
    throw new DeltaError('UNSUPPORTED_WRITER', message, { table: table.url, minWriterVersion });
  }
  const unsafe = minWriterVersion > MAX_LEGACY_WRITER ? writerFeatures.filter((name) => !SAFE.has(name)) : [];
  if (unsafe.length === 0) return;
  const message = `Nothing of ${table.url} is deleted because of table features that are not supported: ${unsafe.join(', ')}`;
  throw new DeltaError('UNSUPPORTED_WRITER', message, { table: table.url, features: unsafe });
}
