import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '../../src/local/free-port.ts';
import { type LineProcess, startLineProcess } from './interop/line-process.ts';
import { mavenJars } from './interop/maven-jars.ts';
import { pythonEnv } from './python-env.ts';
import { makeTempFolder } from './temp-folder.ts';

/** Time in ms in which the registry must answer; it takes about 10 seconds on a slow machine. */
const START_TIMEOUT = 120_000;
/** How much of what it printed is kept for messages, characters. */
const KEPT_OUTPUT = 4_000;

export interface Registered {
  readonly type: 'AVRO' | 'JSON' | 'PROTOBUF';
  readonly schema: string;
  readonly references?: readonly { readonly name: string; readonly subject: string; readonly version: number }[];
}

export interface RegistryProcess {
  /** URL of the API of Confluent's registry. */
  readonly url: string;
  /** Registers a schema and gives its id. */
  register(subject: string, schema: Registered): Promise<number>;
  stop(): Promise<void>;
}

/**
 * Starts a registry of schemas (Apicurio, with an empty store in memory) on a free port. It ends with this process.
 * Throws `UnavailableError` without Java, Maven or Maven Central.
 */
export async function startSchemaRegistry(): Promise<RegistryProcess> {
  const folder = await unpack(await mavenJars(join(import.meta.dirname, 'registry-pom.xml')));
  const jar = readdirSync(folder).find((name) => name.endsWith('-runner.jar'));
  if (jar === undefined) throw new Error('the archive of the registry has no jar to run');
  const port = await freePort();
  const options = [
    '-Xmx256m',
    '-XX:TieredStopAtLevel=1',
    '-Dquarkus.http.host=127.0.0.1',
    `-Dquarkus.http.port=${port}`,
  ];
  const child = spawn('java', [...options, '-jar', jar], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-KEPT_OUTPUT);
    });
  }
  const kill = (): void => {
    child.kill('SIGKILL');
  };
  process.on('exit', kill);
  const url = `http://127.0.0.1:${port}/apis/ccompat/v7`;
  for (let waited = 0; !(await answers(`${url}/subjects`)); waited += 250) {
    if (child.exitCode === null && waited < START_TIMEOUT) await sleep(250);
    else throw new Error(`the registry did not come to answer\n${output}`);
  }
  return {
    url,
    register: (subject, schema) => register(url, subject, schema),
    async stop() {
      process.off('exit', kill);
      const ended = once(child, 'exit');
      kill();
      await ended;
    },
  };
}

/** Confluent's serializers for Python and that for AWS Glue, with what they need, pinned. */
const SERIALIZERS = [
  'confluent-kafka==2.16.1',
  'aws-glue-schema-registry==1.1.3',
  'anyio==4.16.0',
  'attrs==26.1.0',
  'Authlib==1.9.10',
  'boto3==1.44.8',
  'botocore==1.44.8',
  'cachetools==8.0.2',
  'certifi==2026.10.19.post1',
  'cffi==2.1.1',
  'cryptography==50.0.2',
  'fastavro==1.13.1',
  'fastjsonschema==2.22.3',
  'googleapis-common-protos==1.76.0',
  'grpcio==1.85.3',
  'grpcio-tools==1.85.1',
  'h11==0.16.0',
  'httpcore2==2.16.2',
  'httpx2==2.16.2',
  'idna==3.20',
  'jmespath==1.1.0',
  'joserfc==1.8.0',
  'jsonschema==4.26.0',
  'jsonschema-specifications==2025.9.1',
  'orjson==3.13.0',
  'protobuf==7.36.2',
  'pycparser==3.12',
  'python-dateutil==2.9.0.post0',
  'referencing==0.37.0',
  'rpds-py==2026.9.1',
  's3transfer==0.19.3',
  'setuptools==80.9.0',
  'six==1.17.0',
  'truststore==0.10.5',
  'typing_extensions==4.16.0',
  'urllib3==2.8.0',
];

/** Starts `registry_serializers.py`. Throws `UnavailableError` without Python or a package index. */
export async function startSerializers(): Promise<LineProcess> {
  const python = await pythonEnv('serializers', SERIALIZERS);
  return startLineProcess({
    name: 'the serializers',
    command: join(python, 'bin/python'),
    arguments: [join(import.meta.dirname, 'registry_serializers.py')],
    env: { PYTHONPATH: join(import.meta.dirname, 'interop') },
  });
}

async function unpack(jars: string): Promise<string> {
  const archive = readdirSync(jars).find((name) => name.endsWith('.tar.gz'));
  if (archive === undefined) throw new Error(`${jars} has no archive`);
  const folder = makeTempFolder();
  await promisify(execFile)('tar', ['-xzf', join(jars, archive), '-C', folder]);
  return folder;
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

async function register(url: string, subject: string, { type, ...rest }: Registered): Promise<number> {
  const response = await fetch(`${url}/subjects/${encodeURIComponent(subject)}/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify({ schemaType: type, ...rest }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`the registry refuses the schema of ${subject}: ${text}`);
  return JSON.parse(text).id;
}
