import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CreateQueueCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { catalogEnvironment } from '../../src/aws/catalog-env.ts';
import { createCatalogQueue, createDefinitionRequests } from '../../src/aws/catalog-queue.ts';
import { createSqsClient } from '../../src/aws/sqs-queue.ts';
import { parseCatalogMessage } from '../../src/catalog/messages.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { startS3Server } from '../support/s3-server.ts';
import { available, resource } from '../support/unavailable.ts';

const aws = await resource(startS3Server);

describe('the queue of the catalog function', { skip: aws.skip ?? false }, () => {
  // As in the function: the client finds them in the environment.
  Object.assign(process.env, available(aws).env);

  it('takes what the function reads', async () => {
    const client = createSqsClient();
    const { QueueUrl = '' } = await client.send(new CreateQueueCommand({ QueueName: 'tables' }));
    await createDefinitionRequests(QueueUrl)?.send('lake', 'raw/web');
    await createCatalogQueue(QueueUrl)({ bucket: 'lake', prefix: 'raw', behind: 'raw/a' });
    const { Messages = [] } = await client.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
    assert.deepEqual(
      Messages.map(({ Body = '' }) => parseCatalogMessage(Body)),
      [
        { bucket: 'lake', root: 'raw/web' },
        { bucket: 'lake', prefix: 'raw', behind: 'raw/a' },
      ],
    );
  });

  it('is nobody’s where there is none', () => assert.equal(createDefinitionRequests(undefined), undefined));
});

describe('the environment of the catalog function', () => {
  const RESACA_CONFIG = '{"pattern":"{database}/{table}"}';
  const RESACA_CATALOG_QUEUE_URL = 'https://queue';

  it('has the buckets beside the configuration', () => {
    const env = { RESACA_CONFIG, RESACA_CATALOG_QUEUE_URL, RESACA_CATALOG_BUCKETS: '["lake","bronze"]' };
    const { config, catalogQueueUrl } = catalogEnvironment(env);
    assert.deepEqual([config.buckets, catalogQueueUrl], [['lake', 'bronze'], 'https://queue']);
  });

  it('is refused with what is wrong', () => {
    const WRONG: readonly (readonly [NodeJS.ProcessEnv, RegExp])[] = [
      [{ RESACA_CONFIG }, /RESACA_CATALOG_QUEUE_URL: is missing/],
      [{ RESACA_CONFIG: '{}', RESACA_CATALOG_QUEUE_URL }, /pattern: expected it/],
      [{ RESACA_CONFIG, RESACA_CATALOG_QUEUE_URL, RESACA_CATALOG_BUCKETS: '[' }, /RESACA_CATALOG_BUCKETS: is not JSON/],
      [{ RESACA_CONFIG, RESACA_CATALOG_QUEUE_URL, RESACA_PLACES: '[]' }, /RESACA_PLACES: is not a variable/],
    ];
    for (const [env, message] of WRONG) {
      assert.throws(
        () => catalogEnvironment(env),
        (error) => error instanceof ConfigError && message.test(error.message),
      );
    }
  });
});
