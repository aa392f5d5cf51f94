import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort, isOpen } from './free-port.ts';

export interface LocalKafka {
  /** `127.0.0.1:PORT`. */
  readonly bootstrap: string;
  stop(): Promise<void>;
}

/** What a broker needs is not on this machine. The message is one line. */
export class LocalKafkaError extends Error {
  override readonly name = 'LocalKafkaError';
  readonly code = 'LOCAL_KAFKA_UNAVAILABLE';
}

const VERSION = '4.1.0';
const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>resaca</groupId><artifactId>local-kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${VERSION}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
`;
/** Writes the paths of all jars, which stay where Maven keeps them, to a file. */
const CLASSPATH_GOAL = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath';
const JAVA_OPTIONS = [
  '-Xmx384m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
];
/** In which the broker must take connections; it takes some seconds. ms. */
const START_LIMIT = 120_000;

const run = promisify(execFile);

/**
 * Starts Apache Kafka on this machine, one broker without any security on free ports, with its data in a folder where
 * the next start finds them. Java must be installed, and Maven, which gets Kafka at the first start. The broker ends
 * with this process, however that ends. Throws LocalKafkaError.
 */
export async function startLocalKafka(folder: string): Promise<LocalKafka> {
  await mkdir(folder, { recursive: true });
  const classPath = await kafkaClassPath(folder);
  const [port, controller] = [await freePort(), await freePort()];
  const properties = join(folder, 'server.properties');
  const data = join(folder, 'data');
  await writeFile(properties, serverProperties({ port, controller, data }));
  const java = [...JAVA_OPTIONS, '-cp', classPath];
  if (!existsSync(join(data, 'meta.properties'))) {
    const format = ['format', '--config', properties, '--cluster-id', randomBytes(16).toString('base64url')];
    await tool('java', [...java, 'kafka.tools.StorageTool', ...format]);
  }
  const child = spawn('sh', ['-c', BOUND, 'sh', ...java, 'kafka.Kafka', properties], {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  await untilReady(child, port);
  return {
    bootstrap: `127.0.0.1:${port}`,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.stdin?.end();
      await once(child, 'exit');
    },
  };
}

/** Runs Java for as long as the input is open, which this process holds until its end, even if it is killed. */
const BOUND =
  'exec 3<&0; java "$@" < /dev/null 3<&- & java=$!; (cat <&3 > /dev/null; kill $java 2> /dev/null) & wait $java';

async function kafkaClassPath(folder: string): Promise<string> {
  const file = join(folder, `classpath-${VERSION}`);
  await tool('java', ['-version']);
  const known = existsSync(file) ? (await readFile(file, 'utf8')).trim() : '';
  // Maven's folder may have been emptied since.
  if (known === '' || !known.split(delimiter).every((jar) => existsSync(jar))) {
    const pom = join(folder, 'pom.xml');
    await writeFile(pom, POM);
    await tool('mvn', ['-q', '-B', '-f', pom, CLASSPATH_GOAL, '-DincludeScope=runtime', `-Dmdep.outputFile=${file}`]);
  }
  return (await readFile(file, 'utf8')).trim();
}

/** Throws LocalKafkaError when the program is missing or fails. */
async function tool(program: string, args: readonly string[]): Promise<void> {
  try {
    await run(program, [...args]);
  } catch (cause) {
    const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    const name = program === 'mvn' ? 'Maven' : 'Java';
    if (isMissing)
      throw new LocalKafkaError(`${name} is needed to run Apache Kafka here, and is not installed`, { cause });
    const output = cause instanceof Error && 'stdout' in cause ? String(cause.stdout) : String(cause);
    const line = output.split('\n').find((text) => text.trim() !== '') ?? 'no message';
    throw new LocalKafkaError(`${name} could not prepare Apache Kafka: ${line.trim()}`, { cause });
  }
}

function serverProperties(options: {
  readonly port: number;
  readonly controller: number;
  readonly data: string;
}): string {
  const { port, controller, data } = options;
  return [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${controller}`,
    `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
    'controller.listener.names=CONTROLLER',
    `log.dirs=${data}`,
    'auto.create.topics.enable=false',
    ...['offsets.topic', 'transaction.state.log', 'share.coordinator.state.topic'].map(
      (topic) => `${topic}.replication.factor=1`,
    ),
    'transaction.state.log.min.isr=1',
    'share.coordinator.state.topic.min.isr=1',
    'offsets.topic.num.partitions=1',
    'group.initial.rebalance.delay.ms=0',
    '',
  ].join('\n');
}

async function untilReady(child: ChildProcess, port: number): Promise<void> {
  let output = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-1_000);
  });
  const deadline = Date.now() + START_LIMIT;
  while (!(await isOpen(port))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.stdin?.end();
      throw new LocalKafkaError(`Apache Kafka did not start: ${output.trim().split('\n').at(-1) ?? ''}`);
    }
    await sleep(100);
  }
}
