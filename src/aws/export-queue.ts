import { SendMessageCommand } from '@aws-sdk/client-sqs';
import type { ExportQueue } from '../cdf/handler.ts';
import { exportDeduplication, exportGroup } from '../cdf/messages.ts';
import { createSqsClient } from './sqs-queue.ts';

/** The FIFO queue of the export function. Throws the SDK's errors. */
export function createExportQueue(url: string): ExportQueue {
  const client = createSqsClient();
  return {
    async send(message, occasion) {
      await client.send(
        new SendMessageCommand({
          QueueUrl: url,
          MessageBody: JSON.stringify(message),
          MessageGroupId: exportGroup(message),
          MessageDeduplicationId: exportDeduplication(message, occasion),
        }),
      );
    },
  };
}
