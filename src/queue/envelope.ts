/** What a message says, and what it was called before it came into the queue. */
export interface Letter {
  /** JSON, or what should be. */
  readonly text: string;
  /** Of the notification that the message is one delivery of; undefined where it came to the queue by itself. */
  readonly notification?: { readonly id: string /** ms since the epoch. */; readonly published: number };
}

/**
 * Takes a message out of the envelope of SNS, which is recognised by its shape (SNS developer guide, "HTTP/HTTPS notification
 * JSON format", which queues get as well unless delivery is raw). Anything else is left as it is.
 */
export function openEnvelope(body: string): Letter {
  // Most messages are not parsed for this.
  if (!body.includes('"Notification"') || !body.includes('"TopicArn"')) return { text: body };
  const envelope = parseObject(body);
  if (envelope === undefined) return { text: body };
  const { Type, MessageId, TopicArn, Message, Timestamp } = envelope;
  const published = typeof Timestamp === 'string' ? Date.parse(Timestamp) : Number.NaN;
  const isEnvelope =
    Type === 'Notification' &&
    typeof MessageId === 'string' &&
    typeof TopicArn === 'string' &&
    /^arn:aws[\w-]*:sns:/.test(TopicArn) &&
    typeof Message === 'string' &&
    !Number.isNaN(published);
  if (!isEnvelope) return { text: body };
  return { text: Message, notification: { id: MessageId, published } };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
