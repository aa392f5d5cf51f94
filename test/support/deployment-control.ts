/** What an operator does to deployed functions, through the API of Lambda and CloudWatch Logs of the local AWS. */
import { execFileSync } from 'node:child_process';
import type { S3Server } from './s3-server.ts';

/** An event source mapping, as far as it is looked at. */
interface Mapping {
  readonly UUID: string;
  readonly FunctionArn: string;
}

/** The settings of a deployed function, as far as they are looked at. */
export interface FunctionSettings {
  readonly FunctionName: string;
  /** MB. */
  readonly MemorySize: number;
  readonly LoggingConfig: { readonly LogGroup: string };
}

/** A line that a function logged; each invocation has a stream of its own here. */
export interface LogLine {
  readonly logStreamName: string;
  readonly message: string;
}

const LAMBDA = '/2015-03-31';

export async function listFunctions({ endpoint }: S3Server): Promise<readonly FunctionSettings[]> {
  const { Functions } = await call<{ Functions: FunctionSettings[] }>(`${endpoint}${LAMBDA}/functions/?MaxItems=1000`);
  return Functions;
}

/** The function that takes the messages of a queue. */
export async function functionOf(server: S3Server, queueArn: string): Promise<FunctionSettings> {
  const { FunctionArn } = await mappingOf(server, queueArn);
  const found = (await listFunctions(server)).find(({ FunctionName }) => FunctionArn.endsWith(`:${FunctionName}`));
  if (found === undefined) throw new Error(`the queue ${queueArn} has a mapping to ${FunctionArn}, which is not there`);
  return found;
}

/** Whether the function takes messages of the queue; those that it has are handled in any case. */
export async function enableMapping(server: S3Server, queueArn: string, enabled: boolean): Promise<void> {
  const { UUID } = await mappingOf(server, queueArn);
  await call(`${server.endpoint}${LAMBDA}/event-source-mappings/${UUID}`, {
    method: 'PUT',
    body: JSON.stringify({ Enabled: enabled }),
  });
}

/** How many mappings a source has. The local AWS does not tell the topics of those of Kafka. */
export async function countMappings({ endpoint }: S3Server, sourceArn: string): Promise<number> {
  const query = `EventSourceArn=${encodeURIComponent(sourceArn)}`;
  const { EventSourceMappings } = await call<{ EventSourceMappings: unknown[] }>(
    `${endpoint}${LAMBDA}/event-source-mappings/?${query}`,
  );
  return EventSourceMappings.length;
}

/** Invokes a function and waits for its answer; throws when it failed. */
export async function invokeFunction({ endpoint }: S3Server, name: string, event: object): Promise<unknown> {
  const url = `${endpoint}${LAMBDA}/functions/${encodeURIComponent(name)}/invocations`;
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(event) });
  const text = await response.text();
  if (!response.ok || response.headers.has('x-amz-function-error')) {
    throw new Error(`${name} failed: ${response.status} ${text.slice(0, 1_000)}`);
  }
  return text === '' ? undefined : JSON.parse(text);
}

/** The lines of a function that contain `text`. */
export async function logLines(server: S3Server, logGroup: string, text: string): Promise<readonly LogLine[]> {
  const { events } = await call<{ events: LogLine[] }>(server.endpoint, {
    method: 'POST',
    headers: { 'x-amz-target': 'Logs_20140328.FilterLogEvents', 'content-type': 'application/x-amz-json-1.1' },
    body: JSON.stringify({ logGroupName: logGroup, filterPattern: `"${text}"` }),
  });
  return events.filter(({ message }) => message.includes(text));
}

/** Kills what the local AWS started to run functions, all of it at once; returns how many processes that were. */
export function killFunctions(server: S3Server): number {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .map((match) => ({ pid: Number(match?.[1]), parent: Number(match?.[2]), command: match?.[3] ?? '' }));
  const family = new Set([server.pid]);
  for (let size = 0; size !== family.size; ) {
    size = family.size;
    for (const { pid, parent } of rows) if (family.has(parent)) family.add(pid);
  }
  const functions = rows.filter(({ pid, command }) => family.has(pid) && /\bnode\b/.test(command));
  return functions.filter(({ pid }) => kill(pid)).length;
}

function kill(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    // It had just ended by itself.
    return false;
  }
}

async function mappingOf({ endpoint }: S3Server, queueArn: string): Promise<Mapping> {
  const query = `EventSourceArn=${encodeURIComponent(queueArn)}`;
  const { EventSourceMappings } = await call<{ EventSourceMappings: Mapping[] }>(
    `${endpoint}${LAMBDA}/event-source-mappings/?${query}`,
  );
  const [mapping] = EventSourceMappings;
  if (mapping === undefined) throw new Error(`no function takes the messages of ${queueArn}`);
  return mapping;
}

async function call<T>(url: string, init: RequestInit = {}): Promise<T> {
  const response = await fetch(url, init);
  const text = await response.text();
  if (!response.ok) throw new Error(`${init.method ?? 'GET'} ${url}: ${response.status} ${text}`);
  return JSON.parse(text) as T;
}
