import { askForCheckpoint, type CheckpointRequests } from '../delta/checkpoint-interval.ts';
import { type DefinitionRequests, tellDefinitions } from '../delta/definition-requests.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { appendBatch, type TableBatch } from './append.ts';
import type { LandedObject } from './candidate.ts';
import { mapConcurrently } from './concurrently.ts';
import type { TableRule, TableSettings } from './config.ts';
import type { TableEngine } from './engine.ts';
import { FooterMemory } from './footer-memory.ts';
import { compareSequencers, type ObjectEvent, parseNotification } from './notifications.ts';
import type { DeletedObject } from './plan.ts';
import { routeKey } from './routing.ts';
import { TableCache } from './table-cache.ts';
import { within } from './within.ts';

/** The part of an SQS event that is used (Lambda guide, "Using Lambda with Amazon SQS"). */
export interface SqsEvent {
  readonly Records: readonly { readonly messageId: string; readonly body: string }[];
}

/** Partial batch response: these messages are delivered again, the others are deleted from the queue. */
export interface SqsBatchResponse {
  readonly batchItemFailures: { readonly itemIdentifier: string }[];
}

export interface InvocationContext {
  getRemainingTimeInMillis(): number;
}

export interface AppendDeps extends TableEngine {
  storeFor(bucket: string): ObjectStore;
  /** The name of a table for people. */
  urlOf(bucket: string, root: string): string;
  /** Asked for checkpoints of the tables that are committed to. @default nobody */
  readonly checkpoints?: CheckpointRequests | undefined;
  /** Told of tables that are made or change. @default nobody */
  readonly definitions?: DefinitionRequests | undefined;
}

/** Kept back of the invocation's time, to answer with what failed instead of being cut off. ms. */
const TIME_RESERVE = 2_000;
/** Tables whose state is kept between invocations. */
const MAX_CACHED_TABLES = 256;
/** File actions kept between invocations for all tables together: about 40 MB. */
const MAX_CACHED_FILES = 200_000;

/**
 * The append function: S3 notifications in SQS messages become commits, one a table. A message fails, and is delivered
 * again, when it cannot be parsed or when one of the tables that its records are for could not be brought up to date.
 */
export function createAppendHandler(deps: AppendDeps) {
  const cache = new TableCache({ tables: MAX_CACHED_TABLES, files: MAX_CACHED_FILES });

  return async function handleAppend(event: SqsEvent, context: InvocationContext): Promise<SqsBatchResponse> {
    const footers = new FooterMemory(deps.config.footerMemory);
    const deadline = deps.now() + Math.max(context.getRemainingTimeInMillis() - TIME_RESERVE, 0);
    const { groups, failed } = groupByTable(deps, event);
    await mapConcurrently(groups, deps.config.tableConcurrency, async (group) => {
      const { url } = group.batch.table;
      try {
        const cached = cache.take(url);
        const work = appendBatch(deps, group.batch, cached, deadline, footers);
        const outcome = await within(deadline - deps.now(), work, url);
        if (outcome.state !== undefined) cache.keep(url, outcome.state);
        for (const path of outcome.failed) for (const id of group.messagesOf(path)) failed.add(id);
        if (outcome.paused !== undefined) {
          // One message is enough to come back to the table.
          for (const id of group.allMessages().slice(0, 1)) failed.add(id);
          deps.telemetry.log('info', outcome.paused.message, { table: url });
        }
        await askForCheckpoint({
          requests: deps.checkpoints,
          bucket: group.bucket,
          before: cached?.snapshot?.version,
          snapshot: outcome.state?.snapshot,
          warn: (message, data) => deps.telemetry.log('warn', message, data),
        });
      } catch (error) {
        deps.telemetry.log('error', 'table failed, its messages will be delivered again', { table: url, error });
        deps.telemetry.metrics(url, { failures: 1 });
        for (const id of group.allMessages()) failed.add(id);
      }
    });
    return { batchItemFailures: [...failed].map((itemIdentifier) => ({ itemIdentifier })) };
  };
}

interface TableGroup {
  readonly bucket: string;
  readonly batch: TableBatch;
  /** Ids of the messages with an event about the path. */
  messagesOf(path: string): Iterable<string>;
  allMessages(): readonly string[];
}

interface PathEvents {
  /** The newest one. */
  event: ObjectEvent;
  readonly messageIds: Set<string>;
}

interface Grouping {
  readonly bucket: string;
  readonly root: string;
  readonly settings: TableSettings;
  readonly rule: TableRule | undefined;
  readonly paths: Map<string, PathEvents>;
  oldest: number;
}

function groupByTable(deps: AppendDeps, event: SqsEvent): { groups: TableGroup[]; failed: Set<string> } {
  const failed = new Set<string>();
  const groupings = new Map<string, Grouping>();
  for (const { messageId, body } of event.Records) {
    try {
      for (const objectEvent of parseNotification(body).events) assign(deps, groupings, messageId, objectEvent);
    } catch (error) {
      deps.telemetry.log('error', 'message is no S3 notification', { messageId, error });
      failed.add(messageId);
    }
  }
  return { groups: [...groupings.values()].map((grouping) => toGroup(deps, grouping)), failed };
}

function assign(deps: AppendDeps, groupings: Map<string, Grouping>, messageId: string, event: ObjectEvent): void {
  const route = routeKey(event.bucket, event.key, deps.config);
  if (route.kind === 'ignored') {
    const level = route.reason === 'unmapped' ? 'warn' : 'debug';
    deps.telemetry.log(level, 'object ignored', { bucket: event.bucket, key: event.key, reason: route.reason });
    return;
  }
  const { bucket, root, settings, rule } = route;
  const id = `${bucket}/${root}`;
  const grouping = groupings.get(id) ?? {
    bucket,
    root,
    settings,
    rule,
    paths: new Map<string, PathEvents>(),
    oldest: Infinity,
  };
  groupings.set(id, grouping);
  grouping.oldest = Math.min(grouping.oldest, event.time);
  const known = grouping.paths.get(route.relative);
  if (known === undefined) {
    grouping.paths.set(route.relative, { event, messageIds: new Set([messageId]) });
    return;
  }
  known.messageIds.add(messageId);
  if (isNewer(event, known.event)) known.event = event;
}

/** Which of two events of one key tells what is true now. */
function isNewer(a: ObjectEvent, b: ObjectEvent): boolean {
  if (a.sequencer !== undefined && b.sequencer !== undefined) return compareSequencers(a.sequencer, b.sequencer) > 0;
  return a.time > b.time;
}

function toGroup(deps: AppendDeps, grouping: Grouping): TableGroup {
  const { bucket, root, settings, rule, oldest, paths } = grouping;
  const landed: LandedObject[] = [];
  const deleted: DeletedObject[] = [];
  for (const [path, { event }] of paths) {
    const { kind, size = 0, etag, sequencer, time } = event;
    const order = { path, time, ...(sequencer !== undefined && { sequencer }) };
    if (kind === 'removed') deleted.push(order);
    else landed.push({ ...order, size, ...(etag !== undefined && { etag }) });
  }
  const relativePath = (key: string) => {
    const route = routeKey(bucket, key, deps.config);
    return route.kind === 'table' && route.root === root ? route.relative : undefined;
  };
  const table = { store: deps.storeFor(bucket), root, url: deps.urlOf(bucket, root) };
  const onDefinition = tellDefinitions({
    requests: deps.definitions,
    bucket,
    warn: (message, data) => deps.telemetry.log('warn', message, data),
  });
  const allMessages = () => [...new Set([...paths.values()].flatMap(({ messageIds }) => [...messageIds]))];
  return {
    bucket,
    batch: {
      table,
      settings,
      ...(rule !== undefined && { rule }),
      landed,
      deleted,
      oldest,
      relativePath,
      onDefinition,
    },
    messagesOf: (path) => paths.get(path)?.messageIds ?? [],
    allMessages,
  };
}
