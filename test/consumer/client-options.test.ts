import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { clientOptions } from '../../src/consumer/client-options.ts';
import { parseConsumerConfig } from '../../src/consumer/config.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const variables: Record<string, string> = { KAFKA_USER: 'me', KAFKA_PASSWORD: 'hunter2' };
const credentials = {
  variable: (name: string) => variables[name],
  mskToken: async (region: string) => `token of ${region}`,
};
const config = (change: object) =>
  parseConsumerConfig({ brokers: ['kafka:9092'], topics: ['*'], group: 'g', storage: { folder: '.' }, ...change });

/** What a client is given when it asks. */
async function given(provider: unknown): Promise<unknown> {
  return typeof provider === 'function' ? provider() : provider;
}

describe('the options of the clients', () => {
  it('hold the certificates, and the name of the server where it has one', async () => {
    const ca = join(makeTempFolder(), 'ca.pem');
    writeFileSync(ca, 'PEM');
    const options = await clientOptions(config({ tls: { ca } }), credentials);
    assert.deepEqual(options.tls, { ca: Buffer.from('PEM') });
    assert.equal(options.tlsServerName, true);
    const byAddress = await clientOptions(config({ brokers: ['10.0.0.1:9093', '[::1]:9093'], tls: true }), credentials);
    assert.deepEqual(byAddress.tls, {});
    assert.equal(byAddress.tlsServerName, false);
    assert.equal((await clientOptions(config({}), credentials)).tls, undefined);
  });

  it('hold certificates of the environment', async () => {
    const tls = { ca: { env: 'KAFKA_USER' } };
    assert.deepEqual((await clientOptions(config({ tls }), credentials)).tls, { ca: Buffer.from('me') });
  });

  it('ask for secrets at each login, without the line end of a file', async () => {
    const file = join(makeTempFolder(), 'password');
    writeFileSync(file, 'first\n');
    const sasl = { mechanism: 'PLAIN', username: { env: 'KAFKA_USER' }, password: { file } };
    const options = await clientOptions(config({ sasl }), credentials);
    assert.equal(options.sasl?.mechanism, 'PLAIN');
    assert.equal(await given(options.sasl?.username), 'me');
    assert.equal(await given(options.sasl?.password), 'first');
    writeFileSync(file, 'second');
    assert.equal(await given(options.sasl?.password), 'second');
  });

  it('take a token for each login', async () => {
    const iam = await clientOptions(config({ awsIam: { region: 'eu-west-1' } }), credentials);
    assert.equal(iam.sasl?.mechanism, 'OAUTHBEARER');
    assert.equal(await given(iam.sasl?.token), 'token of eu-west-1');
    const sasl = { mechanism: 'OAUTHBEARER', token: { env: 'KAFKA_PASSWORD' } };
    assert.equal(await given((await clientOptions(config({ sasl }), credentials)).sasl?.token), 'hunter2');
  });

  it('name all that is missing, before anything is started', async () => {
    const sasl = { mechanism: 'PLAIN', username: { env: 'NO_USER' }, password: { file: '/no/such/file' } };
    await assert.rejects(clientOptions(config({ tls: { ca: '/no/ca' }, sasl }), credentials), {
      code: 'INVALID_CONFIG',
      message: /tls.ca: .*ENOENT.*\n.*sasl.username: the variable NO_USER is not set\n.*sasl.password: ENOENT/,
    });
  });
});
