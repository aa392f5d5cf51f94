/** A message of a queue, from the event of an invocation or received by the function itself. */
export interface QueueMessage {
  readonly id: string;
  readonly body: string;
  /** Time by the clock of SQS, ms since the epoch. */
  readonly sent: number;
  readonly attributes: Readonly<Record<string, MessageAttribute>>;
  /** In a FIFO queue. */
  readonly groupId?: string;
}

/** SQS API reference, "MessageAttributeValue". */
export interface MessageAttribute {
  readonly DataType?: string | undefined;
  readonly StringValue?: string | undefined;
  readonly BinaryValue?: Uint8Array | undefined;
}

/** The part of an SQS event that is used (Lambda guide, "Using Lambda with Amazon SQS"). */
export interface SqsEvent {
  readonly Records: readonly SqsRecord[];
}

export interface SqsRecord {
  readonly messageId: string;
  readonly body: string;
  readonly attributes: { readonly SentTimestamp?: string; readonly MessageGroupId?: string };
  readonly messageAttributes?: Readonly<Record<string, EventAttribute>>;
}

interface EventAttribute {
  readonly dataType?: string;
  readonly stringValue?: string | null;
  /** Base64. */
  readonly binaryValue?: string | null;
}

/** An event that is none of SQS. */
export class QueueEventError extends Error {
  override readonly name = 'QueueEventError';
  readonly code = 'INVALID_EVENT';
}

/** The messages of an event, in order. Throws QueueEventError: without the time of its sending no message can be known. */
export function parseSqsEvent(event: SqsEvent): QueueMessage[] {
  if (!Array.isArray(event?.Records)) throw new QueueEventError('expected an event of SQS with a list Records');
  const records: readonly SqsRecord[] = event.Records;
  return records.map(({ messageId, body, attributes, messageAttributes = {} }) => {
    const sent = Number(attributes?.SentTimestamp ?? Number.NaN);
    if (typeof messageId !== 'string' || typeof body !== 'string' || !Number.isFinite(sent)) {
      throw new QueueEventError(
        `expected messages of SQS with messageId, body and the attribute SentTimestamp, got the id ${JSON.stringify(messageId)}`,
      );
    }
    const groupId = attributes.MessageGroupId;
    return {
      id: messageId,
      body,
      sent,
      attributes: Object.fromEntries(
        Object.entries(messageAttributes).map(([name, { dataType, stringValue, binaryValue }]) => [
          name,
          {
            DataType: dataType,
            ...(typeof stringValue === 'string' && { StringValue: stringValue }),
            ...(typeof binaryValue === 'string' && { BinaryValue: Buffer.from(binaryValue, 'base64') }),
          },
        ]),
      ),
      ...(groupId !== undefined && { groupId }),
    };
  });
}
