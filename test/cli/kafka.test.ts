import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { runCli } from '../support/run-cli.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const least = { brokers: ['127.0.0.1:1'], topics: ['web'], group: 'bronze', storage: { folder: 'lake' } };

function configFile(config: unknown): string {
  const path = join(makeTempFolder(), 'kafka.json');
  writeFileSync(path, typeof config === 'string' ? config : JSON.stringify(config));
  return path;
}

describe('resaca kafka', () => {
  for (const words of [['kafka'], ['kafka', 'run']]) {
    it(`shows its help: ${words.join(' ')}`, async () => {
      const { code, stdout } = await runCli([...words, '--help']);
      assert.equal(code, 0);
      assert.match(stdout, /^Usage: resaca kafka \[options\]/);
      assert.deepEqual(
        stdout.split('\n').filter((line) => line.length > 80),
        [],
      );
    });
  }

  it('is in the list of commands, once', async () => {
    const { stdout } = await runCli(['--help']);
    assert.equal(stdout.match(/^ {2}kafka {2}/gm)?.length, 1);
  });

  it('checks a configuration, from a file or the environment', async () => {
    const right = { code: 0, stdout: 'The configuration is right.\n', stderr: '' };
    assert.deepEqual(await runCli(['kafka', '--config', configFile(least), '--check']), right);
    const env = { RESACA_KAFKA_CONFIG: JSON.stringify(least) };
    assert.deepEqual(await runCli(['kafka', 'run', '--check'], { env }), right);
    // The file is the one that was named.
    const wrong = await runCli(['kafka', '--config', configFile({ ...least, group: '' }), '--check'], { env });
    assert.equal(wrong.code, 2);
  });

  const wrong: readonly (readonly [string, () => readonly string[], RegExp])[] = [
    [
      'no configuration',
      () => [],
      /a configuration is missing: --config FILE, RESACA_KAFKA_CONFIG, or \/etc\/resaca\/kafka\.json/,
    ],
    ['a file that is not there', () => ['--config', '/no/such/file'], /\/no\/such\/file: .*ENOENT/],
    ['a file that is no JSON', () => ['--config', configFile('{')], /kafka\.json: .*JSON/],
    ['mistakes', () => ['--config', configFile({ topic: 'web' })], /- topic: is not a setting.*\n.*- .*storage/s],
    ['a level of logs', () => ['--config', 'x', '--log-level', 'loud'], /--log-level expects debug or .*, got "loud"/],
    ['an argument', () => ['walk'], /unexpected argument "walk"/],
  ];
  for (const [name, args, message] of wrong) {
    it(`refuses: ${name}`, async () => {
      const { code, stdout, stderr } = await runCli(['kafka', ...args()]);
      assert.equal(code, 2);
      assert.equal(stdout, '');
      assert.match(stderr, message);
      assert.match(stderr, /\nSee: resaca kafka --help\n$/);
    });
  }

  it('ends with one line when no broker answers', async () => {
    const config = configFile({ ...least, http: { port: 0 } });
    const { code, stderr } = await runCli(['kafka', '--config', config]);
    assert.equal(code, 1);
    assert.match(stderr, /^resaca: Kafka at 127\.0\.0\.1:1 cannot be used: .*ECONNREFUSED.*\n$/);
  });

  it('ends with one line when a secret is missing', async () => {
    const sasl = { mechanism: 'PLAIN', username: { env: 'NO_SUCH_USER' }, password: { file: '/no/such/password' } };
    const { code, stderr } = await runCli(['kafka', '--config', configFile({ ...least, sasl })]);
    assert.equal(code, 1);
    assert.match(stderr, /- sasl\.username: the variable NO_SUCH_USER is not set\n- sasl\.password: .*ENOENT/);
  });

  it('ends with one line when its port is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((done) => server.once('listening', done));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const { code, stderr } = await runCli([
      'kafka',
      '--config',
      configFile({ ...least, http: { host: '127.0.0.1', port } }),
    ]);
    server.close();
    assert.equal(code, 1);
    assert.match(stderr, /EADDRINUSE/);
  });
});

describe('resaca start --kafka', () => {
  it('cannot be used with a folder', async () => {
    const { code, stderr } = await runCli(['start', '--kafka', '--landing', 'x']);
    assert.equal(code, 2);
    assert.match(stderr, /--landing and --kafka cannot be used together/);
  });

  it('says in one line what it needs', async () => {
    const { code, stdout, stderr } = await runCli(['start', '--kafka'], {
      cwd: makeTempFolder(),
      env: { PATH: '/no/such/folder' },
    });
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /\nresaca: Java is needed to run Apache Kafka here, and is not installed\n/);
  });
});
