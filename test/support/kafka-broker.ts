import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Admin } from '@platformatic/kafka';
import { isOpen } from '../../src/local/free-port.ts';
import { kafkaJars } from './kafka/client-process.ts';
import {
  type KafkaSecurity,
  type KafkaUser,
  makeCertificate,
  scramArgument,
  securityProperties,
} from './kafka/listener-security.ts';
import { makeTempFolder } from './temp-folder.ts';

export interface KafkaBrokerOptions {
  /** In addition to those of `kafka/server.properties`, over which they win. @default {} */
  readonly properties?: Readonly<Record<string, string>>;
  /** Of `bootstrap`; `plaintext` is there in any case. @default 'plaintext' */
  readonly security?: KafkaSecurity;
}

export interface NewTopic {
  readonly partitions: number;
  /** Such as `retention.ms`. @default {} */
  readonly config?: Readonly<Record<string, string>>;
}

export interface KafkaBroker {
  /** `127.0.0.1:PORT`, with the security that was asked for; stays the same through restarts. */
  readonly bootstrap: string;
  /** `127.0.0.1:PORT` of a listener without any security. */
  readonly plaintext: string;
  /** For SCRAM-SHA-512 and PLAIN; OAUTHBEARER takes any unsecured JWT. */
  readonly user: KafkaUser;
  /** PEM of the broker's certificate, which no authority has signed; undefined without TLS. */
  readonly ca: string | undefined;
  /** Resolves when the topic can be written. Throws when it exists. */
  createTopic(name: string, topic: NewTopic): Promise<void>;
  /** Resolves when the topic is gone; one of the same name can be created then. */
  deleteTopic(name: string): Promise<void>;
  /** Ends it in order: clients are told. */
  stop(): Promise<void>;
  /** Ends it as a crash does. */
  kill(): Promise<void>;
  /** Starts it again with the same ports and data; one that runs is stopped first. */
  restart(): Promise<void>;
}

const FOLDER = join(import.meta.dirname, 'kafka');
/** A heap that holds a broker of a test, little start-up time, and warnings only. */
const JAVA_OPTIONS = [
  '-Xmx384m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
];
/** Time in ms in which the broker must be ready, and topics be made; the start takes 6 s on two free cores. */
const START_TIMEOUT = 120_000;
/** How much of what the broker printed is kept for messages, characters. */
const KEPT_OUTPUT = 4_000;
const PROPERTIES = 'server.properties';
const DATA = 'data';
const USER = { username: 'resaca', password: 'resaca-secret' } as const;

/**
 * Starts Apache Kafka, one broker with KRaft, on free ports, with its data in a temporary folder. The process ends with
 * this one, however this one ends. Throws `UnavailableError` without Java, Maven or Maven Central.
 */
export async function startKafkaBroker(options: KafkaBrokerOptions = {}): Promise<KafkaBroker> {
  const { security = 'plaintext' } = options;
  const isSecured = security !== 'plaintext';
  const jars = await kafkaJars();
  const folder = makeTempFolder();
  const [client, controller, secured] = await freePorts();
  const ports = isSecured ? [client, secured] : [client];
  const ca = security.endsWith('ssl') ? await makeCertificate(folder) : undefined;
  writeProperties(folder, {
    ...options.properties,
    ...securityProperties(security, USER, folder),
    listeners: [
      `PLAINTEXT://127.0.0.1:${client}`,
      `CONTROLLER://127.0.0.1:${controller}`,
      ...(isSecured ? [`SECURED://127.0.0.1:${secured}`] : []),
    ].join(','),
    'listener.security.protocol.map': `PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:${security.toUpperCase()}`,
    'controller.quorum.voters': `1@127.0.0.1:${controller}`,
    'log.dirs': join(folder, DATA),
  });

  const plaintext = `127.0.0.1:${client}`;
  const start = () => startProcess(jars, folder, ports);
  let child = await start();
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.ref();
    child.kill(signal);
    await ended;
  };
  return {
    bootstrap: isSecured ? `127.0.0.1:${secured}` : plaintext,
    plaintext,
    user: USER,
    ca,
    createTopic: (name, topic) => withAdmin(plaintext, (admin) => createTopic(admin, name, topic)),
    deleteTopic: (name) => withAdmin(plaintext, (admin) => deleteTopic(admin, name)),
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    async restart() {
      await end('SIGTERM');
      child = await start();
    },
  };
}

/** Resolves when it takes connections on the ports. */
async function startProcess(
  jars: string,
  folder: string,
  ports: readonly number[],
): Promise<ChildProcessWithoutNullStreams> {
  const program = ['-cp', `${jars}/*`, join(FOLDER, 'Broker.java')];
  const files = [join(folder, PROPERTIES), join(folder, DATA)];
  const args = [...JAVA_OPTIONS, ...program, ...files, scramArgument(USER)];
  const child = spawn('java', args, { cwd: folder, env: { PATH: process.env.PATH, LANG: 'C.UTF-8' } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-KEPT_OUTPUT);
    });
  }
  // A pipe of a child process is a socket; the types do not say so.
  for (const handle of [child, child.stdin, child.stdout, child.stderr] as unknown as Socket[]) handle.unref();
  const deadline = Date.now() + START_TIMEOUT;
  for (const port of ports) {
    while (!(await isOpen(port))) {
      if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
        child.kill('SIGKILL');
        throw new Error(`Kafka did not start on port ${port}:\n${output.trim()}`);
      }
      await sleep(50);
    }
  }
  return child;
}

async function withAdmin<T>(bootstrap: string, use: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Admin({
    clientId: 'resaca-test-admin',
    bootstrapBrokers: [bootstrap],
    retries: 20,
    retryDelay: 250,
  });
  try {
    return await use(admin);
  } finally {
    await admin.close();
  }
}

async function createTopic(admin: Admin, name: string, { partitions, config = {} }: NewTopic): Promise<void> {
  const configs = Object.entries(config).map(([key, value]) => ({ name: key, value }));
  await admin.createTopics({ topics: [name], partitions, replicas: 1, configs });
  // Those who send to a partition that has no leader yet send all again, also what others took.
  const wanted = Array.from({ length: partitions }, (_, partitionIndex) => ({ partitionIndex, timestamp: -1n }));
  await until(() => isAnswered(admin.listOffsets({ topics: [{ name, partitions: wanted }] })));
}

async function deleteTopic(admin: Admin, name: string): Promise<void> {
  await admin.deleteTopics({ topics: [name] });
  await until(async () => !(await admin.listTopics()).includes(name));
}

const isAnswered = (request: Promise<unknown>): Promise<boolean> =>
  request.then(
    () => true,
    () => false,
  );

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`Kafka has not done in ${START_TIMEOUT} ms what it was asked for`);
    await sleep(50);
  }
}

function writeProperties(folder: string, properties: Readonly<Record<string, string>>): void {
  const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(join(folder, PROPERTIES), readFileSync(join(FOLDER, PROPERTIES), 'utf8') + lines.join(''));
}

/** Three ports that were free a moment ago. */
async function freePorts(): Promise<[number, number, number]> {
  const servers = [createServer(), createServer(), createServer()] as const;
  for (const server of servers) await once(server.listen(0, '127.0.0.1'), 'listening');
  const ports = servers.map(portOf) as [number, number, number];
  for (const server of servers) {
    server.close();
    await once(server, 'close');
  }
  return ports;
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the probe for a free port has no address');
  return address.port;
}
