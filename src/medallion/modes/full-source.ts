import { relationOf } from '../commit/side-table.ts';
import { ofTry } from '../plan/names.ts';
import { keyColumns } from '../plan/skipping.ts';
import type { Dialect } from '../plan/sql.ts';
import type { BatchContext } from './batch-context.ts';
import { assertFits, candidatesOf, keyFilter } from './candidates.ts';

export interface FullSource {
  /** Columns of the target that each row has from a row of the source, as it is there. */
  readonly unchanged: readonly string[];
  /** Statement with values of them: only files of the source that may have these are read. */
  readonly keysFrom: string;
  readonly attempt: number;
}

/** The transform over all of the source at the batch's last version. Throws StepError `BATCH_TOO_LARGE`. */
export async function fullTransformSql(
  context: BatchContext,
  { unchanged, keysFrom, attempt }: FullSource,
): Promise<(dialect: Dialect) => string> {
  const { session, transformer, shape } = context;
  const snapshot = await context.source.log.snapshotAt(context.batch.untilVersion);
  const known = unchanged.filter((name) => {
    const [own, other] = [snapshot.schema, shape.schema].map(({ fields }) =>
      fields.find((field) => field.name === name),
    );
    return own !== undefined && other !== undefined && own.type === other.type;
  });
  const columns = keyColumns(known, snapshot.schema, snapshot.metadata.partitionColumns);
  const filter = await keyFilter(context, columns, { from: keysFrom, name: ofTry('full_ranges', attempt) });
  const files = await candidatesOf(context, snapshot, filter);
  assertFits(context, files, { url: snapshot.table.url, what: 'to compute rows anew' });
  const from = ofTry('full', attempt);
  await session.addRelation(relationOf(from, snapshot, files));
  const input = { from, columns: snapshot.schema.fields.map((field) => field.name) };
  return transformer.over(input, ofTry('full_result', attempt));
}
