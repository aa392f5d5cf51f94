import { setTimeout as sleep } from 'node:timers/promises';
import { groupEnvironment } from '../../src/aws/group-env.ts';
import { createGroupQueue } from '../../src/aws/group-queue.ts';
import { createTelemetry } from '../../src/aws/telemetry.ts';
import { createGroupHandler } from '../../src/group/handler.ts';

const { config, targetQueueUrl, ...telemetry } = groupEnvironment();

/** SQS messages with S3 notifications in, the same by table to a FIFO queue, the messages to deliver again out. */
export const handler = createGroupHandler({
  queue: createGroupQueue(targetQueueUrl),
  urlOf: (bucket, root) => `s3://${bucket}${root === '' ? '' : `/${root}`}`,
  config,
  telemetry: createTelemetry({ service: 'group', ...telemetry }),
  now: Date.now,
  random: Math.random,
  sleep: (ms) => sleep(ms),
});
