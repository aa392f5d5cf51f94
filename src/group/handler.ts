import type { InvocationContext, SqsBatchResponse, SqsEvent } from '../ingest/handler.ts';
import type { Telemetry } from '../ingest/telemetry.ts';
import type { GroupConfig } from './config.ts';
import { planGroups } from './plan.ts';
import { type SendDeps, sendLanes } from './send.ts';

export interface GroupDeps extends SendDeps {
  readonly config: GroupConfig;
  readonly telemetry: Telemetry;
  /** The name of a table for people. */
  urlOf(bucket: string, root: string): string;
}

/** Kept back of the invocation's time, for a request that is under way with its tries. ms. */
const TIME_RESERVE = 15_000;

/**
 * The group function: S3 notifications of a standard queue go on to a FIFO queue, in message groups by table. A message
 * fails, and is delivered again, when it cannot be parsed or when one of the messages with its events could not be sent.
 */
export function createGroupHandler(deps: GroupDeps) {
  const { config, telemetry } = deps;

  return async function handleGroup(event: SqsEvent, context: InvocationContext): Promise<SqsBatchResponse> {
    const deadline = deps.now() + Math.max(context.getRemainingTimeInMillis() - TIME_RESERVE, 0);
    const { lanes, unreadable, ignored } = planGroups(event.Records, config);
    const failed = new Set<string>();
    for (const { messageId, error } of unreadable) {
      telemetry.log('error', 'message is no S3 notification', { messageId, error });
      failed.add(messageId);
    }
    for (const object of ignored) {
      telemetry.log(object.reason === 'unmapped' ? 'warn' : 'debug', 'object ignored', object);
    }
    const failures = await sendLanes(deps, lanes, deadline);
    for (const { lane, entries, reason } of failures) {
      const table = deps.urlOf(lane.bucket, lane.root);
      const messages = entries.length;
      telemetry.log('error', 'events could not be sent, their messages will be delivered again', {
        table,
        messages,
        reason,
      });
      telemetry.metrics(table, { failures: 1 });
      for (const { messageIds } of entries) for (const id of messageIds) failed.add(id);
    }
    const sent = lanes.flatMap(({ entries }) => entries);
    telemetry.log('info', 'events grouped', {
      received: event.Records.length,
      events: sent.reduce((sum, { events }) => sum + events, 0),
      messages: sent.length,
      groups: lanes.length,
      failedGroups: failures.length,
    });
    return { batchItemFailures: [...failed].map((itemIdentifier) => ({ itemIdentifier })) };
  };
}
