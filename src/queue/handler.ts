import { askForCheckpoint, type CheckpointRequests } from '../delta/checkpoint-interval.ts';
import { type DefinitionRequests, tellDefinitions } from '../delta/definition-requests.ts';
import type { Telemetry } from '../ingest/telemetry.ts';
import { within } from '../ingest/within.ts';
import { DEAD_LETTERS } from '../kafka/dead-letters.ts';
import type { RowEngine } from '../kafka/engine.ts';
import { tableAt } from '../kafka/table-writer.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { QueueConfig } from './config.ts';
import { deleteDone, drainQueue, type MessageQueue, type ReceivedMessage } from './drain.ts';
import { parseSqsEvent, type SqsEvent } from './message.ts';
import { MessageLog } from './message-log.ts';
import { compileQueueRule } from './rule.ts';
import { noProgress, type Progress, type QueueTables, writeMessages } from './write-messages.ts';

/** Partial batch response: these messages are delivered again, the others are deleted from the queue. */
export interface SqsBatchResponse {
  readonly batchItemFailures: { readonly itemIdentifier: string }[];
}

export interface InvocationContext {
  getRemainingTimeInMillis(): number;
}

export interface QueueDeps extends Omit<RowEngine, 'config'> {
  readonly store: ObjectStore;
  readonly config: QueueConfig;
  /** The queue itself, for more messages than an invocation is given. @default only those */
  readonly queue?: MessageQueue | undefined;
  /** Asked for checkpoints of the table. @default nobody */
  readonly checkpoints?: CheckpointRequests | undefined;
  /** Told of tables that are new or have other columns. @default nobody */
  readonly definitions?: DefinitionRequests | undefined;
}

/** Kept back of the invocation's time, to answer with what failed instead of being cut off. ms. */
const TIME_RESERVE = 2_000;
/** Parts of the invocation's time: in which more messages are received, and that is left for deleting them. */
const DRAIN_SHARE = 0.25;
const DELETE_SHARE = 0.1;

/**
 * The queue ingest: messages with JSON become rows of one table, each message once. When it could not be done, all that is not
 * done is delivered again. Throws QueueEventError for an event that is none of SQS.
 */
export function createQueueHandler(deps: QueueDeps) {
  const { config, telemetry, queue, store } = deps;
  const rule = compileQueueRule(config);
  const engine: RowEngine = {
    ...deps,
    onDefinition: tellDefinitions({
      requests: deps.definitions,
      bucket: config.bucket,
      warn: (message, data) => telemetry.log('warn', message, data),
    }),
  };
  const url = tableAt(store, config, config.table).url;
  let kept: QueueTables | undefined;

  return async function handleQueue(event: SqsEvent, context: InvocationContext): Promise<SqsBatchResponse> {
    const start = deps.now();
    const remaining = Math.max(context.getRemainingTimeInMillis() - TIME_RESERVE, 0);
    const end = start + remaining;
    const given = parseSqsEvent(event);
    const drained = await moreMessages(deps, given, { until: start + remaining * DRAIN_SHARE, end });
    const deadline = drained.length === 0 ? end : end - remaining * DELETE_SHARE;
    const progress = noProgress();
    // While they are in use, they are not kept: a failure drops them.
    const tables = kept ?? openTables(deps);
    kept = undefined;
    const before = tables.table.snapshot?.version;
    try {
      const work = writeMessages({ engine, config, rule, ...tables }, [...given, ...drained], progress, deadline);
      await within(deadline - deps.now(), work, url);
      tables.table.trim();
      tables.deadLetters.trim();
      kept = tables;
    } catch (error) {
      telemetry.log('error', 'table failed, its messages will be delivered again', { table: url, error });
    }
    const { done } = progress;
    const failed = given.filter((message) => !done.has(message));
    const finished = drained.filter((message) => done.has(message));
    report(deps, url, tables.table.snapshot?.version, progress, failed.length + drained.length - finished.length);
    if (queue !== undefined) await deleteDone(queue, finished, { telemetry, now: deps.now, until: end });
    await askForCheckpoint({
      requests: deps.checkpoints,
      bucket: config.bucket,
      before,
      snapshot: tables.table.snapshot,
      warn: (message, data) => telemetry.log('warn', message, data),
    });
    return { batchItemFailures: failed.map(({ id: itemIdentifier }) => ({ itemIdentifier })) };
  };
}

async function moreMessages(
  { config, telemetry, queue, now }: QueueDeps,
  given: ReturnType<typeof parseSqsEvent>,
  times: { readonly until: number; readonly end: number },
): Promise<readonly ReceivedMessage[]> {
  if (queue === undefined || config.drain === undefined) return [];
  return drainQueue(queue, given, { limits: config.drain, telemetry, now, ...times });
}

function openTables({ store, config, reader }: QueueDeps): QueueTables {
  const open = (root: string) => new MessageLog(tableAt(store, config, root), reader);
  return { table: open(config.table), deadLetters: open(config.table + DEAD_LETTERS) };
}

function report(
  { telemetry, now }: { readonly telemetry: Telemetry; now(): number },
  table: string,
  version: number | undefined,
  { rows, files, bytes, duplicates, dropped, deadLetters, commits, conflicts, oldest }: Progress,
  left: number,
): void {
  const values = {
    recordsWritten: rows,
    bytesAppended: bytes,
    filesAppended: files,
    commits,
    conflicts,
    quarantined: deadLetters,
    skipped: duplicates + dropped,
    ...(left > 0 && { failures: 1 }),
    ...(oldest !== undefined && { freshnessLag: Math.max(now() - oldest, 0) }),
  };
  telemetry.log('info', commits > 0 ? 'committed' : 'nothing to commit', { table, version, left, ...values });
  telemetry.metrics(table, values);
}
