import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startStatusServer } from '../../src/consumer/http-server.ts';

describe('the server of health and metrics', () => {
  it('answers with what is so at the moment', async () => {
    let problem: string | undefined;
    const server = await startStatusServer(
      { host: '127.0.0.1', port: 0 },
      { problem: () => problem, metrics: () => 'resaca_up 1\n' },
    );
    const get = async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
      return [response.status, await response.text()];
    };
    try {
      assert.deepEqual(await get('/health'), [200, 'ok\n']);
      problem = 'nothing could be read for 61 s';
      assert.deepEqual(await get('/health?x=1'), [503, 'nothing could be read for 61 s\n']);
      assert.deepEqual(await get('/metrics'), [200, 'resaca_up 1\n']);
      assert.deepEqual(await get('/'), [404, 'expected /health or /metrics\n']);
    } finally {
      await server.close();
    }
    await assert.rejects(get('/health'));
  });

  it('fails on a port that is taken', async () => {
    const answers = { problem: () => undefined, metrics: () => '' };
    const server = await startStatusServer({ host: '127.0.0.1', port: 0 }, answers);
    await assert.rejects(startStatusServer({ host: '127.0.0.1', port: server.port }, answers), { code: 'EADDRINUSE' });
    await server.close();
  });
});
