import type { CheckpointRequests } from '../delta/checkpoint-interval.ts';
import type { TableRef } from '../delta/table.ts';
import type { Telemetry } from '../ingest/telemetry.ts';
import type { MaintenanceEngine } from '../maintenance/engine.ts';

export interface LocalUpkeepOptions extends MaintenanceEngine {
  readonly telemetry: Telemetry;
  tableRef(root: string): TableRef;
}

export interface LocalUpkeep extends CheckpointRequests {
  /** Resolves when all that was asked for is done. */
  settled(): Promise<void>;
}

/** What the maintenance function does on AWS, in this process: the checkpoints that are asked for, one after the other. */
export function createLocalUpkeep(options: LocalUpkeepOptions): LocalUpkeep {
  let work: Promise<void> = Promise.resolve();
  return {
    async send(_bucket, root) {
      work = work.then(() => makeCheckpoint(options, options.tableRef(root)));
    },
    settled: () => work,
  };
}

async function makeCheckpoint(options: LocalUpkeepOptions, table: TableRef): Promise<void> {
  const { telemetry } = options;
  try {
    // Loaded when needed, with the writer of Parquet.
    const { checkpointTable } = await import('../maintenance/checkpoint/checkpoint-table.ts');
    const result = await checkpointTable(options, table);
    telemetry.log('info', 'checkpoint done', { table: table.url, ...result });
    telemetry.metrics(table.url, { checkpoints: result.outcome === 'written' ? 1 : 0 });
  } catch (error) {
    telemetry.log('warn', 'checkpoint failed', { table: table.url, error });
  }
}
