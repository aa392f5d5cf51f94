import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { parseWebhookConfig } from '../../src/webhook/config.ts';
import { parseSecrets } from '../../src/webhook/secrets.ts';
import { createWebhookWorld, hmacOf, httpEvent, SECRET } from '../support/webhook-world.ts';

const AUTHORIZED = { authorization: `Bearer ${SECRET}` };

describe('a request', () => {
  it('is answered when the queue has its JSON, as it came', async () => {
    const world = createWebhookWorld();
    const bodies = ['{"id": 12345678901234567890}', '[{"id":1},{"id":2}]', '{"id":1}\n{"id":2}\n{"id":3}\n'];
    const records: unknown[] = [];
    for (const body of bodies) {
      const { status, response } = await world.post(body);
      assert.equal(status, 200);
      records.push(JSON.parse(response.body).records);
    }
    assert.deepEqual(records, [1, 2, 3]);
    assert.deepEqual(
      world.sent.map(({ body }) => body),
      bodies,
    );
    assert.equal(new Set(world.sent.map(({ id }) => id)).size, 3);
  });

  it('may come through an HTTP API, below its stage, and with a slash at the end', async () => {
    const world = createWebhookWorld();
    const event = {
      ...httpEvent('{"id":1}', AUTHORIZED, '/prod/in/'),
      requestContext: { stage: 'prod', http: { method: 'POST' } },
    };
    assert.equal((await world.answer(event)).status, 200);
    await assert.rejects(world.answer({ version: '1.0' }), /payload format 2\.0/);
  });

  it('may be packed', async () => {
    const world = createWebhookWorld();
    const { status } = await world.post(gzipSync('{"id":1}'), { 'content-encoding': 'gzip' });
    assert.equal(status, 200);
    assert.equal(world.sent[0]?.body, '{"id":1}');
  });

  it('is refused with the reason, and nothing is sent', async () => {
    const world = createWebhookWorld({ webhooks: [{ path: '/in', signature: 'bearer', maxBytes: 4_096 }] });
    const bomb = gzipSync(Buffer.alloc(50_000_000, ' '));
    const gzip = { 'content-encoding': 'gzip' };
    const cases: readonly (readonly [Promise<{ status: number; error: string | undefined }>, number, RegExp])[] = [
      [world.post('{"id":1}', {}, '/other'), 404, /^there is nothing here$/],
      [world.answer(httpEvent('', AUTHORIZED, '/in', 'GET')), 405, /^expected POST, got GET$/],
      [world.post('{"id":1}', { authorization: 'Bearer wrong' }), 401, /^unauthorized$/],
      [world.answer(httpEvent('{"id":1}')), 401, /^unauthorized$/],
      [world.post(`{"id":"${'x'.repeat(5_000)}"}`), 413, /has 5009 bytes, expected 4096 at most/],
      [world.post('hello'), 400, /not JSON/],
      [world.post(''), 400, /empty/],
      [world.post('[1]'), 400, /The element 0 of the array is the number 1/],
      [world.post('{"a":1}\n{"a":'), 400, /^Line 2: /],
      [world.post(Uint8Array.of(0x22, 0xff, 0x22)), 400, /UTF-8/],
      [world.post('['.repeat(4_000)), 413, /nested deeper/],
      [world.post('{"id":1}', { 'content-type': 'application/x-www-form-urlencoded' }), 415, /expected JSON/],
      [world.post('{"id":1}', { 'content-encoding': 'br' }), 415, /content-encoding/],
      [world.post(bomb, gzip), 413, /expected|more than|bytes/],
      [world.post(gzipSync(Buffer.alloc(1_000_000, '{')), gzip), 413, /more than|bytes/],
      [world.post('{"id":1}', gzip), 400, /gzip/],
    ];
    for (const [pending, status, reason] of cases) {
      const { status: got, error } = await pending;
      assert.equal(got, status, error);
      assert.match(error ?? '', reason);
    }
    assert.deepEqual(world.sent, []);
  });

  it('is refused before anything of it is read, without a proof', async () => {
    const world = createWebhookWorld();
    assert.equal((await world.post('hello', { authorization: 'Bearer wrong' })).status, 401);
    const packed = { authorization: 'Bearer wrong', 'content-encoding': 'gzip' };
    assert.equal((await world.post('no gzip', packed)).status, 401);
  });

  it('is to come again, when the queue does not take it', async () => {
    const world = createWebhookWorld();
    world.state.failure = new Error('the service is not there');
    const { status, response, error } = await world.post('{"id":1}');
    assert.equal(status, 503);
    assert.equal(response.headers['retry-after'], '10');
    assert.equal(error, 'not now: try again');
    world.state.failure = undefined;
    world.state.refusals = ['InternalError'];
    assert.equal((await world.post('{"id":1}')).status, 503);
    assert.ok(world.logs.some(({ level, error: cause }) => level === 'error' && /InternalError/.test(String(cause))));
  });

  it('is split by records, where it is too long for a message, the same way each time', async () => {
    const webhook = { path: '/in', signature: 'github', maxMessageBytes: 1_024 } as const;
    const world = createWebhookWorld({ webhooks: [webhook] });
    const rows = Array.from({ length: 40 }, (_, id) => ({ id, text: 'é'.repeat(50), big: 1 }));
    const body = JSON.stringify(rows).replace('"big":1', '"big":12345678901234567890.5');
    const headers = { 'x-hub-signature-256': `sha256=${hmacOf(body)}`, 'x-github-delivery': 'd-1' };
    assert.equal((await world.post(body, headers)).status, 200);
    const first = world.sent.splice(0);
    assert.ok(first.length > 4);
    assert.ok(first.every((message) => Buffer.byteLength(message.body) <= 1_024));
    const lines = first.flatMap((message) => message.body.split('\n'));
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).id),
      rows.map(({ id }) => id),
    );
    assert.ok(lines[0]?.includes('12345678901234567890.5'));
    assert.equal(first[1]?.attributes['resaca-key']?.StringValue, `/in d-1 2/${first.length}`);
    await world.post(body, headers);
    assert.deepEqual(world.sent, first);

    const large = JSON.stringify([{ id: 1 }, { id: 2, text: 'x'.repeat(1_100) }]);
    const { status, error } = await world.post(large, { 'x-hub-signature-256': `sha256=${hmacOf(large)}` });
    assert.equal(status, 413);
    assert.match(error ?? '', /^the record 1 has 1\d+ bytes as JSON, expected 1024 at most$/);
  });

  it('has no characters that a message may not have', async () => {
    const world = createWebhookWorld();
    await world.post('{"text":"a\uffffb\ufffe"}');
    assert.equal(world.sent[0]?.body, '{"text":"a\\uffffb\\ufffe"}');
  });
});

describe('a delivery', () => {
  it('of GitHub, Stripe and Slack has the name that the sender gave it, and the headers that are asked for', async () => {
    const world = createWebhookWorld({
      webhooks: [
        { path: '/github', signature: 'github' },
        { path: '/stripe', signature: 'stripe' },
        { path: '/slack', signature: 'slack' },
        { path: '/own', signature: 'bearer', idempotency: { header: 'Idempotency-Key' }, headers: ['X-Tenant'] },
        { path: '/none', signature: 'github', idempotency: 'none', headers: [] },
      ],
    });
    const body = '{"id":"evt_1","event_id":"Ev1"}';
    const time = String(world.now() / 1_000);
    const github = {
      'x-hub-signature-256': `sha256=${hmacOf(body)}`,
      'x-github-delivery': 'd-1',
      'x-github-event': 'push',
    };
    const requests: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
      ['/github', github],
      ['/stripe', { 'stripe-signature': `t=${time},v1=${hmacOf(`${time}.${body}`)}` }],
      ['/slack', { 'x-slack-request-timestamp': time, 'x-slack-signature': `v0=${hmacOf(`v0:${time}:${body}`)}` }],
      ['/own', { ...AUTHORIZED, 'idempotency-key': 'k\n1', 'x-tenant': 'acme' }],
      ['/none', github],
    ];
    for (const [path, headers] of requests) assert.equal((await world.post(body, headers, path)).status, 200, path);
    const attributes = world.sent.map((message) =>
      Object.fromEntries(Object.entries(message.attributes).map(([name, { StringValue }]) => [name, StringValue])),
    );
    assert.deepEqual(attributes.toSpliced(3, 1), [
      { 'resaca-key': '/github d-1', 'x-github-event': 'push' },
      { 'resaca-key': '/stripe evt_1' },
      { 'resaca-key': '/slack Ev1' },
      {},
    ]);
    assert.match(attributes[3]?.['resaca-key'] ?? '', /^\/own [0-9a-f]{64}$/);
    assert.equal(attributes[3]?.['x-tenant'], 'acme');
  });

  it('of Slack that checks the address is answered with its challenge, and is no row', async () => {
    const world = createWebhookWorld({ webhooks: [{ path: '/in', signature: 'slack' }] });
    const body = '{"type":"url_verification","challenge":"3eZbrw1aB"}';
    const time = String(world.now() / 1_000);
    const headers = { 'x-slack-request-timestamp': time, 'x-slack-signature': `v0=${hmacOf(`v0:${time}:${body}`)}` };
    const { response } = await world.post(body, headers);
    assert.deepEqual([response.statusCode, response.body], [200, '3eZbrw1aB']);
    assert.deepEqual(world.sent, []);
    assert.equal((await world.post(body, { ...headers, 'x-slack-signature': 'v0=00' })).status, 401);
  });
});

describe('the secrets', () => {
  it('are read once, again after five minutes, and after a wrong one once a minute', async () => {
    const world = createWebhookWorld();
    for (let request = 0; request < 5; request++) await world.post('{"id":1}');
    assert.equal(world.state.loads, 1);
    for (let request = 0; request < 5; request++) await world.post('{"id":1}', { authorization: 'Bearer wrong' });
    assert.equal(world.state.loads, 1);
    world.advance(61_000);
    for (let request = 0; request < 5; request++) await world.post('{"id":1}', { authorization: 'Bearer wrong' });
    assert.equal(world.state.loads, 2);
    world.advance(301_000);
    await world.post('{"id":1}');
    assert.equal(world.state.loads, 3);
  });

  it('may be changed: a new one is right at once, the old one while it is there', async () => {
    const world = createWebhookWorld();
    await world.post('{"id":1}');
    world.advance(61_000);
    world.state.secret = JSON.stringify({ secrets: ['the-new-secret', SECRET] });
    assert.equal((await world.post('{"id":1}', { authorization: 'Bearer the-new-secret' })).status, 200);
    assert.equal((await world.post('{"id":1}')).status, 200);
    world.state.secret = 'the-new-secret';
    world.advance(301_000);
    assert.equal((await world.post('{"id":1}')).status, 401);
  });

  it('are right for an hour while they cannot be read, and nobody is let in without', async () => {
    const world = createWebhookWorld();
    world.state.isSecretGone = true;
    assert.equal((await world.post('{"id":1}')).status, 503);
    world.state.isSecretGone = false;
    assert.equal((await world.post('{"id":1}')).status, 200);
    world.state.isSecretGone = true;
    world.advance(301_000);
    assert.equal((await world.post('{"id":1}')).status, 200);
    assert.equal((await world.post('{"id":1}', { authorization: 'Bearer wrong' })).status, 401);
    world.advance(3_600_000);
    assert.equal((await world.post('{"id":1}')).status, 503);
  });

  it('have a form, and errors do not tell them', () => {
    assert.deepEqual(parseSecrets('one-secret\n'), ['one-secret']);
    assert.deepEqual(parseSecrets('["one-secret","two-secret"]'), ['one-secret', 'two-secret']);
    assert.deepEqual(parseSecrets('{"secrets":["one-secret"]}'), ['one-secret']);
    for (const wrong of ['', 'short', '[]', '[""]', '{}', '{"secrets":"hidden-value"}', '["hidden-value"', '[1]']) {
      assert.throws(
        () => parseSecrets(wrong),
        (error) => error instanceof Error && !error.message.includes('hidden-value'),
        wrong,
      );
    }
  });
});

describe('the configuration of webhooks', () => {
  it('names every mistake', () => {
    const problems = (webhooks: unknown): readonly string[] => {
      try {
        parseWebhookConfig({ webhooks });
      } catch (error) {
        if (error instanceof ConfigError) return error.problems;
        throw error;
      }
      return [];
    };
    assert.deepEqual(problems([{ path: '/in', signature: { type: 'hmac', header: 'X-S' } }]), []);
    const cases: readonly (readonly [unknown, RegExp])[] = [
      [{ signature: 'github' }, /path: is required/],
      [{ path: '/in' }, /signature: is required/],
      [{ path: 'in', signature: 'github' }, /path: expected a path/],
      [{ path: '/in', signature: 'none' }, /signature: expected bearer/],
      [{ path: '/in', signature: 'hmac' }, /name of the header/],
      [{ path: '/in', signature: { type: 'hmac' } }, /header: is required/],
      [{ path: '/in', signature: { type: 'github', tolerance: 3 } }, /tolerance: is not a setting/],
      [{ path: '/in', signature: 'github', idempotency: {} }, /expected header or field/],
      [{ path: '/in', signature: 'github', headers: ['a b'] }, /headers: expected/],
      [{ path: '/in', signature: 'github', maxMessageBytes: 2 ** 21 }, /maxMessageBytes/],
    ];
    for (const [webhook, pattern] of cases) assert.match(problems([webhook]).join('\n'), pattern);
    assert.match(
      problems([
        { path: '/in', signature: 'github' },
        { path: '/in', signature: 'slack' },
      ]).join(),
      /twice/,
    );
    assert.match(problems([]).join(), /has none/);
  });
});
