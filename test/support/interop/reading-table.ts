import { setTimeout as sleep } from 'node:timers/promises';
import type { ObjectStore } from '../../../src/storage/object-store.ts';
import type { ColumnType } from '../checkpoint-fixtures.ts';
import { parquet } from '../landing.ts';
import { createPipeline, type Pipeline } from './pipeline.ts';

/** The table that docs/reading.md reads. */
export const ROOT = 'web_requests';

const COLUMNS: Readonly<Record<string, ColumnType>> = { id: 'long', path: 'string', status: 'int' };

export interface WebRequests {
  readonly pipeline: Pipeline;
  /** A second that begins after version 1 was written and ends before version 2: `2026-11-24T06:00:00Z`. */
  readonly momentOfVersion1: string;
}

/**
 * Three versions, appended by the function: two days with one file and two files, then a day whose file brings a new
 * column. Ids run from 1 to 9.
 */
export async function makeWebRequests(store: ObjectStore): Promise<WebRequests> {
  const pipeline = createPipeline(store);
  const land = async (key: string, first: number, statuses: readonly number[], agent?: string): Promise<string> => {
    const rows = statuses.map((status, index) => ({
      id: first + index,
      path: `/page/${first + index}`,
      status,
      ...(agent !== undefined && { agent }),
    }));
    await store.put(`${ROOT}/${key}`, parquet(rows, agent === undefined ? COLUMNS : { ...COLUMNS, agent: 'string' }));
    return `${ROOT}/${key}`;
  };

  await pipeline.append(await land('ds=2026-11-23/1.parquet', 1, [200, 200, 404]));
  await nextSecond(Date.now());
  await pipeline.append(
    await land('ds=2026-11-24/2.parquet', 4, [200, 200]),
    await land('ds=2026-11-24/3.parquet', 6, [500, 503]),
  );
  const written = await store.head(`${ROOT}/_delta_log/${'1'.padStart(20, '0')}.json`);
  if (written === undefined) throw new Error('version 1 of the table is not there');
  const moment = await nextSecond(written.modified);
  await nextSecond(moment);
  await pipeline.append(await land('ds=2026-11-25/4.parquet', 8, [200, 200], 'curl'));
  return { pipeline, momentOfVersion1: new Date(moment).toISOString().replace('.000', '') };
}

/** Waits until the second of this time, in ms, is over, and gives the time at which the next one began. */
async function nextSecond(time: number): Promise<number> {
  const next = Math.floor(time / 1000) * 1000 + 1000;
  while (Date.now() < next) await sleep(next - Date.now());
  return next;
}
