import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type ConfluentRegistryOptions,
  createConfluentRegistry,
} from '../../../src/kafka/registry/confluent-registry.ts';
import { type Answer, hangUp, respond, startScriptedServer } from '../../support/scripted-http.ts';

const json = (body: unknown, status = 200): Answer =>
  respond(status, { 'content-type': 'application/vnd.schemaregistry.v1+json' }, JSON.stringify(body));
const missing = (code = 40403) => json({ error_code: code, message: 'not found' }, 404);

async function registryWith(answers: readonly Answer[], options: Partial<ConfluentRegistryOptions> = {}) {
  const server = await startScriptedServer(answers);
  const registry = createConfluentRegistry({ url: `${server.endpoint}/api`, backoff: 1, ...options });
  return { registry, requests: server.requests };
}

describe('Confluent’s registry', () => {
  it('gives a schema by its id, Avro when it does not say what it is', async () => {
    const { registry, requests } = await registryWith([json({ schema: '"int"' })]);
    assert.deepEqual(await registry.get('7'), { type: 'AVRO', schema: '"int"', references: [] });
    await registry.get('7');
    assert.deepEqual(
      requests.map(({ method, url }) => `${method} ${url}`),
      ['GET /api/schemas/ids/7'],
    );
    assert.match(String(requests[0]?.headers.accept), /schemaregistry/);
    assert.equal(requests[0]?.headers.authorization, undefined);
  });

  it('gives the references of a schema behind those that they need, each once', async () => {
    const a = { name: 'a', subject: 'with/slash', version: 2 };
    const b = { name: 'b', subject: 'b', version: 1 };
    const { registry, requests } = await registryWith([
      json({ schemaType: 'PROTOBUF', schema: 'top', references: [a, b] }),
      json({ schema: 'text of a', references: [b] }),
      json({ schema: 'text of b' }),
    ]);
    assert.deepEqual(await registry.get('1'), {
      type: 'PROTOBUF',
      schema: 'top',
      references: [
        { name: 'b', schema: 'text of b' },
        { name: 'a', schema: 'text of a' },
      ],
    });
    assert.deepEqual(
      requests.map(({ url }) => url),
      ['/api/schemas/ids/1', '/api/subjects/with%2Fslash/versions/2', '/api/subjects/b/versions/1'],
    );
  });

  it('ends for references that go round', async () => {
    const self = { name: 'a', subject: 'a', version: 1 };
    const { registry } = await registryWith([json({ schema: 'x', references: [self] })]);
    assert.equal((await registry.get('1')).references.length, 1);
    let version = 0;
    const endless: Answer = (response) => {
      version++;
      json({ schema: 'x', references: [{ ...self, version }] })(response);
    };
    const { registry: other } = await registryWith([endless]);
    await assert.rejects(other.get('1'), { code: 'UNKNOWN_SCHEMA', message: /more than 500 others/ });
  });

  it('sends the credentials', async () => {
    const basic = await registryWith([json({ schema: 'x' })], { auth: { username: 'me', password: 'pä:ss' } });
    await basic.registry.get('1');
    const expected = `Basic ${Buffer.from('me:pä:ss').toString('base64')}`;
    assert.equal(basic.requests[0]?.headers.authorization, expected);
    const bearer = await registryWith([json({ schema: 'x' })], { auth: { token: 'abc' } });
    await bearer.registry.get('1');
    assert.equal(bearer.requests[0]?.headers.authorization, 'Bearer abc');
  });

  it('says that there is no schema, and does not ask again at once', async () => {
    const { registry, requests } = await registryWith([missing()]);
    const error = {
      name: 'PayloadError',
      code: 'UNKNOWN_SCHEMA',
      message: /The schema 9 is not to be had: .*\/schemas\/ids\/9/,
    };
    await assert.rejects(registry.get('9'), error);
    await assert.rejects(registry.get('9'), error);
    assert.equal(requests.length, 1);
  });

  it('says so for a missing reference, a type that is not known, and an id that none can have', async () => {
    const reference = { name: 'n', subject: 's', version: 3 };
    const { registry } = await registryWith([json({ schema: 'x', references: [reference] }), missing(40401)]);
    await assert.rejects(registry.get('1'), { code: 'UNKNOWN_SCHEMA', message: /"n" is the subject "s", version 3/ });
    const { registry: other } = await registryWith([json({ schema: 'x', schemaType: 'XML' })]);
    await assert.rejects(other.get('1'), { code: 'UNKNOWN_SCHEMA', message: /of the type "XML"/ });
    const { registry: third, requests } = await registryWith([missing()]);
    await assert.rejects(third.get('2147483648'), { code: 'UNKNOWN_SCHEMA' });
    assert.equal(requests.length, 0);
  });

  it('has schemas by GUID, of which older ones know nothing', async () => {
    const guid = '00112233-4455-6677-8899-aabbccddeeff';
    const { registry, requests } = await registryWith([json({ schema: 'x' })]);
    await registry.get(guid);
    assert.equal(requests[0]?.url, `/api/schemas/guids/${guid}`);
    const { registry: older } = await registryWith([respond(404, {}, 'HTTP 404 Not Found')]);
    await assert.rejects(older.get(guid), { code: 'UNKNOWN_SCHEMA' });
  });

  for (const [name, answer] of [
    ['the status 429', respond(429)],
    ['the status 500', respond(500)],
    ['the status 503', respond(503, {}, 'busy')],
    ['a connection that breaks', hangUp()],
    [
      'a body that breaks off',
      ((response) => {
        response.writeHead(200, { 'content-length': '100' });
        response.write('{');
        response.destroy();
      }) satisfies Answer,
    ],
  ] as const) {
    it(`tries again after ${name}, a few times`, async () => {
      const { registry, requests } = await registryWith([answer, answer, answer, json({ schema: 'x' })]);
      assert.equal((await registry.get('1')).schema, 'x');
      assert.equal(requests.length, 4);
      const { registry: broken, requests: all } = await registryWith([answer]);
      await assert.rejects(broken.get('1'), { name: 'Error', message: /GET http.*\/schemas\/ids\/1 failed 4 times/ });
      assert.equal(all.length, 4);
    });
  }

  it('tries again after a time-out', async () => {
    const { registry, requests } = await registryWith([() => {}, json({ schema: 'x' })], { timeout: 50 });
    assert.equal((await registry.get('1')).schema, 'x');
    assert.equal(requests.length, 2);
  });

  const lasting: readonly (readonly [name: string, answer: Answer, message: RegExp])[] = [
    ['credentials that are refused', json({ error_code: 401, message: 'no' }, 401), /the status 401/],
    ['a redirect', respond(302, { location: 'http://127.0.0.1:1/' }), /the status 302/],
    ['a 404 that is not of the API', respond(404, {}, '<html>'), /the status 404, and no error of the API/],
    ['a 404 for the path', missing(404), /the status 404, and no error of the API/],
    ['what is no JSON', respond(200, {}, '<html>'), /the response is not JSON: <html>/],
    ['what is no schema', json([]), /gave no schema/],
    ['references that are none', json({ schema: 'x', references: [{ name: 'a' }] }), /a reference without/],
    ['a response without end', respond(200, {}, ' '.repeat(4 * 1024 * 1024 + 1)), /more than 4194304 bytes/],
  ];
  for (const [name, answer, message] of lasting) {
    it(`fails at once after ${name}, without the password`, async () => {
      const auth = { username: 'me', password: 'geheim' };
      const { registry, requests } = await registryWith([answer], { auth });
      await assert.rejects(registry.get('1'), (error) => {
        assert.ok(error instanceof Error && error.name === 'Error', String(error));
        assert.match(error.message, message);
        assert.match(error.message, /\/schemas\/ids\/1/);
        assert.doesNotMatch(`${error.stack}${error.cause}`, /geheim|Z2VoZWlt/);
        return true;
      });
      assert.equal(requests.length, 1);
    });
  }

  it('is refused with a URL that is none, or has credentials, and with a token that is none', () => {
    const create = (url: string, token = 'abc') => createConfluentRegistry({ url, auth: { token } });
    for (const url of ['', 'registry:8081', 'ftp://registry', 'file:///etc/passwd']) {
      assert.throws(() => create(url), /begins with https:\/\/ or http:\/\//);
    }
    assert.throws(
      () => create('https://me:geheim@registry.example.com'),
      (error) => {
        assert.ok(error instanceof Error);
        assert.match(error.message, /registry\.example\.com has credentials/);
        assert.doesNotMatch(error.message, /geheim/);
        return true;
      },
    );
    assert.throws(() => create('https://registry.example.com?a=b'), /more behind its path/);
    assert.throws(
      () => create('https://registry.example.com', 'geheim\n'),
      (error) => {
        assert.ok(error instanceof Error);
        assert.doesNotMatch(error.message, /geheim/);
        return true;
      },
    );
  });
});
