import assert from 'node:assert/strict';
import { it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { createS3Store } from '../../../src/aws/s3-store.ts';
import { invokeFunction } from '../../support/deployment-control.ts';
import { parquet, rowsOf } from '../../support/landing.ts';
import { eventually, type SuitePart } from './suite.ts';

const TABLE = 'feed/web';
/** Where the changes go; made before the deployment. */
let target = '';

/** Changes of tables as files in another bucket. */
export const exports: SuitePart = {
  name: 'the exports',
  async config(server) {
    target = await server.createBucket();
    const to = `s3://${target}/cdf`;
    return {
      landing: { prefixes: ['feed'] },
      exports: [{ prefix: 'feed', to, compression: 'gzip', changeColumns: false, csv: { quote: 'all' } }],
    };
  },

  beside(suite) {
    it('write what landed since the last time, once', async () => {
      const { server, stack, output, handled } = suite();
      const feeds = createS3Store({ client: server.client(), bucket: target });
      const objects = async (ending: string): Promise<string[]> => {
        const keys = (await Array.fromAsync(feeds.list(`cdf/${TABLE}/`))).map(({ key }) => key);
        return keys.filter((key) => key.endsWith(ending));
      };
      const position = async (): Promise<number> => {
        const [key] = await objects('_position.json');
        return key === undefined ? -1 : JSON.parse(Buffer.from((await feeds.get(key)).body).toString()).version;
      };
      const exported = async (time: string): Promise<void> => {
        const version = await stack.version(TABLE);
        await invokeFunction(server, output('ExportFunctionName'), { exports: ['feed'], time });
        await eventually(async () => (await position()) >= version, `the export of version ${version}`);
        await handled('ExportQueueUrl');
      };
      const ids = async (): Promise<number[]> => {
        const all: number[] = [];
        for (const key of await objects('.csv.gz')) {
          const text = gunzipSync((await feeds.get(key)).body).toString();
          const [header, ...lines] = text.trimEnd().split('\n');
          assert.equal(header, '"id","name"');
          all.push(...lines.map((line) => Number(/^"(\d+)"/.exec(line)?.[1])));
        }
        return all.sort((a, b) => a - b);
      };
      const upTo = (count: number) => Array.from({ length: count }, (_, id) => id);

      await stack.store.put(`${TABLE}/first.parquet`, parquet(rowsOf(0, 10)));
      await stack.untilFiles(TABLE, ['first.parquet']);
      await exported('2026-11-30T00:00:00Z');
      assert.deepEqual(await ids(), upTo(10));
      await stack.store.put(`${TABLE}/second.parquet`, parquet(rowsOf(10, 5)));
      await stack.untilFiles(TABLE, ['first.parquet', 'second.parquet']);
      await exported('2026-11-30T01:00:00Z');
      // Nothing is new.
      await exported('2026-11-30T02:00:00Z');
      assert.deepEqual(await ids(), upTo(15));
      assert.equal((await objects('_SUCCESS')).length, (await objects('.csv.gz')).length);
    });
  },
};
