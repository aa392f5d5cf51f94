import type { StepQueue } from '../medallion/handler.ts';
import { stepDeduplication, stepGroup } from '../medallion/messages.ts';
import { lazySender, lazySqs } from './lazy-sender.ts';

/** The FIFO queue of the medallion function. Throws the SDK's errors. */
export function createStepQueue(url: string): StepQueue {
  const sqs = lazySqs();
  const send = lazySender(sqs);
  return {
    async send(message, rule, occasion) {
      await send({
        QueueUrl: url,
        MessageBody: JSON.stringify(message),
        MessageGroupId: stepGroup(rule),
        MessageDeduplicationId: stepDeduplication(message, occasion),
      });
    },
    async showAfter(receiptHandle, seconds) {
      const { client, commands } = await sqs();
      const input = { QueueUrl: url, ReceiptHandle: receiptHandle, VisibilityTimeout: seconds };
      await client.send(new commands.ChangeMessageVisibilityCommand(input));
    },
  };
}
