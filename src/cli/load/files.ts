import type { StructType } from '../../delta/schema.ts';
import type { LoadEngine } from '../../loader/engine.ts';
import { LoadError } from '../../loader/load-error.ts';
import { type LoadJob, loadFile } from '../../loader/load-file.ts';
import { previewFile } from '../../loader/preview.ts';
import type { RejectedRow } from '../../loader/rows/segment.ts';

/** What became of a file, or would. */
export interface FileReport {
  readonly url: string;
  readonly rows: number;
  readonly rejected: number;
  /** Of rejected rows, as far as they are at hand. */
  readonly firstRejected: readonly RejectedRow[];
  /** Below the table's root. */
  readonly files: readonly string[];
  /** False where an earlier run did it. */
  readonly isNew: boolean;
  /** Why it is left out. */
  readonly problem?: { readonly reason: string; readonly detail: string };
  /** Of a dry run. */
  readonly schema?: StructType;
  readonly partitionColumns?: readonly string[];
}

const NOTHING = { rows: 0, rejected: 0, firstRejected: [], files: [], isNew: true };

export async function loadOne(engine: LoadEngine, job: LoadJob): Promise<FileReport> {
  const { url } = job.source;
  const outcome = await loadFile(engine, job, Number.POSITIVE_INFINITY);
  switch (outcome.kind) {
    case 'loaded':
      return { ...NOTHING, ...outcome, url };
    case 'quarantined':
      return { ...NOTHING, url, problem: outcome };
    case 'skipped':
      return { ...NOTHING, url, problem: { reason: 'SOURCE_CHANGED', detail: `it is ${outcome.reason}` } };
    case 'paused':
      throw new Error(`${url} was not loaded to its end, though there was no deadline`);
  }
}

export async function previewOne(engine: LoadEngine, job: LoadJob): Promise<FileReport> {
  const { url } = job.source;
  try {
    const { schema, files: _, ...preview } = await previewFile(engine, job);
    return { ...NOTHING, ...preview, ...(schema !== undefined && { schema }), url };
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    return { ...NOTHING, url, problem: { reason: error.code, detail: error.message } };
  }
}
