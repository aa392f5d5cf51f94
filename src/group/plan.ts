import { notificationBody } from '../ingest/notification-body.ts';
import { type ObjectEvent, parseNotification } from '../ingest/notifications.ts';
import { type IgnoreReason, routeKey } from '../ingest/routing.ts';
import type { GroupConfig } from './config.ts';
import { messageGroup, sha256 } from './message-group.ts';

/** A message for a FIFO queue. */
export interface GroupMessage {
  readonly groupId: string;
  /** Messages with one id within five minutes are one message. */
  readonly deduplicationId: string;
  /** An S3 notification. */
  readonly body: string;
}

export interface GroupEntry extends GroupMessage {
  readonly events: number;
  /** Ids of the messages that the events came in. */
  readonly messageIds: ReadonlySet<string>;
}

/** What is to be sent to one message group, in this order. */
export interface Lane {
  readonly bucket: string;
  /** Key prefix of the table's root. */
  readonly root: string;
  readonly entries: readonly GroupEntry[];
}

export interface GroupPlan {
  readonly lanes: readonly Lane[];
  /** Messages that are no S3 notification. */
  readonly unreadable: readonly { readonly messageId: string; readonly error: unknown }[];
  /** Objects of no table. */
  readonly ignored: readonly { readonly bucket: string; readonly key: string; readonly reason: IgnoreReason }[];
}

/** Events in a message at most: ten messages, a batch of the append function, are then a commit of a thousand files. */
const MAX_EVENTS = 100;
/** Of a message's body. SQS bills a request for each 64 KiB. */
const MAX_BODY_BYTES = 65_536;
/** What a notification has around its records, at most. */
const ENVELOPE_BYTES = 16;

const SOURCE = { awsRegion: 'resaca', configurationId: 'resaca-group' };

interface OpenLane extends Lane {
  readonly groupId: string;
  readonly entries: GroupEntry[];
  /** Those that are in no entry yet. */
  readonly events: { readonly event: ObjectEvent; readonly messageId: string }[];
  /** Of an entry with these events, about. */
  bytes: number;
}

/**
 * Which messages go to which groups, for messages as they came: the events of a table in the order of their arrival, put
 * together into as few messages as their limits allow.
 */
export function planGroups(
  messages: readonly { readonly messageId: string; readonly body: string }[],
  config: GroupConfig,
): GroupPlan {
  const lanes = new Map<string, OpenLane>();
  const unreadable: GroupPlan['unreadable'][number][] = [];
  const ignored: GroupPlan['ignored'][number][] = [];
  for (const { messageId, body } of messages) {
    try {
      for (const event of parseNotification(body).events) {
        const { bucket, key } = event;
        const route = routeKey(bucket, key, config.append);
        if (route.kind === 'ignored') ignored.push({ bucket, key, reason: route.reason });
        else
          add(laneOf(lanes, bucket, route.root, groupIdOf(bucket, route.root, key, config.groups)), event, messageId);
      }
    } catch (error) {
      unreadable.push({ messageId, error });
    }
  }
  for (const lane of lanes.values()) close(lane);
  return { lanes: [...lanes.values()], unreadable, ignored };
}

/** The table, and with several groups a number that the key decides: events of a key never part. */
function groupIdOf(bucket: string, root: string, key: string, groups: number): string {
  const table = `${bucket}/${root}`;
  if (groups === 1) return messageGroup(table);
  return messageGroup(`${table}#${Number.parseInt(sha256(key).slice(0, 8), 16) % groups}`);
}

function laneOf(lanes: Map<string, OpenLane>, bucket: string, root: string, groupId: string): OpenLane {
  const lane = lanes.get(groupId) ?? { bucket, root, groupId, entries: [], events: [], bytes: ENVELOPE_BYTES };
  lanes.set(groupId, lane);
  return lane;
}

function add(lane: OpenLane, event: ObjectEvent, messageId: string): void {
  const bytes = Buffer.byteLength(notificationBody([event], SOURCE));
  if (lane.events.length === MAX_EVENTS || lane.bytes + bytes > MAX_BODY_BYTES) close(lane);
  lane.events.push({ event, messageId });
  lane.bytes += bytes;
}

/** Makes a message of the events that are in none yet. */
function close(lane: OpenLane): void {
  const events = lane.events.splice(0);
  lane.bytes = ENVELOPE_BYTES;
  if (events.length === 0) return;
  lane.entries.push({
    groupId: lane.groupId,
    deduplicationId: sha256(JSON.stringify(events.map(({ event }) => identityOf(event)))),
    body: notificationBody(
      events.map(({ event }) => event),
      SOURCE,
    ),
    events: events.length,
    messageIds: new Set(events.map(({ messageId }) => messageId)),
  });
}

/** What an event has in common with its repeats only. */
function identityOf({ bucket, key, sequencer, kind, time, etag = '' }: ObjectEvent): readonly (string | number)[] {
  return sequencer === undefined ? [bucket, key, kind, time, etag] : [bucket, key, sequencer];
}
