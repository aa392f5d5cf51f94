import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeCertificate } from '../../kafka/listener-security.ts';
import { pythonEnv } from '../../python-env.ts';
import type { S3Server } from '../../s3-server.ts';
import { makeTempFolder } from '../../temp-folder.ts';
import { UnavailableError } from '../../unavailable.ts';
import { SPARK_PACKAGES } from '../engines.ts';
import { type LineProcess, startLineProcess } from '../line-process.ts';
import { mavenJars } from '../maven-jars.ts';
import { type DynamoProxy, startDynamoProxy } from './dynamo-proxy.ts';

/** One commit: rows with ids from `first` on. It may be asked for again after a crash. */
export interface AppendRequest {
  /** Counts the commits of the writer. */
  readonly number: number;
  readonly first: number;
  readonly rows: number;
}

/** The call at which a process of ours dies; see `CommitCall.method`. */
export interface DeathRequest {
  readonly method: string;
  readonly when: 'before' | 'after';
}

/** Where the writers write. */
export interface CommitPlace {
  readonly server: S3Server;
  readonly bucket: string;
  readonly root: string;
  /** Of DynamoDB. */
  readonly commitTable: string;
}

/** A writer in a process of its own, which can be killed and started anew. */
export interface CommitWriter {
  readonly name: string;
  start(): LineProcess;
}

/** The last delta-rs that commits through DynamoDB, with what it needs, pinned. */
const DELTA_RS_PACKAGES = [
  'deltalake==1.6.0',
  'arro3-core==0.9.1',
  'deprecated==1.3.1',
  'wrapt==2.5.2',
  'typing_extensions==4.16.0',
  'pyarrow==26.0.1',
];

const FOLDER = import.meta.dirname;
/** A log store that is there already, where Maven has none. */
const LOG_STORE_VARIABLE = 'RESACA_TEST_S3_DYNAMODB_LOG_STORE';

export function ourWriter(name: string, { server, bucket, root, commitTable }: CommitPlace): CommitWriter {
  return {
    name,
    start: () =>
      startLineProcess({
        name,
        command: process.execPath,
        arguments: [join(FOLDER, 'our-writer.ts'), bucket, root, commitTable, name],
        env: server.env,
      }),
  };
}

/** With the proxy between it and DynamoDB. Throws `UnavailableError`. */
export async function deltaRsWriter(
  name: string,
  { server, commitTable }: CommitPlace,
): Promise<CommitWriter & { readonly proxy: DynamoProxy }> {
  const python = await pythonEnv('delta-rs-1.6.0', DELTA_RS_PACKAGES);
  const proxy = await startDynamoProxy(server);
  return {
    name,
    proxy,
    start: () =>
      startLineProcess({
        name,
        command: join(python, 'bin/python'),
        arguments: [join(FOLDER, 'deltars_writer.py')],
        env: {
          ...server.env,
          PYTHONPATH: join(FOLDER, '..'),
          AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint,
          AWS_ALLOW_HTTP: 'true',
          AWS_S3_LOCKING_PROVIDER: 'dynamodb',
          DELTA_DYNAMO_TABLE_NAME: commitTable,
        },
      }),
  };
}

/**
 * Spark with its S3DynamoDBLogStore, and the proxy between it and DynamoDB. Version 1 of the AWS SDK takes no endpoint from
 * the log store's settings, but a file of regions, and speaks TLS only. Throws `UnavailableError`.
 */
export async function sparkWriter(
  name: string,
  { server, commitTable }: CommitPlace,
): Promise<CommitWriter & { readonly proxy: DynamoProxy }> {
  const [python, delta, sdk, logStore] = await Promise.all([
    pythonEnv('spark', SPARK_PACKAGES),
    mavenJars(join(FOLDER, '../pom.xml')),
    mavenJars(join(FOLDER, 'pom.xml')),
    findLogStore(),
  ]);
  const folder = makeTempFolder();
  await makeCertificate(folder);
  const tls = { pfx: readFileSync(join(folder, 'broker.p12')), passphrase: 'changeit' };
  const proxy = await startDynamoProxy({ endpoint: server.endpoint, tls });
  const regions = join(folder, 'regions.xml');
  writeFileSync(regions, regionsFile(`127.0.0.1:${proxy.port}`));
  return {
    name,
    proxy,
    start: () =>
      startLineProcess({
        name,
        command: join(python, 'bin/python'),
        arguments: [join(FOLDER, 'spark_writer.py')],
        env: {
          ...server.env,
          PYTHONPATH: join(FOLDER, '..'),
          JARS: [delta, sdk, logStore].join(':'),
          S3_ENDPOINT: server.endpoint,
          REGIONS: regions,
          COMMIT_TABLE: commitTable,
        },
      }),
  };
}

/** A jar or a folder of them. */
async function findLogStore(): Promise<string> {
  const given = process.env[LOG_STORE_VARIABLE];
  if (given !== undefined && existsSync(given)) return given;
  try {
    return await mavenJars(join(FOLDER, 'log-store-pom.xml'));
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    throw new UnavailableError(
      `optional: Maven has no io.delta:delta-storage-s3-dynamodb here, and ${LOG_STORE_VARIABLE} names no jar: ${error.message}`,
    );
  }
}

/** `com.amazonaws.regions.RegionUtils.fileOverride` of the AWS SDK for Java 1.x. */
function regionsFile(host: string): string {
  const endpoint = `<Endpoint><ServiceName>dynamodb</ServiceName><Http>false</Http><Https>true</Https><Hostname>${host}</Hostname></Endpoint>`;
  return `<XML><Regions><Region><Name>us-east-1</Name><Domain>amazonaws.com</Domain>${endpoint}</Region></Regions></XML>`;
}
