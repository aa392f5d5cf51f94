import type { CheckpointReader } from '../delta/checkpoint.ts';
import { isDeltaError } from '../delta/errors.ts';
import type { TableRef } from '../delta/table.ts';
import type { Telemetry } from '../ingest/telemetry.ts';
import { findTables } from '../maintenance/find-tables.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { totalOf } from './changes/change-type.ts';
import type { CdfExportConfig, ExportRule } from './config.ts';
import { type ExportResult, exportTable } from './export/export-table.ts';
import type { ExportTarget } from './export/target.ts';
import {
  type ExportMessage,
  ExportMessageError,
  type ExportSchedule,
  parseExportMessage,
  parseExportSchedule,
} from './messages.ts';

/** Where work on tables waits: a FIFO queue with a message group for each table of an export. */
export interface ExportQueue {
  /** `occasion` makes a message another than one that was sent for something else. Throws what keeps it from that. */
  send(message: ExportMessage, occasion: string): Promise<void>;
}

export interface CdfExportDeps {
  readonly config: CdfExportConfig;
  readonly reader: CheckpointReader;
  readonly queue: ExportQueue;
  readonly telemetry: Telemetry;
  storeFor(bucket: string): ObjectStore;
  /** ms since the epoch. */
  now(): number;
}

interface SqsEvent {
  readonly Records: readonly { readonly messageId: string; readonly body: string }[];
}

interface InvocationContext {
  readonly awsRequestId: string;
  getRemainingTimeInMillis(): number;
}

/** Kept back of the invocation's time, to end a file and send on what is left. ms. */
const TIME_RESERVE = 20_000;

/** Turns after which work is given up until the next schedule. */
const MAX_TURNS = 100;

/**
 * The export function. A schedule makes it put a message for each table of the exports into the queue; a message makes it
 * export what is new of that table. What the time is not enough for is put into the queue again. A failure is thrown, so
 * that the message comes again; the same files are written then.
 */
export function createCdfExportHandler(deps: CdfExportDeps) {
  return async function handleCdfExport(event: unknown, context: InvocationContext): Promise<void> {
    const deadline = deps.now() + Math.max(context.getRemainingTimeInMillis() - TIME_RESERVE, 0);
    const schedule = parseExportSchedule(event);
    if (schedule !== undefined) return enqueueAll(deps, schedule);
    for (const { body } of (event as SqsEvent).Records) {
      await work(deps, parseExportMessage(body), deadline, context.awsRequestId);
    }
  };
}

async function enqueueAll(deps: CdfExportDeps, { exports, time }: ExportSchedule): Promise<void> {
  let count = 0;
  for (const name of exports) {
    const { tables } = ruleOf(deps, name);
    for await (const root of findTables(deps.storeFor(tables.bucket), tables.prefix)) {
      await deps.queue.send({ export: name, root }, time);
      count++;
    }
  }
  deps.telemetry.log('info', 'exports scheduled', { tables: count, exports });
}

async function work(deps: CdfExportDeps, message: ExportMessage, deadline: number, occasion: string): Promise<void> {
  const { root } = message;
  const rule = ruleOf(deps, message.export);
  const { bucket, prefix } = rule.tables;
  if (root !== prefix && !root.startsWith(`${prefix}/`)) {
    throw new ExportMessageError(`expected a table in "${prefix}" for the export "${rule.name}", got "${root}"`);
  }
  const table: TableRef = { store: deps.storeFor(bucket), root, url: `s3://${bucket}/${root}` };
  const result = await exportOne(deps, rule, table, deadline);
  if (result === undefined || result.state === 'done') return;
  const turn = (message.turn ?? 0) + 1;
  if (turn > MAX_TURNS) throw new Error(`the export of ${table.url} came to no end in ${MAX_TURNS} turns`);
  await deps.queue.send({ export: rule.name, root, turn }, occasion);
}

/** Undefined for a table that is there no more. */
async function exportOne(
  deps: CdfExportDeps,
  rule: ExportRule,
  table: TableRef,
  deadline: number,
): Promise<ExportResult | undefined> {
  const { telemetry, now } = deps;
  const begin = now();
  try {
    const result = await exportTable(table, targetOf(deps, rule, table.root), deps.reader, {
      output: rule.output,
      from: { version: rule.from },
      isTimeUp: () => now() >= deadline,
      onRange: ({ from, until, manifest }) =>
        telemetry.log('info', 'range exported', {
          table: table.url,
          from,
          until,
          rows: manifest?.rows,
          files: manifest?.files.length,
        }),
    });
    const { version = rule.from - 1, latest, versions, changes, state } = result;
    telemetry.log('info', state === 'done' ? 'export done' : 'export goes on later', {
      table: table.url,
      ms: now() - begin,
      version,
      latest,
      versions,
    });
    telemetry.metrics(table.url, {
      changesExported: totalOf(changes),
      versionsExported: versions,
      versionsBehind: Math.max(0, latest - version),
    });
    return result;
  } catch (error) {
    if (isDeltaError(error, 'TABLE_NOT_FOUND')) {
      telemetry.log('warn', 'export left out', { table: table.url, reason: error.message, code: error.code });
      return undefined;
    }
    telemetry.log('error', 'export failed, its message will be delivered again', { table: table.url, error });
    telemetry.metrics(table.url, { failures: 1 });
    throw error;
  }
}

function targetOf({ storeFor }: CdfExportDeps, { to }: ExportRule, tableRoot: string): ExportTarget {
  const root = to.prefix === '' ? tableRoot : `${to.prefix}/${tableRoot}`;
  return { store: storeFor(to.bucket), root, url: `s3://${to.bucket}/${root}` };
}

function ruleOf({ config }: CdfExportDeps, name: string): ExportRule {
  const rule = config.exports.find((one) => one.name === name);
  if (rule !== undefined) return rule;
  const known = config.exports.map((one) => one.name).join(', ');
  throw new ExportMessageError(`expected the name of an export (${known}), got "${name}"`);
}
