import { setTimeout as sleep } from 'node:timers/promises';
import { type TableRef, tableKey } from '../../delta/table.ts';
import { appendBatch } from '../../ingest/append.ts';
import type { LandedObject } from '../../ingest/candidate.ts';
import { mapConcurrently } from '../../ingest/concurrently.ts';
import { parseAppendConfig } from '../../ingest/config.ts';
import { FooterMemory } from '../../ingest/footer-memory.ts';
import type { LoadSettings } from '../../loader/config.ts';
import { observeQuarantine } from '../../local/quarantine-observer.ts';
import { createCheckpointReader } from '../../parquet/checkpoint-reader.ts';
import { parquetPath } from '../convert/convert.ts';
import type { FileReport } from './files.ts';

export interface AppendedFiles {
  /** Of the table afterwards; undefined where there is none. */
  readonly version: number | undefined;
  /** Files that landed, and were not taken. */
  readonly quarantined: readonly { readonly key: string; readonly reason: string; readonly detail: string }[];
}

/** HEADs at the same time. */
const CONCURRENCY = 16;

/** Appends what landed, as the append function does; files that the table has already are passed over. */
export async function appendLoaded(
  table: TableRef,
  { schemaPolicy, partitionBy }: LoadSettings,
  reports: readonly FileReport[],
): Promise<AppendedFiles> {
  const paths = reports.flatMap(({ files }) => files);
  const heads = await mapConcurrently(paths, CONCURRENCY, async (path): Promise<LandedObject | undefined> => {
    const head = await table.store.head(tableKey(table, path));
    return head && { path, size: head.size, etag: head.etag, time: head.modified };
  });
  const landed = heads.filter((object) => object !== undefined);
  if (landed.length === 0) return { version: undefined, quarantined: [] };
  const partitionColumns = partitionBy.map(({ name, type }) => ({ name, type }));
  const config = parseAppendConfig({
    convention: 'none',
    tables: [{ prefix: table.root, schemaPolicy, ...(partitionColumns.length > 0 && { partitionColumns }) }],
  });
  const [rule] = config.tables;
  if (rule === undefined) throw new Error('the configuration has no table');
  const observed = observeQuarantine(table.store);
  const engine = {
    reader: createCheckpointReader(),
    config,
    telemetry: { log: () => undefined, metrics: () => undefined },
    now: Date.now,
    random: Math.random,
    sleep: (ms: number) => sleep(ms),
  };
  const batch = {
    table: { ...table, store: observed.store },
    settings: rule,
    rule,
    landed,
    deleted: [],
    oldest: Math.min(...landed.map(({ time }) => time)),
    relativePath: parquetPath(table.root),
  };
  const memory = new FooterMemory(config.footerMemory);
  const { state, failed } = await appendBatch(engine, batch, undefined, Number.POSITIVE_INFINITY, memory);
  if (failed.length > 0) throw new Error(`${failed.join(', ')} could not be looked at; run the command again`);
  return { version: state?.snapshot?.version, quarantined: observed.report.files() };
}
