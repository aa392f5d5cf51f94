import type { Snapshot } from '../../delta/snapshot.ts';
import type { TableRef } from '../../delta/table.ts';
import type { KafkaEngine } from '../engine.ts';
import type { KafkaRecord } from '../record.ts';
import { commitRows, type TableRows, uploadFiles } from '../table-writer.ts';
import { assertFits } from './fit-files.ts';
import { PresenceCheck } from './presence.ts';
import type { RecordState } from './wanted-records.ts';

export interface AppendJob {
  readonly table: TableRef;
  /** The records that are looked for. */
  readonly records: readonly KafkaRecord[];
  /** Before the names of the table's columns that come from Kafka. */
  readonly metadataPrefix: string;
  /** Names the files, and is kept in the table's `txn` actions as `<application>/replay/<identity>`. */
  readonly identity: string;
  /** ms since the epoch. */
  readonly deadline: number;
  readonly isDryRun: boolean;
  /** What to write, given what the table has. Called again when the table went on meanwhile. Undefined for nothing. */
  plan(stateOf: (record: KafkaRecord) => RecordState, head: Snapshot | undefined): Promise<TableRows | undefined>;
}

/** Characters of an identity in the name of a file. */
const NAME_LENGTH = 16;

/**
 * Appends those of the records that a table lacks, in one commit. The commit is made only on the very version of the
 * table in which the records were looked for: when another writer was first, what it added is looked through, and the
 * plan is made anew. So two replays of the same records, by whatever way they came, write each once.
 * Throws ReplayError, the errors of `commitRows`, and the store's.
 */
export async function appendAbsent(engine: KafkaEngine, job: AppendJob): Promise<void> {
  const { table, identity, deadline } = job;
  const check = new PresenceCheck(engine, table, job.records, job.metadataPrefix);
  let head = await check.begin();
  for (;;) {
    const plan = await job.plan((record) => check.stateOf(record), head);
    if (plan === undefined) return;
    if (job.isDryRun) return assertFits(table, plan, head, engine.now());
    const files = await uploadFiles(engine, table, plan.files, replayName(identity));
    if (files.length === 0) return;
    const base = head;
    const appId = `${engine.config.application}/replay/${identity}`;
    // The txn tells who wrote the files; of two commits with the same one, the later sees the version of the earlier.
    const version = (base?.txns.get(appId)?.version ?? 0) + 1;
    const { kind } = await commitRows(engine, { ...plan.target, table }, base, {
      files,
      txns: (current) =>
        current?.version === base?.version ? [{ appId, version, lastUpdated: engine.now() }] : undefined,
      deadline,
    });
    if (kind === 'committed') return;
    head = await check.advance(base);
  }
}

/** How the files of a replay are called. */
export function replayName(identity: string): string {
  return `replay-${identity.slice(0, NAME_LENGTH)}`;
}
