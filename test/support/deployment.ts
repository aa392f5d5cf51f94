import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  GetQueueAttributesCommand,
  SendMessageBatchCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { StackOutputs } from '../../scripts/local-aws/cdk.ts';
import { CREDENTIALS, REGION } from '../../scripts/local-aws/ministack.ts';
import { createS3Store } from '../../src/aws/s3-store.ts';
import type { AddFile } from '../../src/delta/actions.ts';
import { isDeltaError } from '../../src/delta/errors.ts';
import { readHistory } from '../../src/delta/history.ts';
import { activeFiles, loadSnapshot, type Snapshot } from '../../src/delta/snapshot.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import type { ObjectStore } from '../../src/storage/object-store.ts';
import type { S3Server } from './s3-server.ts';

/** Time in ms for what takes seconds: a cold function, a queue's round. */
const PATIENCE = 120_000;
const PAUSE = 200;

const reader = createCheckpointReader();

/** A stack that was deployed, as its users see it: a bucket with tables, and queues. */
export class Deployment {
  readonly store: ObjectStore;
  readonly bucket: string;
  readonly queueUrl: string;
  readonly deadLettersUrl: string;
  private readonly sqs: SQSClient;

  constructor(server: S3Server, outputs: StackOutputs) {
    const { LandingBucketName = '', QueueUrl = '', DeadLetterQueueUrl = '' } = outputs;
    this.bucket = LandingBucketName;
    this.store = createS3Store({ client: server.client(), bucket: this.bucket });
    this.queueUrl = QueueUrl;
    this.deadLettersUrl = DeadLetterQueueUrl;
    this.sqs = new SQSClient({ region: REGION, endpoint: server.endpoint, credentials: CREDENTIALS });
  }

  url(root: string): string {
    return `s3://${this.bucket}/${root}`;
  }

  /** Undefined where there is no table yet. */
  async snapshot(root: string): Promise<Snapshot | undefined> {
    try {
      return await loadSnapshot({ store: this.store, root, url: this.url(root) }, reader);
    } catch (error) {
      if (isDeltaError(error, 'TABLE_NOT_FOUND')) return undefined;
      throw error;
    }
  }

  /** The active files of a table, by decoded path. */
  async files(root: string): Promise<ReadonlyMap<string, AddFile>> {
    const snapshot = await this.snapshot(root);
    const files = new Map<string, AddFile>();
    if (snapshot === undefined) return files;
    for await (const batch of activeFiles(snapshot, reader, { stats: true })) {
      for (const add of batch) files.set(decodeURIComponent(add.path), add);
    }
    return files;
  }

  /** How often each file was added to a table, in all its history. */
  async adds(root: string): Promise<Record<string, number>> {
    const snapshot = await this.snapshot(root);
    assert.ok(snapshot, `there is no table ${root}`);
    const counts: Record<string, number> = {};
    for await (const { actions } of readHistory(snapshot)) {
      for (const action of actions) {
        if (!('add' in action)) continue;
        const path = decodeURIComponent(action.add.path);
        counts[path] = (counts[path] ?? 0) + 1;
      }
    }
    return counts;
  }

  /** Waits for the files of a table to be these. */
  async untilFiles(root: string, expected: readonly string[]): Promise<void> {
    const wanted = [...expected].sort();
    const found = async () => [...(await this.files(root)).keys()].sort();
    await until(async () => (await found()).join() === wanted.join());
    assert.deepEqual(await found(), wanted);
  }

  /** Reasons of what is in quarantine, sorted, once there are that many. */
  async untilQuarantined(root: string, count: number): Promise<string[]> {
    const reasons: string[] = [];
    await until(async () => {
      reasons.length = 0;
      for await (const { key } of this.store.list(`${root}/_resaca/quarantine/`)) {
        reasons.push(JSON.parse(new TextDecoder().decode((await this.store.get(key)).body)).reason);
      }
      return reasons.length >= count;
    });
    return reasons.sort();
  }

  /** Messages that wait or are being handled. */
  async depth(queueUrl: string): Promise<number> {
    const { Attributes } = await this.sqs.send(
      new GetQueueAttributesCommand({
        QueueUrl: queueUrl,
        AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
      }),
    );
    return Object.values(Attributes ?? {}).reduce((sum, value) => sum + Number(value), 0);
  }

  async untilDepth(queueUrl: string, depth: number): Promise<void> {
    await until(async () => (await this.depth(queueUrl)) === depth);
    assert.equal(await this.depth(queueUrl), depth);
  }

  async send(...bodies: string[]): Promise<void> {
    for (let first = 0; first < bodies.length; first += 10) {
      const Entries = bodies.slice(first, first + 10).map((body, index) => ({ Id: `${index}`, MessageBody: body }));
      await this.sqs.send(new SendMessageBatchCommand({ QueueUrl: this.queueUrl, Entries }));
    }
  }

  /** Has failed messages come again after so many seconds instead of minutes. */
  async hideMessagesFor(seconds: number): Promise<void> {
    await this.sqs.send(
      new SetQueueAttributesCommand({
        QueueUrl: this.queueUrl,
        Attributes: { VisibilityTimeout: String(seconds) },
      }),
    );
  }
}

/** Waits for a condition; the assertion behind it says what is not as expected. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + PATIENCE; Date.now() < end && !(await condition()); ) await sleep(PAUSE);
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
