import { mapConcurrently } from '../../ingest/concurrently.ts';
import type { RecordProblem } from '../dead-letters.ts';
import { assertNothingWaits } from '../deferred/mark.ts';
import type { KafkaRecord } from '../record.ts';
import { distinctRecords, type RecordId, recordId } from './record-id.ts';
import type { Router } from './replay-routes.ts';
import { type ReplayOptions, TableReplay, type TableReplayDeps } from './table-replay.ts';

export interface ReplayDeps extends TableReplayDeps {
  readonly route: Router;
}

/** What became of the records for one table. */
export interface TableOutcome {
  /** URL of the table. */
  readonly table: string;
  readonly records: number;
  /** In the table already. */
  readonly present: number;
  /** Written, or in a dry run to be written. */
  readonly written: number;
  /** Of which the rule wants no row. */
  readonly dropped: number;
  /** By code. */
  readonly failed: Readonly<Record<string, number>>;
  /** Why the table could not be written; its records are untouched then. */
  readonly error?: unknown;
}

export interface ReplayResult {
  readonly tables: readonly TableOutcome[];
  /** Records that failed again, and why. */
  readonly problems: ReadonlyMap<RecordId, RecordProblem>;
  /** Records that are where they were: their topic has no rule, or their table could not be written. */
  readonly untouched: ReadonlySet<RecordId>;
  /** Records whose topic has no rule. */
  readonly unrouted: number;
}

/**
 * Writes those of the records that their tables lack, each table in one commit, apart from each other. The offsets that
 * the tables keep are not moved. What a table has is found out by its rows, so that the same records may be given any
 * number of times, at once and after a crash. Errors of a table are in the result; throws what a rule throws that cannot
 * be prepared.
 */
export async function replayRecords(
  deps: ReplayDeps,
  records: readonly KafkaRecord[],
  options: ReplayOptions,
): Promise<ReplayResult> {
  const { routes, unrouted } = await deps.route(distinctRecords(records));
  const problems = new Map<RecordId, RecordProblem>();
  const untouched = new Set<RecordId>(unrouted.map(recordId));
  const tables = await mapConcurrently(routes, deps.engine.config.tableConcurrency, async (route) => {
    const replay = new TableReplay(deps, route, options);
    const { url: table, ...place } = deps.tableAt(route.root);
    try {
      // What waits is in no row yet.
      await assertNothingWaits({ url: table, ...place });
      await replay.write();
    } catch (error) {
      for (const record of replay.records) untouched.add(recordId(record));
      return { table, records: replay.records.length, present: 0, written: 0, dropped: 0, failed: {}, error };
    }
    const failed = new Map<string, number>();
    for (const [id, { problem }] of replay.problems) {
      problems.set(id, problem);
      failed.set(problem.code, (failed.get(problem.code) ?? 0) + 1);
    }
    const { present, written, dropped } = replay;
    return { table, records: replay.records.length, present, written, dropped, failed: Object.fromEntries(failed) };
  });
  return { tables, problems, untouched, unrouted: unrouted.length };
}
