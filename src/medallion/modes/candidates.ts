import type { AddFile } from '../../delta/actions.ts';
import { activeFiles, type Snapshot } from '../../delta/snapshot.ts';
import { StepError } from '../errors.ts';
import { type KeyColumn, mayHaveKeysSql, rangesStatement } from '../plan/skipping.ts';
import type { BatchContext } from './batch-context.ts';

/** Files of which the statistics are compared with the keys in one query. */
const FILES_OF_QUERY = 1_000;

type SkippingContext = Pick<BatchContext, 'session' | 'deps'>;

/** Tells which files may have rows with the keys of a statement. */
export interface KeyFilter {
  mayHave(files: readonly AddFile[]): Promise<readonly AddFile[]>;
}

/** A filter by the keys of `from`. Throws what the session throws. */
export async function keyFilter(
  { session }: Pick<SkippingContext, 'session'>,
  columns: readonly KeyColumn[],
  { from, name }: { readonly from: string; readonly name: string },
): Promise<KeyFilter> {
  // What could be left out by asking is less than the question costs.
  if (columns.length === 0 || session.isRemote === true) return { mayHave: async (files) => files };
  await session.addStatement(rangesStatement(name, columns, from));
  return {
    async mayHave(files) {
      if (files.length === 0) return [];
      const rows = await session.query({ name: 'candidates', sql: mayHaveKeysSql(name, columns, files, 'duckdb') });
      const numbers = new Set(rows.map(({ number }) => Number(number)));
      return files.filter((_, number) => numbers.has(number));
    },
  };
}

/** The active files of a table that may have rows with the keys. */
export async function candidatesOf(
  { deps }: Pick<SkippingContext, 'deps'>,
  snapshot: Snapshot | undefined,
  filter: KeyFilter,
): Promise<readonly AddFile[]> {
  const candidates: AddFile[] = [];
  if (snapshot === undefined) return candidates;
  for await (const adds of activeFiles(snapshot, deps.reader, { stats: true })) {
    for (let start = 0; start < adds.length; start += FILES_OF_QUERY) {
      candidates.push(...(await filter.mayHave(adds.slice(start, start + FILES_OF_QUERY))));
    }
  }
  return candidates;
}

/** Throws StepError `BATCH_TOO_LARGE` for files that are more than a batch may read. */
export function assertFits(
  { rule }: Pick<BatchContext, 'rule'>,
  files: readonly AddFile[],
  { url, what }: { readonly url: string; readonly what: string },
): void {
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const { maxBytes } = rule.limits;
  if (bytes <= maxBytes) return;
  throw new StepError(
    'BATCH_TOO_LARGE',
    `the step ${rule.name} has to read ${bytes} bytes in ${files.length} files of ${url} ${what}, expected at most ${maxBytes} ` +
      '(limits.maxBytes): raise it together with the memory and temporary storage of the function, or let Spark do the step',
    { step: rule.name, table: url, bytes, maxBytes },
  );
}
