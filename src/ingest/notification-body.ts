import { encodeEventKey, type ObjectEvent } from './notifications.ts';

/** What a notification says beside its events. */
export interface NotificationSource {
  readonly awsRegion: string;
  readonly configurationId: string;
}

/** The structure's version as S3 writes it for these two kinds of event. */
const EVENT_VERSION = '2.1';

/**
 * The body of the message that S3 sends for events: a notification with one record each (Amazon S3 user guide, "Event
 * message structure"), the keys encoded as S3 does. `parseNotification` gives the same events back.
 */
export function notificationBody(events: readonly ObjectEvent[], source: NotificationSource): string {
  return JSON.stringify({ Records: events.map((event) => s3Record(event, source)) });
}

function s3Record(event: ObjectEvent, { awsRegion, configurationId }: NotificationSource): object {
  const created = event.kind === 'created';
  return {
    eventVersion: EVENT_VERSION,
    eventSource: 'aws:s3',
    awsRegion,
    eventTime: new Date(event.time).toISOString(),
    eventName: created ? 'ObjectCreated:Put' : 'ObjectRemoved:Delete',
    s3: {
      s3SchemaVersion: '1.0',
      configurationId,
      bucket: { name: event.bucket, arn: `arn:aws:s3:::${event.bucket}` },
      object: {
        key: encodeEventKey(event.key),
        ...(created && { size: event.size ?? 0, ...(event.etag !== undefined && { eTag: event.etag }) }),
        ...(event.versionId !== undefined && { versionId: event.versionId }),
        ...(event.sequencer !== undefined && { sequencer: event.sequencer }),
      },
    },
  };
}
