import { createWriteStream, openSync, type WriteStream } from 'node:fs';
import type { TableMetrics, Telemetry } from '../ingest/telemetry.ts';

/** What the append function did to a table since the service was started. */
export interface TableTotals extends Omit<TableMetrics, 'freshnessLag'> {
  /** Of the last commit, ms. */
  lag: number;
}

export interface LocalTelemetry extends Telemetry {
  /** By the table's URL. */
  readonly totals: ReadonlyMap<string, Readonly<TableTotals>>;
  /** Resolves when all is written. */
  close(): Promise<void>;
}

/** Writes logs and metrics as JSON lines to a file, and sums the metrics up. Throws when the file cannot be opened. */
export function openLocalTelemetry(path: string, now: () => number): LocalTelemetry {
  const file = createWriteStream(path, { fd: openSync(path, 'a') });
  // A log that cannot be written, on a full disk for example, must not end the service.
  file.on('error', () => undefined);
  const totals = new Map<string, TableTotals>();

  function write(entry: Readonly<Record<string, unknown>>): void {
    file.write(`${JSON.stringify({ time: new Date(now()).toISOString(), ...entry }, errorsAsText)}\n`);
  }

  return {
    totals,
    log: (level, message, data) => write({ level, message, ...data }),
    metrics(table, values) {
      totals.set(table, addUp(totals.get(table) ?? NOTHING, values));
      write({ level: 'info', message: 'metrics', table, ...values });
    },
    close: () => closed(file),
  };
}

const NOTHING: TableTotals = {
  recordsWritten: 0,
  filesLoaded: 0,
  rowsLoaded: 0,
  rowsRejected: 0,
  filesAppended: 0,
  bytesAppended: 0,
  filesRemoved: 0,
  commits: 0,
  checkpoints: 0,
  filesCompacted: 0,
  filesDeleted: 0,
  filesMissed: 0,
  filesUnknown: 0,
  conflicts: 0,
  rowsQuarantined: 0,
  qualityWarnings: 0,
  rowsLate: 0,
  quarantined: 0,
  skipped: 0,
  failures: 0,
  sparkFailures: 0,
  stepsGivenUp: 0,
  objectsTagged: 0,
  tagsLeftOut: 0,
  catalogUpdates: 0,
  catalogRefusals: 0,
  changesExported: 0,
  versionsExported: 0,
  versionsBehind: 0,
  lag: 0,
};

function addUp(before: TableTotals, values: Readonly<Partial<TableMetrics>>): TableTotals {
  const { freshnessLag, ...counts } = values;
  const sum = { ...before, ...(freshnessLag !== undefined && { lag: freshnessLag }) };
  for (const name of Object.keys(counts) as (keyof typeof counts)[]) sum[name] += counts[name] ?? 0;
  return sum;
}

/** An Error has no fields that JSON shows. */
function errorsAsText(_name: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  const { name, message, stack, cause } = value;
  return { ...value, name, message, stack, ...(cause !== undefined && { cause }) };
}

function closed(file: WriteStream): Promise<void> {
  return new Promise((resolve) => {
    file.once('error', () => resolve());
    file.end(() => resolve());
  });
}
