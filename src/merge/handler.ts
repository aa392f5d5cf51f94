import { askForCheckpoint, type CheckpointRequests } from '../delta/checkpoint-interval.ts';
import { type DefinitionRequests, tellDefinitions } from '../delta/definition-requests.ts';
import type { InvocationContext, SqsBatchResponse, SqsEvent } from '../ingest/handler.ts';
import { type ObjectEvent, parseNotification } from '../ingest/notifications.ts';
import { within } from '../ingest/within.ts';
import type { RowEngine } from '../kafka/engine.ts';
import { MessageLog } from '../queue/message-log.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import { APPLICATION, type MergeConfig } from './config.ts';
import { type MergeBatch, type MergeProgress, mergeTable, noMergeProgress } from './merge-table.ts';
import { routeStaged } from './routing.ts';
import { type StagedFile, stagedFile } from './staged-file.ts';

export interface MergeDeps extends Omit<RowEngine, 'config'> {
  storeFor(bucket: string): ObjectStore;
  readonly config: MergeConfig;
  /** Asked for checkpoints of the tables. @default nobody */
  readonly checkpoints?: CheckpointRequests | undefined;
  /** Told of tables that are new or have other columns. @default nobody */
  readonly definitions?: DefinitionRequests | undefined;
}

/** Kept back of the invocation's time, to answer with what failed instead of being cut off. ms. */
const TIME_RESERVE = 2_000;
/** Tables whose logs are kept between invocations, and files that each of them remembers, of about 70 bytes each. */
const MAX_TABLES = 16;
const MAX_REMEMBERED = 100_000;

/**
 * The merge function: S3 notifications about very small files become a few files of their tables, one for each partition of
 * a batch. A message fails, and is delivered again, when it cannot be parsed or one of its files is not done.
 */
export function createMergeHandler(deps: MergeDeps) {
  const { config, telemetry } = deps;
  const kept = new Map<string, MessageLog>();
  const engine = { ...deps, config: { application: APPLICATION }, limits: config };

  return async function handleMerge(event: SqsEvent, context: InvocationContext): Promise<SqsBatchResponse> {
    const deadline = deps.now() + Math.max(context.getRemainingTimeInMillis() - TIME_RESERVE, 0);
    const { groups, failed } = groupByTable(deps, event);
    // One after the other: the memory is for the files of one.
    for (const { batch, messagesOf } of groups) {
      const { table, bucket, files } = batch;
      const log = kept.get(table.url) ?? new MessageLog(table, deps.reader);
      // While it is in use, it is not kept: a failure drops it.
      kept.delete(table.url);
      const before = log.snapshot?.version;
      const progress = noMergeProgress();
      try {
        const told = {
          ...engine,
          onDefinition: tellDefinitions({
            requests: deps.definitions,
            bucket: bucket,
            warn: (message, data) => telemetry.log('warn', message, data),
          }),
        };
        const work = mergeTable({ engine: told, batch, log, progress, deadline });
        await within(deadline - deps.now(), work, table.url);
        log.trim(MAX_REMEMBERED);
        kept.set(table.url, log);
        for (const url of [...kept.keys()].slice(0, -MAX_TABLES)) kept.delete(url);
      } catch (error) {
        telemetry.log('error', 'table failed, its messages will be delivered again', { table: table.url, error });
      }
      const open = files.filter((file) => !progress.done.has(file));
      for (const file of open) for (const id of messagesOf(file)) failed.add(id);
      report(deps, table.url, log.snapshot?.version, progress, open.length);
      await askForCheckpoint({
        requests: deps.checkpoints,
        bucket,
        before,
        snapshot: log.snapshot,
        warn: (message, data) => telemetry.log('warn', message, data),
      });
    }
    return { batchItemFailures: [...failed].map((itemIdentifier) => ({ itemIdentifier })) };
  };
}

interface TableGroup {
  readonly batch: MergeBatch;
  /** Ids of the messages about a file. */
  messagesOf(file: StagedFile): readonly string[];
}

interface Grouping {
  readonly batch: Omit<MergeBatch, 'files'>;
  /** By digest. */
  readonly files: Map<string, { readonly file: StagedFile; readonly ids: string[] }>;
}

function groupByTable(deps: MergeDeps, event: SqsEvent): { groups: TableGroup[]; failed: Set<string> } {
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
  const groups = [...groupings.values()].map(({ batch, files }): TableGroup => {
    const entries = [...files.values()];
    return {
      batch: { ...batch, files: entries.map(({ file }) => file) },
      messagesOf: ({ identity }) => files.get(identity.digest)?.ids ?? [],
    };
  });
  return { groups, failed };
}

function assign(deps: MergeDeps, groupings: Map<string, Grouping>, messageId: string, event: ObjectEvent): void {
  const { kind, bucket, key, size = 0, etag, sequencer, time } = event;
  if (kind !== 'created') return;
  const route = routeStaged(bucket, key, deps.config);
  if (route.kind === 'ignored') {
    const level = route.reason === 'unmapped' ? 'warn' : 'debug';
    deps.telemetry.log(level, 'object ignored', { bucket, key, reason: route.reason });
    return;
  }
  const { root, relative, settings, rule } = route;
  const url = `s3://${bucket}/${root}`;
  const grouping = groupings.get(url) ?? {
    batch: {
      table: { store: deps.storeFor(bucket), root, url },
      bucket,
      settings,
      ...(rule !== undefined && { rule }),
    },
    files: new Map(),
  };
  groupings.set(url, grouping);
  const file = stagedFile({ bucket, key, size, etag, sequencer, time }, relative, deps.config.append.clockMargin);
  const { identity } = file;
  const known = grouping.files.get(identity.digest);
  if (known === undefined) {
    grouping.files.set(identity.digest, { file, ids: [messageId] });
    return;
  }
  known.ids.push(messageId);
  // The oldest of them says how far the commits are looked through.
  if (time < known.file.time) {
    grouping.files.set(identity.digest, { file: { ...known.file, time, identity }, ids: known.ids });
  }
}

function report(
  { telemetry, now }: MergeDeps,
  table: string,
  version: number | undefined,
  { merged, files, bytes, commits, conflicts, quarantined, skipped, oldest }: MergeProgress,
  left: number,
): void {
  const values = {
    filesCompacted: merged,
    filesAppended: files,
    bytesAppended: bytes,
    commits,
    conflicts,
    quarantined,
    skipped,
    ...(left > 0 && { failures: 1 }),
    ...(oldest !== undefined && { freshnessLag: Math.max(now() - oldest, 0) }),
  };
  telemetry.log('info', commits > 0 ? 'committed' : 'nothing to commit', { table, version, left, ...values });
  telemetry.metrics(table, values);
}
