import assert from 'node:assert/strict';
import { it } from 'node:test';
import {
  GetObjectTaggingCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
} from '@aws-sdk/client-s3';
import { eventually, type Suite, type SuitePart } from './suite.ts';

const ACME = 'tagged/tenants/acme/ds=2026-11-24/a b&.csv';

/** Tags of objects that land. */
export const tagging: SuitePart = {
  name: 'tags',
  config: {
    tagging: {
      rules: [
        {
          prefix: 'tagged/tenants/{tenant}',
          suffix: '.csv',
          tags: { tenant: '{tenant}', day: '{ds}', kind: '{extension}' },
        },
        { prefix: 'tagged', suffix: '.csv', tags: { team: 'data', kind: 'any' } },
      ],
    },
  },

  beside(suite) {
    it('are set on what lands, beside other tags, and make no events of their own', async () => {
      const { output, handled, stack } = suite();
      const { client, put, tagsOf } = tagsIn(suite());
      await put(ACME);
      await put('tagged/other/a.csv');
      await put('tagged/other/a.txt');
      const expected = { cost: '7', tenant: 'acme', day: '2026-11-24', kind: 'csv', team: 'data' };
      await eventually(async () => 'team' in (await tagsOf(ACME)), 'tags');
      assert.deepEqual(await tagsOf(ACME), expected);
      await eventually(async () => 'team' in (await tagsOf('tagged/other/a.csv')), 'tags by the second rule');
      assert.deepEqual(await tagsOf('tagged/other/a.csv'), { cost: '7', team: 'data', kind: 'any' });
      await handled('TaggingQueueUrl');
      assert.deepEqual(await tagsOf('tagged/other/a.txt'), { cost: '7' });
      const Tagging = { TagSet: [{ Key: 'mine', Value: 'only' }] };
      await client.send(new PutObjectTaggingCommand({ Bucket: stack.bucket, Key: 'tagged/other/a.csv', Tagging }));
      assert.equal(await stack.depth(output('TaggingQueueUrl')), 0, 'setting tags calls nobody');
    });
  },

  alone(suite) {
    it('are set on each version of an object', async () => {
      const { handled, stack } = suite();
      const { client, put, tagsOf } = tagsIn(suite());
      const VersioningConfiguration = { Status: 'Enabled' } as const;
      await client.send(new PutBucketVersioningCommand({ Bucket: stack.bucket, VersioningConfiguration }));
      const key = 'tagged/tenants/b/v.csv';
      const versions = [await put(key), await put(key)];
      assert.notEqual(versions[0], versions[1]);
      for (const version of versions) {
        await eventually(async () => (await tagsOf(key, version)).tenant === 'b', `tags of ${version}`);
      }
      await handled('TaggingQueueUrl');
    });
  },
};

function tagsIn({ server, stack: { bucket } }: Suite) {
  const client = server.client();
  return {
    client,
    /** Puts an object with a tag; returns its version. */
    async put(Key: string): Promise<string | undefined> {
      const command = new PutObjectCommand({ Bucket: bucket, Key, Body: 'a,b', Tagging: 'cost=7' });
      return (await client.send(command)).VersionId;
    },
    async tagsOf(Key: string, VersionId?: string): Promise<Record<string, string>> {
      const { TagSet = [] } = await client.send(
        new GetObjectTaggingCommand({ Bucket: bucket, Key, ...(VersionId !== undefined && { VersionId }) }),
      );
      return Object.fromEntries(TagSet.map(({ Key: key = '', Value = '' }) => [key, Value]));
    },
  };
}
