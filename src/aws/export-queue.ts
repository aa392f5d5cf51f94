import type { ExportQueue } from '../cdf/handler.ts';
import { exportDeduplication, exportGroup } from '../cdf/messages.ts';
import { lazySender } from './lazy-sender.ts';

/** The FIFO queue of the export function. Throws the SDK's errors. */
export function createExportQueue(url: string): ExportQueue {
  const send = lazySender();
  return {
    async send(message, occasion) {
      await send({
        QueueUrl: url,
        MessageBody: JSON.stringify(message),
        MessageGroupId: exportGroup(message),
        MessageDeduplicationId: exportDeduplication(message, occasion),
      });
    },
  };
}
