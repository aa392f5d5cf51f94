import { createS3Client } from '../../src/aws/clients.ts';
import { createS3TagStore } from '../../src/aws/s3-tags.ts';
import { tagEnvironment } from '../../src/aws/tag-env.ts';
import { createTelemetry } from '../../src/aws/telemetry.ts';
import { createTagHandler } from '../../src/tag/handler.ts';

const { config, ...telemetry } = tagEnvironment();

/** A request ends within 13 s, so that the function can answer for what failed. */
const PATIENCE = { maxAttempts: 2, connectTimeout: 1_000, responseTimeout: 5_000 };

/** SQS messages with S3 notifications in, the messages to deliver again out. */
export const handler = createTagHandler({
  store: createS3TagStore(createS3Client(PATIENCE)),
  config,
  telemetry: createTelemetry({ service: 'tag', ...telemetry }),
  now: Date.now,
});
