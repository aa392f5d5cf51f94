import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ListDeadLetterSourceQueuesCommand,
  type Message,
  type MessageAttributeValue,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
  type SQSClientConfig,
} from '@aws-sdk/client-sqs';

/** A message that was received: hidden from others until it is given back, deleted, or its time is up. */
export interface QueueMessage {
  readonly id: string;
  readonly body: string;
  /** ms since the epoch. */
  readonly sent: number;
  readonly attributes: Readonly<Record<string, MessageAttributeValue>>;
  /** In a FIFO queue. */
  readonly groupId?: string;
  readonly receipt: string;
}

export interface SendResult {
  /** What the queue has now. */
  readonly sent: readonly QueueMessage[];
  /** Why it did not take the others. */
  readonly refusals: readonly string[];
}

/** Entries of one request, and their bytes together: the limit was 256 KiB for long, and is at least that everywhere. */
const MAX_ENTRIES = 10;
const MAX_BYTES = 262_144;

/** The SQS client of this project; region, credentials and endpoint that are not given are those that the SDK finds. */
export function createSqsClient(options: Pick<SQSClientConfig, 'region' | 'endpoint' | 'credentials'> = {}): SQSClient {
  return new SQSClient({ ...options, retryMode: 'standard', maxAttempts: 4 });
}

/** The messages of one queue. All methods throw the SDK's errors. */
export class SqsQueue {
  private readonly client: SQSClient;
  readonly url: string;

  constructor(client: SQSClient, url: string) {
    this.client = client;
    this.url = url;
  }

  /** Up to ten messages, which are hidden for `hidden` s; none when none came within `wait` s, of which SQS takes 20. */
  async receive({ hidden, wait }: { hidden: number; wait: number }): Promise<QueueMessage[]> {
    const { Messages = [] } = await this.client.send(
      new ReceiveMessageCommand({
        QueueUrl: this.url,
        MaxNumberOfMessages: MAX_ENTRIES,
        VisibilityTimeout: hidden,
        WaitTimeSeconds: wait,
        MessageAttributeNames: ['All'],
        MessageSystemAttributeNames: ['SentTimestamp', 'MessageGroupId'],
      }),
    );
    return Messages.map(toMessage);
  }

  /** Sends messages as they are. */
  async send(messages: readonly QueueMessage[]): Promise<SendResult> {
    const sent: QueueMessage[] = [];
    const refusals: string[] = [];
    for (const batch of inBatches(messages)) {
      const { Successful = [], Failed = [] } = await this.client.send(
        new SendMessageBatchCommand({ QueueUrl: this.url, Entries: batch.map((message, i) => this.entry(message, i)) }),
      );
      for (const { Id } of Successful) {
        const message = batch[Number(Id)];
        if (message !== undefined) sent.push(message);
      }
      refusals.push(...Failed.map(({ Code, Message }) => [Code, Message].filter(Boolean).join(': ')));
    }
    return { sent, refusals };
  }

  /** Deletes messages; returns those that are gone. */
  async delete(messages: readonly QueueMessage[]): Promise<QueueMessage[]> {
    const gone: QueueMessage[] = [];
    for (const batch of inBatches(messages)) {
      const entries = batch.map(({ receipt }, index) => ({ Id: String(index), ReceiptHandle: receipt }));
      const { Successful = [] } = await this.client.send(
        new DeleteMessageBatchCommand({ QueueUrl: this.url, Entries: entries }),
      );
      for (const { Id } of Successful) {
        const message = batch[Number(Id)];
        if (message !== undefined) gone.push(message);
      }
    }
    return gone;
  }

  /** Shows messages again at once. One that cannot be is shown when its time is up. */
  async giveBack(messages: readonly QueueMessage[]): Promise<void> {
    for (const batch of inBatches(messages)) {
      const entries = batch.map(({ receipt }, index) => ({
        Id: String(index),
        ReceiptHandle: receipt,
        VisibilityTimeout: 0,
      }));
      await this.client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: this.url, Entries: entries }));
    }
  }

  /** Messages that wait or are hidden, as far as SQS knows. */
  async depth(): Promise<number> {
    const { Attributes = {} } = await this.client.send(
      new GetQueueAttributesCommand({
        QueueUrl: this.url,
        AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
      }),
    );
    return Object.values(Attributes).reduce((sum, value) => sum + Number(value), 0);
  }

  /** URLs of the queues whose dead letters come here. */
  async sources(): Promise<string[]> {
    const { queueUrls = [] } = await this.client.send(new ListDeadLetterSourceQueuesCommand({ QueueUrl: this.url }));
    return queueUrls;
  }

  private entry({ id, body, attributes, groupId }: QueueMessage, index: number) {
    return {
      Id: String(index),
      MessageBody: body,
      ...(Object.keys(attributes).length > 0 && { MessageAttributes: attributes }),
      // The id of the message: whoever sends it twice within five minutes sends it once.
      ...(this.url.endsWith('.fifo') && { MessageGroupId: groupId ?? 'default', MessageDeduplicationId: id }),
      // In a standard queue, groups keep one sender from holding up the others ("fair queues").
      ...(!this.url.endsWith('.fifo') && groupId !== undefined && { MessageGroupId: groupId }),
    };
  }
}

function toMessage({ MessageId, Body, Attributes, MessageAttributes, ReceiptHandle }: Message): QueueMessage {
  if (MessageId === undefined || Body === undefined || ReceiptHandle === undefined) {
    throw new Error('expected a message of SQS with id, body and receipt handle');
  }
  const groupId = Attributes?.MessageGroupId;
  return {
    id: MessageId,
    body: Body,
    sent: Number(Attributes?.SentTimestamp ?? 0),
    attributes: MessageAttributes ?? {},
    receipt: ReceiptHandle,
    ...(groupId !== undefined && { groupId }),
  };
}

/** In order, as many as one request takes. A message that is too large for any is sent on its own. */
function inBatches(messages: readonly QueueMessage[]): QueueMessage[][] {
  const batches: QueueMessage[][] = [];
  let bytes = 0;
  for (const message of messages) {
    const size = sizeOf(message);
    const batch = batches.at(-1);
    if (batch === undefined || batch.length === MAX_ENTRIES || bytes + size > MAX_BYTES) {
      batches.push([message]);
      bytes = size;
    } else {
      batch.push(message);
      bytes += size;
    }
  }
  return batches;
}

function sizeOf({ body, attributes }: QueueMessage): number {
  const values = Object.entries(attributes).map(
    ([name, { DataType = '', StringValue = '', BinaryValue }]) =>
      Buffer.byteLength(name + DataType + StringValue) + (BinaryValue?.byteLength ?? 0),
  );
  return values.reduce((sum, size) => sum + size, Buffer.byteLength(body));
}
