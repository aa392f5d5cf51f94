import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createGlueRegistry } from '../../../src/aws/glue-registry.ts';
import { type Answer, respond, startScriptedServer } from '../../support/scripted-http.ts';

const UUID = 'b7b4a7f0-9c96-4e4a-a687-fb5de9ef0c63';
const VARIABLES = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_REGION: 'eu-central-1' };

/** An answer as the API's reference has it (AWS Glue, "GetSchemaVersion"), in AWS JSON 1.1. */
const json = (body: object, status = 200): Answer =>
  respond(status, { 'content-type': 'application/x-amz-json-1.1' }, JSON.stringify(body));
const error = (type: string, status = 400) =>
  json({ __type: type, Message: `no: ${type}`, message: `no: ${type}` }, status);
const version = (more: object) => json({ SchemaVersionId: UUID, VersionNumber: 1, Status: 'AVAILABLE', ...more });

async function registryWith(...answers: Answer[]) {
  const server = await startScriptedServer(answers);
  return { registry: createGlueRegistry({ endpoint: server.endpoint }), requests: server.requests };
}

describe('the registry of AWS Glue', () => {
  const saved = Object.fromEntries(Object.keys(VARIABLES).map((name) => [name, process.env[name]]));
  before(() => Object.assign(process.env, VARIABLES));
  after(() => {
    for (const [name, value] of Object.entries(saved)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });

  it('gives a schema by the UUID of its version, and asks once', async () => {
    const { registry, requests } = await registryWith(version({ DataFormat: 'AVRO', SchemaDefinition: '"int"' }));
    assert.deepEqual(await registry.get(UUID), { type: 'AVRO', schema: '"int"', references: [] });
    await registry.get(UUID);
    assert.deepEqual(
      requests.map(({ headers }) => headers['x-amz-target']),
      ['AWSGlue.GetSchemaVersion'],
    );
  });

  it('tells JSON and Protobuf', async () => {
    for (const type of ['JSON', 'PROTOBUF'] as const) {
      const { registry } = await registryWith(version({ DataFormat: type, SchemaDefinition: 'x' }));
      assert.equal((await registry.get(UUID)).type, type);
    }
  });

  for (const [name, answer] of [
    ['one that does not exist', error('EntityNotFoundException')],
    ['an id that is none', error('InvalidInputException')],
    ['one whose registration failed', version({ DataFormat: 'AVRO', SchemaDefinition: 'x', Status: 'FAILURE' })],
    ['one that is being deleted', version({ DataFormat: 'AVRO', SchemaDefinition: 'x', Status: 'DELETING' })],
    ['one of another format', version({ DataFormat: 'XML', SchemaDefinition: 'x' })],
    ['one without text', version({ DataFormat: 'AVRO' })],
  ] as const) {
    it(`has no schema for ${name}, and does not ask again at once`, async () => {
      const { registry, requests } = await registryWith(answer);
      await assert.rejects(registry.get(UUID), {
        name: 'PayloadError',
        code: 'UNKNOWN_SCHEMA',
        message: new RegExp(UUID),
      });
      await assert.rejects(registry.get(UUID), { code: 'UNKNOWN_SCHEMA' });
      assert.equal(requests.length, 1);
    });
  }

  it('cannot be asked without the permission', async () => {
    const { registry } = await registryWith(error('AccessDeniedException'));
    await assert.rejects(registry.get(UUID), {
      name: 'Error',
      message: /could not be asked for the schema b7b4.*AccessDenied/,
    });
  });

  it('is asked again after an error that may pass', async () => {
    const { registry, requests } = await registryWith(
      error('InternalServiceException', 500),
      version({ DataFormat: 'AVRO', SchemaDefinition: 'x' }),
    );
    assert.equal((await registry.get(UUID)).schema, 'x');
    assert.equal(requests.length, 2);
  });
});
