import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, describe, it } from 'node:test';
import { Admin } from '@platformatic/kafka';
import { parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { activeFiles, loadSnapshot } from '../../src/delta/snapshot.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import { startKafkaBroker } from '../support/kafka-broker.ts';
import { type CommittedRecords, startKafkaProducer } from '../support/kafka-producer.ts';
import { type RunningCli, runCli, startCli } from '../support/run-cli.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, resource } from '../support/unavailable.ts';
import { waitFor } from '../support/wait-for.ts';

const found = await resource(async () => {
  const broker = await startKafkaBroker({ security: 'sasl_ssl' });
  return { broker, producer: await startKafkaProducer(broker.plaintext) };
});

/** `resaca kafka` as a user starts it, at a real broker, with Kafka's own producer on the other side. */
describe('the Kafka consumer', { skip: found.skip ?? false }, () => {
  const { broker, producer } = available(found);
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: [broker.plaintext], retries: 20, retryDelay: 250 });
  const running = new Set<RunningCli>();
  afterEach(async () => {
    for (const { child } of running) child.kill('SIGKILL');
    await Promise.all([...running].map(({ result }) => result));
    running.clear();
  });
  after(async () => {
    await admin.close();
    await broker.stop();
  });

  function start(folder: string, config: object, env: Record<string, string> = {}): RunningCli {
    mkdirSync(folder, { recursive: true });
    const json = JSON.stringify({
      brokers: [broker.plaintext],
      storage: { folder },
      flush: { latency: 200 },
      http: { host: '127.0.0.1', port: 0 },
      sessionTimeout: 6_000,
      ...config,
    });
    const cli = startCli(['kafka', '--log-level', 'debug'], { env: { RESACA_KAFKA_CONFIG: json, ...env } });
    running.add(cli);
    return cli;
  }

  /** Waits until the log has an entry. */
  const logged = (cli: RunningCli, message: string) =>
    waitFor(() => {
      if (cli.child.exitCode !== null) throw new Error(`ended: ${cli.stdout()}${cli.stderr()}`);
      return entries(cli).some((entry) => entry.message === message);
    }, `${message} in the log`);

  const rowsAre = (folder: string, topic: string, count: number) =>
    waitFor(async () => (await countRows(folder, topic)) >= count, `${count} rows of ${topic}`);

  it('writes each record once, through a rebalance, kills, and restarts of the broker', async () => {
    const folder = makeTempFolder();
    const partitions = 4;
    await broker.createTopic('traffic', { partitions });
    const config = { topics: ['traffic'], group: 'traffic', flush: { latency: 100, records: 1_500 } };
    const sent: (readonly CommittedRecords[])[] = [];
    const send = async (seed: number, records: number) => {
      const { committed, aborted } = await producer.traffic({ topic: 'traffic', partitions, records, seed });
      sent.push(committed);
      assert.equal(aborted > 0, records > 25_000);
    };

    const first = start(folder, config);
    // So many that there are transactions, too.
    await Promise.all([send(1, 30_000), rowsAre(folder, 'traffic', 1)]);
    const second = start(folder, config);
    await logged(second, 'partitions assigned');
    const traffic = send(2, 15_000);
    await logged(second, 'committed');
    first.child.kill('SIGKILL');
    await traffic;

    const more = send(3, 10_000);
    await broker.kill();
    await broker.restart();
    await more;
    const third = start(folder, config);
    await logged(third, 'partitions assigned');
    await send(4, 10_000);
    second.child.kill('SIGTERM');
    assert.equal((await second.result).code, 0);

    const expected = Array.from({ length: partitions }, (_, partition) =>
      total(sent.flatMap((all) => all[partition] ?? [])),
    );
    await rowsAre(folder, 'traffic', 65_000);
    third.child.kill('SIGTERM');
    const { code, stdout } = await third.result;
    assert.equal(code, 0);
    assert.deepEqual(await tally(folder, 'traffic', partitions), expected);
    assert.doesNotMatch(stdout, /RECORDS_LOST|TOPIC_MADE_ANEW/);
  });

  const password = broker.user.password;
  const token = unsecuredToken(broker.user.username);
  const mechanisms = [
    { mechanism: 'SCRAM-SHA-512', username: { env: 'KAFKA_USER' }, password: { env: 'KAFKA_PASSWORD' } },
    { mechanism: 'PLAIN', username: { env: 'KAFKA_USER' }, password: { file: 'password' } },
    { mechanism: 'OAUTHBEARER', token: { file: 'token' } },
  ];
  for (const { mechanism, ...secrets } of mechanisms) {
    it(`logs in by ${mechanism} over TLS`, async () => {
      const folder = makeTempFolder();
      const topic = `login-${mechanism}`;
      // What is so old would be deleted.
      await broker.createTopic(topic, { partitions: 1, config: { 'retention.ms': '-1' } });
      await producer.send([
        {
          topic,
          value: 'a',
          headers: [
            ['h', 'x'],
            ['h', null],
          ],
          timestamp: 1_700_000_000_000,
        },
      ]);
      const sasl: Record<string, unknown> = { mechanism };
      for (const [name, secret] of Object.entries(secrets)) {
        sasl[name] = 'file' in secret ? { file: join(folder, secret.file) } : secret;
      }
      writeFileSync(join(folder, 'ca.pem'), broker.ca ?? '');
      writeFileSync(join(folder, 'password'), `${password}\n`);
      writeFileSync(join(folder, 'token'), token);
      const config = {
        brokers: [broker.bootstrap],
        topics: [topic],
        group: topic,
        tls: { ca: join(folder, 'ca.pem') },
        sasl,
      };
      start(folder, config, { KAFKA_USER: broker.user.username, KAFKA_PASSWORD: password });
      await rowsAre(folder, topic, 1);
      const [row] = await readRows(folder, topic);
      assert.deepEqual(
        [row?.offset, row?.timestamp_type, text(row?.value), row?.timestamp],
        [0n, 'CREATE_TIME', 'a', new Date(1_700_000_000_000)],
      );
    });
  }

  it('ends with one line when the password is wrong, or the certificate is not to be trusted', async () => {
    const sasl = { mechanism: 'PLAIN', username: { env: 'KAFKA_USER' }, password: { env: 'KAFKA_PASSWORD' } };
    const config = { brokers: [broker.bootstrap], topics: ['x'], group: 'wrong', sasl };
    const folder = makeTempFolder();
    writeFileSync(join(folder, 'ca.pem'), broker.ca ?? '');
    const wrong = start(
      folder,
      { ...config, tls: { ca: join(folder, 'ca.pem') } },
      { KAFKA_USER: 'resaca', KAFKA_PASSWORD: 'x' },
    );
    const untrusted = start(folder, { ...config, tls: true }, { KAFKA_USER: 'resaca', KAFKA_PASSWORD: password });
    const results = await Promise.all([wrong.result, untrusted.result]);
    assert.deepEqual(
      results.map(({ code }) => code),
      [1, 1],
    );
    assert.match(results[0]?.stderr ?? '', /^resaca: Kafka at 127\.0\.0\.1:\d+ cannot be used: .*authentication/i);
    assert.match(results[1]?.stderr ?? '', /self-signed certificate/);
  });

  it('writes what it has read when it is told to stop, and frees its partitions at once', async () => {
    const folder = makeTempFolder();
    await broker.createTopic('stop', { partitions: 2 });
    const config = { topics: ['stop'], group: 'stop', flush: { latency: 600_000 } };
    const cli = start(folder, config);
    await logged(cli, 'started');
    const port = entries(cli).find(({ message }) => message === 'started')?.port;
    await producer.send([
      { topic: 'stop', value: 'a' },
      { topic: 'stop', value: 'b' },
    ]);
    const metrics = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    await waitFor(async () => (await metrics()).includes('resaca_buffered_records 2'), 'two records in memory');
    assert.equal((await fetch(`http://127.0.0.1:${port}/health`)).status, 200);
    assert.equal(await countRows(folder, 'stop'), 0);
    cli.child.kill('SIGINT');
    assert.equal((await cli.result).code, 0);
    assert.equal(await countRows(folder, 'stop'), 2);
    const [group] = (await admin.describeGroups({ groups: ['stop'] })).values();
    assert.match(group?.state ?? '', /^empty$/i);
    const lag = await admin.listConsumerGroupOffsets({ groups: ['stop'] });
    const offsets = lag.flatMap(({ topics }) => topics.flatMap((topic) => topic.partitions));
    assert.equal(
      offsets.reduce((sum, { committedOffset }) => sum + Number(committedOffset), 0),
      2,
    );
  });

  it('keeps what cannot be written, tries again until it can, and writes other tables meanwhile', async () => {
    const folder = makeTempFolder();
    await broker.createTopic('held-1', { partitions: 1 });
    await broker.createTopic('held-2', { partitions: 1 });
    const tables = { topics: [{ topic: 'held-1', table: 'closed/{topic}' }, { topic: 'held-2' }] };
    const cli = start(folder, { topics: ['held-*'], group: 'held', tables });
    // Nothing can be written below a file.
    writeFileSync(join(folder, 'closed'), '');
    const send = (value: string) => producer.send(['held-1', 'held-2'].map((topic) => ({ topic, value })));
    await send('a');
    await logged(cli, 'table failed, its records will be delivered again');
    await rowsAre(folder, 'held-2', 1);
    await send('b');
    await rowsAre(folder, 'held-2', 2);
    rmSync(join(folder, 'closed'));
    await waitFor(async () => (await countRows(folder, 'held-1', 'closed')) === 2, 'what was held');
    const values = (await readRows(folder, 'held-1', 'closed')).map(({ value }) => text(value));
    assert.deepEqual(values.sort(), ['a', 'b']);
  });

  it('finds topics and partitions that come while it runs', async () => {
    const folder = makeTempFolder();
    await logged(start(folder, { topics: ['new-*'], group: 'new' }), 'started');
    await broker.createTopic('new-1', { partitions: 1 });
    await producer.send([{ topic: 'new-1', value: 'a' }]);
    await rowsAre(folder, 'new-1', 1);
    await broker.createTopic('new-2', { partitions: 1 });
    await admin.createPartitions({ topics: [{ name: 'new-1', count: 2 }] });
    await producer.send([{ topic: 'new-2', value: 'b' }]);
    await rowsAre(folder, 'new-2', 1);
    await waitFor(
      () => producer.send([{ topic: 'new-1', partition: 1, value: 'c' }]).then(() => true),
      'the partition',
    );
    await rowsAre(folder, 'new-1', 2);
  });

  it('says so when records were deleted before they were read, and goes on', async () => {
    const folder = makeTempFolder();
    await broker.createTopic('lost', { partitions: 1 });
    await producer.send(Array.from({ length: 10 }, (_, index) => ({ topic: 'lost', value: `${index}` })));
    const config = { topics: ['lost'], group: 'lost' };
    const before = start(folder, config);
    await rowsAre(folder, 'lost', 10);
    before.child.kill('SIGKILL');
    await producer.send(Array.from({ length: 10 }, (_, index) => ({ topic: 'lost', value: `${10 + index}` })));
    await admin.deleteRecords({ topics: [{ name: 'lost', partitions: [{ partition: 0, offset: 15n }] }] });
    // Another group: the place comes from the table, and the killed member has to be missed first in its own.
    const cli = start(folder, { ...config, group: 'lost-2' });
    await rowsAre(folder, 'lost', 15);
    const { level, lost, start: offset } = entries(cli).find(({ message }) => message === 'RECORDS_LOST') ?? {};
    assert.deepEqual({ level, lost, offset }, { level: 'error', lost: 5, offset: 15 });
  });

  it('reads a topic from the start that was made anew, while it runs and between two runs', async () => {
    const folder = makeTempFolder();
    const config = { topics: ['anew'], group: 'anew' };
    await broker.createTopic('anew', { partitions: 1 });
    await producer.send(Array.from({ length: 3 }, (_, index) => ({ topic: 'anew', value: `${index}` })));
    const cli = start(folder, config);
    await rowsAre(folder, 'anew', 3);
    await broker.deleteTopic('anew');
    await broker.createTopic('anew', { partitions: 1 });
    // Offsets 0 to 2 are the table's; two minutes are more than the clocks may differ.
    const timestamp = Date.now() + 120_000;
    await producer.send(Array.from({ length: 4 }, (_, index) => ({ topic: 'anew', value: `new ${index}`, timestamp })));
    await rowsAre(folder, 'anew', 4);
    await logged(cli, 'TOPIC_MADE_ANEW');
    await rowsAre(folder, 'anew__dead_letters', 3);
    cli.child.kill('SIGKILL');
    await broker.deleteTopic('anew');
    await broker.createTopic('anew', { partitions: 1 });
    await producer.send([{ topic: 'anew', value: 'newest', timestamp: Date.now() + 240_000 }]);
    await logged(start(folder, { ...config, group: 'anew-2' }), 'TOPIC_MADE_ANEW');
    await rowsAre(folder, 'anew__dead_letters', 4);
  });

  it('begins at the latest record where it is told to, and does not lose its place before the first commit', async () => {
    const folder = makeTempFolder();
    await broker.createTopic('latest', { partitions: 1 });
    await producer.send([{ topic: 'latest', value: 'old' }]);
    const config = { topics: ['latest'], group: 'latest', from: 'latest', flush: { latency: 600_000 } };
    const cli = start(folder, config);
    await logged(cli, 'partition begins');
    await producer.send([{ topic: 'latest', value: 'new' }]);
    cli.child.kill('SIGKILL');
    start(folder, { ...config, flush: { latency: 200 } });
    await rowsAre(folder, 'latest', 1);
    assert.deepEqual(
      (await readRows(folder, 'latest')).map(({ value }) => text(value)),
      ['new'],
    );
  });
});

describe('resaca start --kafka', { skip: found.skip ?? false }, () => {
  it('shows the way from a topic to a table, with a broker of its own that ends with it', async () => {
    const cwd = makeTempFolder();
    const { code, stdout, stderr } = await runCli(['start', '--kafka'], { cwd });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^bronze\/web_requests\n {2}version \d+: \d+ files, 500 rows/m);
    assert.match(stdout, /All 502 records arrived as expected/);
    const properties = readFileSync(join(cwd, 'landing/.kafka/broker/server.properties'), 'utf8');
    const port = /PLAINTEXT:\/\/127\.0\.0\.1:(\d+)/.exec(properties)?.[1];
    await assert.rejects(fetch(`http://127.0.0.1:${port}`), ({ cause }: Error) => {
      assert.match(String(cause), /ECONNREFUSED/);
      return true;
    });
  });
});

type Row = Readonly<Record<string, unknown>>;

function entries(cli: RunningCli): Row[] {
  // The last line may not be complete yet.
  return cli
    .stdout()
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

async function filesOf(
  folder: string,
  topic: string,
  parent: string,
): Promise<readonly { path: string; rows: number }[]> {
  const reader = createCheckpointReader();
  const root = `${parent}/${topic}`;
  const files: { path: string; rows: number }[] = [];
  try {
    const snapshot = await loadSnapshot({ store: createFolderStore(folder), root, url: root }, reader);
    for await (const batch of activeFiles(snapshot, reader, { stats: true })) {
      for (const { path, stats } of batch) {
        files.push({ path: `${root}/${decodeURIComponent(path)}`, rows: JSON.parse(stats ?? '{}').numRecords });
      }
    }
  } catch {
    // There is no table yet.
  }
  return files;
}

async function countRows(folder: string, topic: string, parent = 'bronze'): Promise<number> {
  return (await filesOf(folder, topic, parent)).reduce((sum, { rows }) => sum + rows, 0);
}

async function readRows(folder: string, topic: string, parent = 'bronze'): Promise<Row[]> {
  const store = createFolderStore(folder);
  const rows: Row[] = [];
  for (const { path } of await filesOf(folder, topic, parent)) {
    const { body } = await store.get(path);
    for (const row of await parquetReadObjects({ file: Uint8Array.from(body).buffer, compressors, utf8: false }))
      rows.push(row);
  }
  return rows;
}

/** What is in the table, as the producer counts what was committed. */
async function tally(folder: string, topic: string, partitions: number): Promise<CommittedRecords[]> {
  const rows = await readRows(folder, topic);
  return Array.from({ length: partitions }, (_, partition) => {
    const own = rows.filter((row) => row.partition === partition);
    return total(
      own.map(({ offset, key, value, headers }) => {
        const at = Number(offset);
        const number = Number(text(value).slice(0, 12));
        const count = (data: unknown) => (data === null || data === undefined ? 0 : 1);
        return {
          records: 1,
          first: at,
          last: at,
          offsets: at,
          keys: count(key),
          values: count(value),
          headers: Array.isArray(headers) ? headers.length : 0,
          checksum: count(value) * at * (number % 1_009),
        };
      }),
    );
  });
}

function total(parts: readonly CommittedRecords[]): CommittedRecords {
  const sum = (name: keyof CommittedRecords) => parts.reduce((all, part) => all + part[name], 0);
  return {
    records: sum('records'),
    first: parts.reduce((least, { first }) => Math.min(least, first), Number.POSITIVE_INFINITY),
    last: parts.reduce((most, { last }) => Math.max(most, last), -1),
    offsets: sum('offsets'),
    keys: sum('keys'),
    values: sum('values'),
    headers: sum('headers'),
    checksum: sum('checksum'),
  };
}

function text(value: unknown): string {
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : '';
}

/** A JWT without a signature, as the broker of the tests takes it. */
function unsecuredToken(sub: string): string {
  const now = Math.round(Date.now() / 1000);
  const parts = [{ alg: 'none' }, { sub, iat: now - 60, exp: now + 3_600 }];
  return `${parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.`;
}
