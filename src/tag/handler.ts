import { mapConcurrently } from '../ingest/concurrently.ts';
import type { InvocationContext, SqsBatchResponse, SqsEvent } from '../ingest/handler.ts';
import { parseNotification } from '../ingest/notifications.ts';
import type { Telemetry } from '../ingest/telemetry.ts';
import type { TagConfig } from './config.ts';
import { type Tag, tagsFor } from './rules.ts';
import { type TaggedObject, type TagStore, tagObject } from './tag-object.ts';

export interface TagDeps {
  readonly store: TagStore;
  readonly config: TagConfig;
  readonly telemetry: Telemetry;
  readonly now: () => number;
}

/** Objects that are tagged at the same time by one invocation. */
const CONCURRENCY = 16;
/** Kept back of the invocation's time, for requests that are under way with their tries. ms. */
const TIME_RESERVE = 15_000;

interface Work {
  readonly object: TaggedObject;
  readonly wanted: readonly Tag[];
  readonly messageIds: Set<string>;
}

interface Counts {
  objectsTagged: number;
  tagsLeftOut: number;
  skipped: number;
  failures: number;
}

/**
 * The tag function: objects that S3 notifications in SQS messages announce get the tags of the rules. A message fails,
 * and is delivered again, when it cannot be parsed or when one of its objects could not be tagged. Doing it again changes
 * nothing: the tags depend on the key only.
 */
export function createTagHandler(deps: TagDeps) {
  const { telemetry } = deps;

  return async function handleTag(event: SqsEvent, context: InvocationContext): Promise<SqsBatchResponse> {
    const deadline = deps.now() + Math.max(context.getRemainingTimeInMillis() - TIME_RESERVE, 0);
    const { work, failed } = collectWork(deps, event);
    const counts = new Map<string, Counts>();
    await mapConcurrently(work, CONCURRENCY, async ({ object, wanted, messageIds }) => {
      const count = counts.get(object.bucket) ?? { objectsTagged: 0, tagsLeftOut: 0, skipped: 0, failures: 0 };
      counts.set(object.bucket, count);
      try {
        if (deps.now() >= deadline) throw new Error('the time is up before the object could be tagged');
        await tagOne(deps, object, wanted, count);
      } catch (error) {
        telemetry.log('error', 'object could not be tagged, its messages will be delivered again', {
          ...object,
          error,
        });
        count.failures += 1;
        for (const id of messageIds) failed.add(id);
      }
    });
    for (const [bucket, count] of counts) telemetry.metrics(`s3://${bucket}`, count);
    return { batchItemFailures: [...failed].map((itemIdentifier) => ({ itemIdentifier })) };
  };
}

async function tagOne(
  { store, telemetry }: TagDeps,
  object: TaggedObject,
  wanted: readonly Tag[],
  count: Counts,
): Promise<void> {
  const { outcome, had, leftOut } = await tagObject(store, object, wanted);
  if (outcome === 'gone') telemetry.log('debug', 'object is gone', { ...object });
  if (leftOut.length > 0) {
    count.tagsLeftOut += leftOut.length;
    const names = leftOut.map(({ key }) => key);
    telemetry.log('warn', 'object has no place for all tags', { ...object, has: had, leftOut: names });
  }
  if (outcome === 'tagged') count.objectsTagged += 1;
  else count.skipped += 1;
}

/** The objects that are to be tagged, each once. What is removed, tagged or restored needs nothing. */
function collectWork({ config, telemetry }: TagDeps, event: SqsEvent): { work: Work[]; failed: Set<string> } {
  const failed = new Set<string>();
  const work = new Map<string, Work>();
  for (const { messageId, body } of event.Records) {
    try {
      for (const { kind, bucket, key, versionId } of parseNotification(body).events) {
        const wanted = kind === 'created' ? tagsFor(key, config.rules) : [];
        if (wanted.length === 0) continue;
        const id = JSON.stringify([bucket, key, versionId]);
        const object = { bucket, key, ...(versionId !== undefined && { versionId }) };
        const known = work.get(id) ?? { object, wanted, messageIds: new Set() };
        known.messageIds.add(messageId);
        work.set(id, known);
      }
    } catch (error) {
      telemetry.log('error', 'message is no S3 notification', { messageId, error });
      failed.add(messageId);
    }
  }
  return { work: [...work.values()], failed };
}
