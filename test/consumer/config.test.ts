import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isWanted, parseConsumerConfig } from '../../src/consumer/config.ts';

const least = { brokers: ['kafka:9092'], topics: ['web'], group: 'bronze', storage: { bucket: 'lake' } };

describe("the consumer's configuration", () => {
  it('has defaults', () => {
    const { tables, ...config } = parseConsumerConfig(least);
    assert.deepEqual(config, {
      ...least,
      tls: undefined,
      sasl: undefined,
      awsIam: undefined,
      flush: { latency: 60_000, records: 250_000, bytes: 67_108_864 },
      http: { host: '0.0.0.0', port: 8080 },
      from: 'earliest',
      sessionTimeout: 30_000,
    });
    assert.equal(tables.bucket, 'lake');
    assert.deepEqual(
      tables.topics.map(({ topic, table }) => ({ topic, table })),
      [{ topic: '*', table: 'bronze/{topic}' }],
    );
  });

  it('takes all that there is', () => {
    const config = parseConsumerConfig({
      ...least,
      brokers: ['b-1.example.com:9096', '[::1]:9092'],
      tls: { ca: 'ca.pem', cert: { file: 'cert.pem' }, key: { env: 'KEY' } },
      sasl: { mechanism: 'SCRAM-SHA-256', username: { env: 'USER' }, password: { file: '/run/secrets/kafka' } },
      storage: { folder: '/data' },
      tables: { application: 'mine', topics: [{ topic: 'web', value: 'string' }] },
      flush: { latency: 5_000 },
      http: { host: '127.0.0.1', port: 0 },
      from: 'latest',
    });
    assert.deepEqual(config.tls, { ca: { file: 'ca.pem' }, cert: { file: 'cert.pem' }, key: { env: 'KEY' } });
    assert.deepEqual(config.sasl, {
      mechanism: 'SCRAM-SHA-256',
      username: { env: 'USER' },
      password: { file: '/run/secrets/kafka' },
    });
    assert.deepEqual(config.storage, { folder: '/data' });
    assert.equal(config.tables.application, 'mine');
    assert.equal(config.tables.topics[0]?.value, 'string');
    assert.equal(config.flush.latency, 5_000);
  });

  it('uses TLS with IAM, and where it is true', () => {
    assert.deepEqual(parseConsumerConfig({ ...least, awsIam: { region: 'eu-west-1' } }).tls, {});
    assert.deepEqual(parseConsumerConfig({ ...least, tls: true }).tls, {});
    assert.equal(parseConsumerConfig({ ...least, tls: false }).tls, undefined);
  });

  const user = { env: 'KAFKA_USER' };
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ brokers: undefined }, /brokers: is required/],
    [{ brokers: [] }, /brokers: is empty/],
    [{ brokers: ['kafka'] }, /brokers: expected host:port, got "kafka"/],
    [{ brokers: 'kafka:9092' }, /brokers: expected a list of texts/],
    [{ topics: ['a b'] }, /topics: expected a topic, or a pattern with "\*", got "a b"/],
    [{ group: undefined }, /group: is required/],
    [{ group: 'a b' }, /group: expected 1-200 letters/],
    [{ groups: 'x' }, /groups: is not a setting/],
    [{ tls: 'yes' }, /tls: expected an object/],
    [{ tls: { cert: 'a' } }, /tls.cert: needs key/],
    [{ tls: { pem: 'a' } }, /tls.pem: is not a setting/],
    [{ tls: { ca: { url: 'a' } } }, /tls.ca: expected/],
    [{ tables: { commits: 'deferred' } }, /tables.commits: expected "direct"/],
    [{ sasl: {} }, /sasl.mechanism: is required/],
    [{ sasl: { mechanism: 'GSSAPI' } }, /sasl.mechanism: expected PLAIN or .*, got "GSSAPI"/],
    [{ sasl: { mechanism: 'PLAIN', username: user } }, /sasl.password: is required/],
    [{ sasl: { mechanism: 'PLAIN', username: user, password: { env: '' } } }, /sasl.password: expected \{ "env"/],
    [{ sasl: { mechanism: 'PLAIN', username: user, password: { env: 'A', file: 'B' } } }, /sasl.password: expected/],
    [{ sasl: { mechanism: 'OAUTHBEARER', username: user, token: user } }, /sasl.username: is not a setting/],
    [{ awsIam: {} }, /awsIam.region: is required/],
    [{ awsIam: { region: 'Ireland' } }, /awsIam.region: expected a region/],
    [
      { awsIam: { region: 'eu-west-1' }, sasl: { mechanism: 'PLAIN', username: user, password: user } },
      /sasl: is given, and so is awsIam/,
    ],
    [{ storage: undefined }, /storage: expected either bucket or folder/],
    [{ storage: { bucket: 'lake', folder: '.' } }, /storage: expected either bucket or folder/],
    [{ storage: { bucket: 'A' } }, /storage.bucket: expected the name of a bucket/],
    [{ tables: { bucket: 'lake' } }, /tables.bucket: is not a setting here/],
    [{ tables: { topics: [{ topic: 'web', kye: 'string' }] } }, /tables.topics\[0\].kye: is not a setting/],
    [{ tables: [] }, /tables\./],
    [{ flush: { latency: '60s' } }, /flush.latency: expected a whole number/],
    [{ http: { port: 70_000 } }, /http.port: expected a whole number/],
    [{ from: 'now' }, /from: expected earliest or latest, got "now"/],
    [{ sessionTimeout: 1 }, /sessionTimeout: expected a whole number from 6000/],
  ];
  for (const [change, message] of wrong) {
    it(`refuses ${JSON.stringify(change)}`, () => {
      assert.throws(() => parseConsumerConfig({ ...least, ...change }), { code: 'INVALID_CONFIG', message });
    });
  }

  it('names all mistakes at once', () => {
    assert.throws(
      () => parseConsumerConfig({ tables: { applicaton: '' } }),
      ({ problems }: { problems: string[] }) => {
        assert.deepEqual(
          problems.map((problem) => problem.split(':')[0]),
          ['storage', 'brokers', 'topics', 'tables.applicaton', 'group'],
        );
        return true;
      },
    );
  });

  it('never shows a secret that stands in it', () => {
    const sasl = { mechanism: 'PLAIN', username: user, password: 'hunter2' };
    assert.throws(
      () => parseConsumerConfig({ ...least, sasl }),
      ({ message }: Error) => {
        assert.match(message, /sasl.password: expected .*, not the value itself/);
        assert.doesNotMatch(message, /hunter2/);
        return true;
      },
    );
  });
});

describe('the topics of a consumer', () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['web', 'web', true],
    ['web', 'web2', false],
    ['web*', 'web.requests', true],
    ['w*.eu', 'w.x.eu', true],
    ['w*.eu', 'w.x_eu', false],
    ['*', 'orders', true],
    ['*', '__amazon_msk_canary', false],
    ['__amazon_msk_canary', '__amazon_msk_canary', true],
  ];
  for (const [pattern, topic, expected] of cases) {
    it(`${pattern} ${expected ? 'has' : 'has not'} ${topic}`, () => {
      assert.equal(isWanted({ topics: [pattern] }, topic), expected);
    });
  }
});
