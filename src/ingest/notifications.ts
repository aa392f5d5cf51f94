/** What happened to an object, from an S3 notification. */
export interface ObjectEvent {
  readonly kind: 'created' | 'removed';
  readonly bucket: string;
  /** Decoded object key. */
  readonly key: string;
  /** Bytes; absent for removals. */
  readonly size?: number;
  /** Without quotes; absent for removals. */
  readonly etag?: string;
  /** Hex text that orders the events of one key; see `compareSequencers`. */
  readonly sequencer?: string;
  /** Of the object, where the bucket keeps versions. */
  readonly versionId?: string;
  /** ms since the epoch. */
  readonly time: number;
}

export interface Notification {
  readonly events: readonly ObjectEvent[];
  /** Records that are understood and need no work: test events, restores, tagging. */
  readonly ignored: number;
}

/** A message body that is no S3 notification of a known shape. */
export class NotificationError extends Error {
  override readonly name = 'NotificationError';
  readonly code = 'INVALID_NOTIFICATION';
}

/** SNS in EventBridge in SQS is the deepest nesting that can be set up. */
const MAX_ENVELOPES = 3;

/**
 * Reads the body of an SQS message. The shape is recognised, not configured: an S3 notification, the same inside an SNS
 * envelope, an EventBridge event, or `s3:TestEvent`.
 * Sources: S3 user guide "Event message structure" (2.x), "EventBridge event message structure"; SNS "Message format".
 * Throws NotificationError.
 */
export function parseNotification(body: string): Notification {
  return parseEnvelope(body, 0);
}

function parseEnvelope(body: string, depth: number): Notification {
  const message = parseObject(body);
  if (message.Type === 'Notification' && typeof message.Message === 'string') {
    if (depth === MAX_ENVELOPES) throw new NotificationError(`more than ${MAX_ENVELOPES} nested SNS envelopes`);
    return parseEnvelope(message.Message, depth + 1);
  }
  if (Array.isArray(message.Records)) return parseRecords(message.Records);
  if (message.Event === 's3:TestEvent') return { events: [], ignored: 1 };
  if (message.source === 'aws.s3' && isObject(message.detail)) return parseEventBridge(message, message.detail);
  throw new NotificationError(
    `expected an S3 notification, an SNS envelope or an EventBridge event, got an object with the keys ${describeKeys(message)}`,
  );
}

function parseRecords(records: readonly unknown[]): Notification {
  const events: ObjectEvent[] = [];
  let ignored = 0;
  for (const record of records) {
    const event = parseRecord(record);
    if (event === undefined) ignored++;
    else events.push(event);
  }
  return { events, ignored };
}

function parseRecord(record: unknown): ObjectEvent | undefined {
  if (!isObject(record) || record.eventSource !== 'aws:s3' || typeof record.eventName !== 'string') {
    throw new NotificationError('expected a record with eventSource "aws:s3" and an eventName');
  }
  const version = String(record.eventVersion);
  if (!version.startsWith('2.')) {
    throw new NotificationError(`expected S3 event version 2.x, got ${JSON.stringify(version)}`);
  }
  const kind = eventKind(record.eventName);
  if (kind === undefined) return undefined;
  const s3 = objectField(record, 's3');
  const object = objectField(s3, 'object');
  return {
    kind,
    bucket: stringField(objectField(s3, 'bucket'), 'name'),
    key: decodeEventKey(stringField(object, 'key')),
    time: timeField(record.eventTime),
    ...objectFacts(kind, object.size, object.eTag, object.sequencer, object.versionId),
  };
}

function eventKind(eventName: string): ObjectEvent['kind'] | undefined {
  const name = eventName.replace(/^s3:/, '');
  if (name.startsWith('ObjectCreated:')) return 'created';
  if (name.startsWith('ObjectRemoved:') || name.startsWith('LifecycleExpiration:')) return 'removed';
  return undefined;
}

const EVENT_BRIDGE_KINDS: ReadonlyMap<unknown, ObjectEvent['kind']> = new Map([
  ['Object Created', 'created'],
  ['Object Deleted', 'removed'],
]);

/** EventBridge events have one record each, and keys that are not URL-encoded. */
function parseEventBridge(message: Record<string, unknown>, detail: Record<string, unknown>): Notification {
  const kind = EVENT_BRIDGE_KINDS.get(message['detail-type']);
  if (kind === undefined) return { events: [], ignored: 1 };
  const object = objectField(detail, 'object');
  const event: ObjectEvent = {
    kind,
    bucket: stringField(objectField(detail, 'bucket'), 'name'),
    key: stringField(object, 'key'),
    time: timeField(message.time),
    ...objectFacts(kind, object.size, object.etag, object.sequencer, object['version-id']),
  };
  return { events: [event], ignored: 0 };
}

function objectFacts(kind: ObjectEvent['kind'], size: unknown, etag: unknown, sequencer: unknown, versionId: unknown) {
  const created = kind === 'created';
  if (created && !(typeof size === 'number' && Number.isSafeInteger(size) && size >= 0)) {
    throw new NotificationError(`expected the object's size in bytes, got ${JSON.stringify(size)}`);
  }
  return {
    ...(created && { size: size as number }),
    ...(created && typeof etag === 'string' && etag !== '' && { etag: etag.replaceAll('"', '') }),
    ...(typeof sequencer === 'string' && /^[0-9a-fA-F]+$/.test(sequencer) && { sequencer: sequencer.toUpperCase() }),
    ...(typeof versionId === 'string' && versionId !== '' && { versionId }),
  };
}

/** S3 form-encodes the keys in its notifications: a space is `+`, the rest percent-encoded UTF-8. */
export function decodeEventKey(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch (cause) {
    throw new NotificationError(`the object key ${JSON.stringify(key)} is not URL-encoded`, { cause });
  }
}

/** The inverse of `decodeEventKey`, as S3 writes it. */
export function encodeEventKey(key: string): string {
  return encodeURIComponent(key)
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')
    .replaceAll('%2F', '/')
    .replaceAll('%2A', '*');
}

/**
 * Orders two events of one key: negative when `a` is older. Shorter values are padded with zeros on the right, then
 * compared as text (S3 user guide, "Event message structure", `sequencer`).
 */
export function compareSequencers(a: string, b: string): number {
  const length = Math.max(a.length, b.length);
  const left = a.padEnd(length, '0');
  const right = b.padEnd(length, '0');
  return left < right ? -1 : left > right ? 1 : 0;
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new NotificationError(`the message body is not JSON: ${JSON.stringify(text.slice(0, 80))}`, { cause });
  }
  if (!isObject(value)) throw new NotificationError('the message body is not a JSON object');
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function objectField(parent: Record<string, unknown>, name: string): Record<string, unknown> {
  const value = parent[name];
  if (!isObject(value)) throw new NotificationError(`expected an object in the field ${name}, got ${typeof value}`);
  return value;
}

function stringField(parent: Record<string, unknown>, name: string): string {
  const value = parent[name];
  if (typeof value !== 'string' || value === '') {
    throw new NotificationError(`expected text in the field ${name}, got ${JSON.stringify(value)}`);
  }
  return value;
}

function timeField(value: unknown): number {
  const time = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(time)) throw new NotificationError(`expected an ISO 8601 event time, got ${JSON.stringify(value)}`);
  return time;
}

function describeKeys(message: Record<string, unknown>): string {
  const keys = Object.keys(message).slice(0, 8);
  return keys.length === 0 ? '(none)' : keys.map((key) => key.slice(0, 40)).join(', ');
}
