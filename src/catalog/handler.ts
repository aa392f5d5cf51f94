import { type DeltaError, isDeltaError } from '../delta/errors.ts';
import { mapConcurrently } from '../ingest/concurrently.ts';
import type { Telemetry } from '../ingest/telemetry.ts';
import { isRefused } from './errors.ts';
import { type CatalogMessage, isSweep, parseCatalogMessage, type SweepMessage } from './messages.ts';
import { nameFor } from './names.ts';
import { placesOf, type SweepDeps, sweepPlaces } from './sweep.ts';
import { fullName, type SyncEngine, type SyncResult, syncTable } from './sync-table.ts';

export interface CatalogDeps extends SyncEngine, SweepDeps {
  urlOf(bucket: string, root: string): string;
}

interface SqsEvent {
  readonly Records: readonly { readonly messageId: string; readonly body: string }[];
}

/** Partial batch response: these messages are delivered again, the others are deleted from the queue. */
export interface CatalogResponse {
  readonly batchItemFailures: { readonly itemIdentifier: string }[];
}

interface InvocationContext {
  getRemainingTimeInMillis(): number;
}

/** Kept back of the invocation's time, to answer with what is left instead of being cut off. ms. */
const TIME_RESERVE = 10_000;
/** Tables that one invocation works on at the same time. */
const CONCURRENCY = 4;

/**
 * The catalog function. A message names a table, which is brought up to date in the catalog; those that fail are delivered
 * again. The schedule's event has it look for all tables of the rules and put a message for each into its queue.
 *
 * What trying again would not help is no failure: it is logged and counted, and nothing in Glue is touched.
 */
export function createCatalogHandler(deps: CatalogDeps) {
  return async function handleCatalog(event: unknown, context: InvocationContext): Promise<CatalogResponse> {
    const deadline = deps.now() + Math.max(context.getRemainingTimeInMillis() - TIME_RESERVE, 0);
    if (isSweep(event)) {
      await sweepPlaces(deps, placesOf(deps.config), deadline);
      return { batchItemFailures: [] };
    }
    const { work, failed } = groupMessages(deps, event as SqsEvent);
    await mapConcurrently(work, CONCURRENCY, async ({ message, messageIds }) => {
      if (deps.now() < deadline && (await handleOne(deps, message, deadline))) return;
      failed.push(...messageIds);
    });
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
  };
}

interface Work {
  readonly message: CatalogMessage | SweepMessage;
  readonly messageIds: string[];
}

/** What is to be done, each once. */
function groupMessages({ telemetry }: CatalogDeps, { Records }: SqsEvent) {
  const work = new Map<string, Work>();
  const failed: string[] = [];
  for (const { messageId, body } of Records) {
    try {
      const message = parseCatalogMessage(body);
      const id = JSON.stringify(message);
      const known = work.get(id);
      if (known === undefined) work.set(id, { message, messageIds: [messageId] });
      else known.messageIds.push(messageId);
    } catch (error) {
      telemetry.log('error', 'message is none of the catalog', { messageId, error });
      failed.push(messageId);
    }
  }
  return { work: [...work.values()], failed };
}

/** Whether the message is done with. */
async function handleOne(deps: CatalogDeps, message: Work['message'], deadline: number): Promise<boolean> {
  if ('root' in message) return syncOne(deps, message);
  const { bucket, prefix } = message;
  try {
    await sweepPlaces(deps, [message], deadline);
    return true;
  } catch (error) {
    deps.telemetry.log('error', 'the look for tables failed, its message will be delivered again', {
      bucket,
      prefix,
      error,
    });
    deps.telemetry.metrics(deps.urlOf(bucket, prefix), { failures: 1 });
    return false;
  }
}

async function syncOne(deps: CatalogDeps, { bucket, root }: CatalogMessage): Promise<boolean> {
  const { config, telemetry } = deps;
  const url = deps.urlOf(bucket, root);
  try {
    const name = nameFor(config.rules, root);
    if (name === undefined) {
      telemetry.log('info', 'no rule of the catalog is for the table', { table: url });
      return true;
    }
    const result = await syncTable(deps, { store: deps.storeFor(bucket), root, url }, name, config);
    report(telemetry, url, fullName(name), result);
  } catch (error) {
    if (isDeltaError(error, 'TABLE_NOT_FOUND')) {
      telemetry.log('warn', 'there is no such table any more; what the catalog has of it stays', { table: url });
    } else if (isRefused(error) || isUnreadable(error)) {
      const { code, message: reason } = error;
      telemetry.log('error', 'table cannot be in the catalog as it is', { table: url, code, reason });
      telemetry.metrics(url, { catalogRefusals: 1 });
    } else {
      telemetry.log('error', 'table failed, its message will be delivered again', { table: url, error });
      telemetry.metrics(url, { failures: 1 });
      return false;
    }
  }
  return true;
}

function report(telemetry: Telemetry, table: string, name: string, { outcome, version, changes }: SyncResult): void {
  telemetry.log('info', `table ${outcome} in the catalog`, { table, name, version, changes });
  if (outcome !== 'unchanged') telemetry.metrics(table, { catalogUpdates: 1 });
}

/** A table that this version does not read. */
function isUnreadable(error: unknown): error is DeltaError {
  return isDeltaError(error, 'UNSUPPORTED_READER') || isDeltaError(error, 'INVALID_SCHEMA');
}
