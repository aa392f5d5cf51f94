import { ChangeMessageVisibilityCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import type { StepQueue } from '../medallion/handler.ts';
import { stepDeduplication, stepGroup } from '../medallion/messages.ts';
import { createSqsClient } from './sqs-queue.ts';

/** The FIFO queue of the medallion function. Throws the SDK's errors. */
export function createStepQueue(url: string): StepQueue {
  const client = createSqsClient();
  return {
    async send(message, rule, occasion) {
      await client.send(
        new SendMessageCommand({
          QueueUrl: url,
          MessageBody: JSON.stringify(message),
          MessageGroupId: stepGroup(rule),
          MessageDeduplicationId: stepDeduplication(message, occasion),
        }),
      );
    },
    async showAfter(receiptHandle, seconds) {
      await client.send(
        new ChangeMessageVisibilityCommand({
          QueueUrl: url,
          ReceiptHandle: receiptHandle,
          VisibilityTimeout: seconds,
        }),
      );
    },
  };
}
