import { join } from 'node:path';
import { type LineProcess, startLineProcess } from '../interop/line-process.ts';
import { mavenJars } from '../interop/maven-jars.ts';

/** The jars of Apache Kafka: the broker and the Java clients. For what it throws, see `mavenJars`. */
export const kafkaJars = (): Promise<string> => mavenJars(join(import.meta.dirname, 'pom.xml'));

/** Kafka's own Java clients, in a process; see `Client.java` for what it can be asked. */
export async function startClientProcess(): Promise<LineProcess> {
  const jars = await kafkaJars();
  return startLineProcess({
    name: 'the Kafka client',
    command: 'java',
    arguments: [
      '-Xmx512m',
      '-XX:+UseSerialGC',
      '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
      ...['-cp', `${jars}/*`, join(import.meta.dirname, 'Client.java')],
    ],
  });
}
