import type { InvocationContext, SqsBatchResponse, SqsEvent } from '../ingest/handler.ts';
import { type ObjectEvent, parseNotification } from '../ingest/notifications.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { LoaderConfig } from './config.ts';
import type { LoadEngine } from './engine.ts';
import { type LoadOutcome, loadFile } from './load-file.ts';
import { routeFile } from './routing.ts';

export interface LoadDeps extends LoadEngine {
  storeFor(bucket: string): ObjectStore;
  readonly config: LoaderConfig;
  /** The queue of the function: a file that is not done is sent again, to be gone on with at once. */
  readonly queue: LoadQueue;
}

export interface LoadQueue {
  send(body: string): Promise<void>;
}

/** Kept back of the invocation's time, to answer with what failed instead of being cut off. ms. */
const TIME_RESERVE = 5_000;

/**
 * The loader: S3 notifications in SQS messages; each file's rows land in the folder of its table. A message whose file needs
 * another invocation is sent anew, which counts no delivery; one that fails is delivered again.
 */
export function createLoadHandler(deps: LoadDeps) {
  return async function handleLoad(event: SqsEvent, context: InvocationContext): Promise<SqsBatchResponse> {
    const deadline = deps.now() + Math.max(context.getRemainingTimeInMillis() - TIME_RESERVE, 0);
    const batchItemFailures: { itemIdentifier: string }[] = [];
    for (const [index, { messageId, body }] of event.Records.entries()) {
      try {
        // The first one is begun in any case, or nothing would ever be.
        const isInTime = index === 0 || deps.now() < deadline;
        const isDone = isInTime && (await loadMessage(deps, body, deadline));
        if (!isDone) await deps.queue.send(body);
      } catch (error) {
        deps.telemetry.log('error', 'the file is not loaded, its message will be delivered again', {
          messageId,
          error,
        });
        batchItemFailures.push({ itemIdentifier: messageId });
      }
    }
    return { batchItemFailures };
  };
}

/** Whether all files of the message are done. */
async function loadMessage(deps: LoadDeps, body: string, deadline: number): Promise<boolean> {
  for (const event of parseNotification(body).events) {
    if (event.kind !== 'created') continue;
    if (!(await loadEvent(deps, event, deadline))) return false;
  }
  return true;
}

async function loadEvent(deps: LoadDeps, event: ObjectEvent, deadline: number): Promise<boolean> {
  const { bucket, key, etag, time } = event;
  const { rules, ...limits } = deps.config;
  const route = routeFile(rules, key);
  if (route === undefined) {
    deps.telemetry.log('warn', 'object ignored: no rule is for it', { bucket, key });
    return true;
  }
  const store = deps.storeFor(bucket);
  const table = { store, root: route.root, url: `s3://${bucket}/${route.root}` };
  const source = { store, bucket, key, url: `s3://${bucket}/${key}` };
  const job = { source, event: { etag, time }, format: route.format, table, settings: route.rule, limits };
  try {
    const outcome = await loadFile(deps, job, deadline);
    report(deps, table.url, source.url, outcome);
    return outcome.kind !== 'paused';
  } catch (error) {
    deps.telemetry.metrics(table.url, { failures: 1 });
    throw error;
  }
}

function report({ telemetry }: LoadDeps, table: string, source: string, outcome: LoadOutcome): void {
  const level = outcome.kind === 'quarantined' && outcome.isNew ? 'warn' : 'info';
  const { kind, ...facts } = outcome;
  const data = 'files' in facts ? { ...facts, files: facts.files.length } : facts;
  telemetry.log(level, `file ${kind}`, { table, source, ...data });
  if (outcome.kind === 'skipped') telemetry.metrics(table, { skipped: 1 });
  if (outcome.kind === 'quarantined' && outcome.isNew) telemetry.metrics(table, { quarantined: 1 });
  if (outcome.kind === 'loaded' && outcome.isNew) {
    telemetry.metrics(table, { filesLoaded: 1, rowsLoaded: outcome.rows, rowsRejected: outcome.rejected });
  }
}
