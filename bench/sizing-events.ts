import type { SqsEvent } from '../src/ingest/handler.ts';
import { encodeEventKey } from '../src/ingest/notifications.ts';

export interface Landed {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  readonly etag: string;
}

/**
 * An event as Lambda makes it of messages from S3, with everything that stands in one (Lambda guide, "Using Lambda with
 * Amazon SQS"; S3 guide, "Event message structure"): its size decides how many fit into an invocation. S3 puts one record
 * into a message; `records` puts more.
 */
export function landedEvent(bucket: string, objects: readonly Landed[], records = 1): SqsEvent {
  const now = Date.now();
  const all = objects.map((object, index) => record(bucket, object, now, index));
  const messages = Array.from({ length: Math.ceil(all.length / records) }, (_, index) =>
    JSON.stringify({ Records: all.slice(index * records, (index + 1) * records) }),
  );
  return { Records: messages.map((body, index) => message(body, now, index)) };
}

function record(bucket: string, { key, size, etag }: Landed, time: number, index: number) {
  return {
    eventVersion: '2.1',
    eventSource: 'aws:s3',
    awsRegion: 'us-east-1',
    eventTime: new Date(time).toISOString(),
    eventName: 'ObjectCreated:Put',
    userIdentity: { principalId: 'AWS:AROAXXXXXXXXXXXXXXXXX:producer' },
    requestParameters: { sourceIPAddress: '10.0.0.1' },
    responseElements: { 'x-amz-request-id': 'X'.repeat(16), 'x-amz-id-2': 'X'.repeat(76) },
    s3: {
      s3SchemaVersion: '1.0',
      configurationId: 'X'.repeat(48),
      bucket: { name: bucket, ownerIdentity: { principalId: 'X'.repeat(14) }, arn: `arn:aws:s3:::${bucket}` },
      object: {
        key: encodeEventKey(key),
        size,
        eTag: etag,
        sequencer: ((BigInt(time) << 20n) + BigInt(index)).toString(16).toUpperCase(),
      },
    },
  };
}

function message(body: string, time: number, index: number) {
  return {
    messageId: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
    receiptHandle: 'X'.repeat(180),
    body,
    attributes: {
      ApproximateReceiveCount: '1',
      AWSTraceHeader: 'X'.repeat(74),
      SentTimestamp: String(time),
      SenderId: 'AROAXXXXXXXXXXXXXXXXX:S3-PROD-END',
      ApproximateFirstReceiveTimestamp: String(time),
    },
    messageAttributes: {},
    md5OfBody: 'X'.repeat(32),
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:resaca-dev-AppendQueueXXXXXXXX-XXXXXXXXXXXX',
    awsRegion: 'us-east-1',
  };
}
