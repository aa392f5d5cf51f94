import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  GetQueueAttributesCommand,
  PurgeQueueCommand,
  ReceiveMessageCommand,
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
import type { ObjectInfo, ObjectStore } from '../../src/storage/object-store.ts';
import { enableMapping, type FunctionSettings, functionOf, logLines } from './deployment-control.ts';
import type { S3Server } from './s3-server.ts';

/** Time in ms for what takes seconds: a cold function, a queue's round; many deployments may share the machine. */
const PATIENCE = 240_000;
const PAUSE = 200;
/** Seconds after which messages that were looked at come to the function. */
const HELD_BACK = 15;

const reader = createCheckpointReader();

/** A stack that was deployed, as its users see it: a bucket with tables, and queues. */
export class Deployment {
  readonly store: ObjectStore;
  readonly bucket: string;
  readonly queueUrl: string;
  readonly deadLettersUrl: string;
  private readonly server: S3Server;
  private readonly sqs: SQSClient;

  constructor(server: S3Server, outputs: StackOutputs) {
    this.server = server;
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

  /** Of a table that is there. */
  async version(root: string): Promise<number> {
    return (await this.snapshot(root))?.version ?? assert.fail(`there is no table ${root}`);
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

  /** How often each file was added to a table, or removed from it, in all its history. */
  async counts(root: string, kind: 'add' | 'remove'): Promise<Record<string, number>> {
    const snapshot = await this.snapshot(root);
    assert.ok(snapshot, `there is no table ${root}`);
    const counts: Record<string, number> = {};
    for await (const { actions } of readHistory(snapshot)) {
      for (const action of actions) {
        const file = kind === 'add' ? 'add' in action && action.add : 'remove' in action && action.remove;
        if (file === false) continue;
        const path = decodeURIComponent(file.path);
        counts[path] = (counts[path] ?? 0) + 1;
      }
    }
    return counts;
  }

  /** Commits of all tables under a prefix. */
  async commits(prefix: string): Promise<number> {
    let commits = 0;
    for await (const { key } of this.store.list(`${prefix}/`)) if (/_delta_log\/\d{20}\.json$/.test(key)) commits += 1;
    return commits;
  }

  /** Waits for that many commits under a prefix; returns at once then. */
  async untilCommits(prefix: string, count: number): Promise<void> {
    let commits = 0;
    await until(async () => {
      commits = await this.commits(prefix);
      return commits >= count;
    }, 0);
    assert.ok(commits >= count, `expected ${count} commits under ${prefix}/, got ${commits}`);
  }

  /** Waits for the files of a table to be these. */
  async untilFiles(root: string, expected: readonly string[]): Promise<void> {
    const wanted = [...expected].sort();
    const found = async () => [...(await this.files(root)).keys()].sort();
    await until(async () => (await found()).join() === wanted.join());
    assert.deepEqual(await found(), wanted);
  }

  /** Why files of a table are in quarantine, by their paths, once there are that many. */
  async untilQuarantined(root: string, count: number): Promise<Record<string, string>> {
    const reasons: Record<string, string> = {};
    await until(async () => {
      for await (const { key } of this.store.list(`${root}/_resaca/quarantine/`)) {
        const { path, reason } = JSON.parse(new TextDecoder().decode((await this.store.get(key)).body));
        reasons[path] = reason;
      }
      return Object.keys(reasons).length >= count;
    });
    return reasons;
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

  /** Waits for a queue to be that deep once: to 0, all that was sent before has been handled then. */
  async untilDepth(queueUrl: string, depth: number): Promise<void> {
    let seen: number | undefined;
    await until(async () => {
      seen = await this.depth(queueUrl);
      return seen === depth;
    });
    assert.equal(seen, depth, `messages in ${queueUrl}`);
  }

  /** Nothing waits, nothing is being handled, and as much as before could not be handled. */
  async assertHandled(deadLetters: number): Promise<void> {
    await this.untilDepth(this.queueUrl, 0);
    assert.equal(await this.depth(this.deadLettersUrl), deadLetters);
  }

  async send(...bodies: string[]): Promise<void> {
    for (let first = 0; first < bodies.length; first += 10) {
      const Entries = bodies.slice(first, first + 10).map((body, index) => ({ Id: `${index}`, MessageBody: body }));
      await this.sqs.send(new SendMessageBatchCommand({ QueueUrl: this.queueUrl, Entries }));
    }
  }

  /**
   * Keeps the messages that `work` causes, ten at most, from the function until there are `count`, so that they come in
   * one batch. Returns their bodies.
   */
  async inOneBatch(count: number, work: () => Promise<unknown>): Promise<readonly string[]> {
    const arn = await this.queueArn();
    await this.untilDepth(this.queueUrl, 0);
    await enableMapping(this.server, arn, false);
    try {
      await work();
      await this.untilDepth(this.queueUrl, count);
      const { Messages = [] } = await this.sqs.send(
        new ReceiveMessageCommand({ QueueUrl: this.queueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 0 }),
      );
      return Messages.map(({ Body = '' }) => Body);
    } finally {
      await enableMapping(this.server, arn, true);
    }
  }

  /**
   * Keeps the `count` messages that `work` causes from the function until `use` has seen all of their bodies at once, which no
   * mapping of the local AWS hands over. Then they come to the function.
   */
  async holdBack(
    count: number,
    work: () => Promise<unknown>,
    use: (bodies: readonly string[]) => Promise<unknown>,
  ): Promise<void> {
    const arn = await this.queueArn();
    await this.untilDepth(this.queueUrl, 0);
    await enableMapping(this.server, arn, false);
    try {
      await work();
      await this.untilDepth(this.queueUrl, count);
      const bodies: string[] = [];
      while (bodies.length < count) {
        const { Messages = [] } = await this.sqs.send(
          new ReceiveMessageCommand({ QueueUrl: this.queueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: HELD_BACK }),
        );
        if (Messages.length === 0) assert.fail(`${bodies.length} of ${count} messages could be received`);
        bodies.push(...Messages.map(({ Body = '' }) => Body));
      }
      await use(bodies);
    } finally {
      await enableMapping(this.server, arn, true);
    }
  }

  /** Does what causes `count` messages, and loses them. Returns how many there were. */
  async loseEvents(count: number, work: () => Promise<unknown>): Promise<number> {
    const arn = await this.queueArn();
    await this.untilDepth(this.queueUrl, 0);
    await enableMapping(this.server, arn, false);
    try {
      await work();
      await this.untilDepth(this.queueUrl, count);
      const lost = await this.depth(this.queueUrl);
      await this.sqs.send(new PurgeQueueCommand({ QueueUrl: this.queueUrl }));
      await this.untilDepth(this.queueUrl, 0);
      return lost;
    } finally {
      await enableMapping(this.server, arn, true);
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

  async function(): Promise<FunctionSettings> {
    return functionOf(this.server, await this.queueArn());
  }

  /** Invocations that ended because their process was killed. */
  async killedInvocations(): Promise<number> {
    const { LoggingConfig } = await this.function();
    return (await logLines(this.server, LoggingConfig.LogGroup, 'Worker process died')).length;
  }

  /** All objects of the bucket. */
  async objects(): Promise<readonly ObjectInfo[]> {
    const objects: ObjectInfo[] = [];
    for await (const object of this.store.list('')) objects.push(object);
    return objects;
  }

  private async queueArn(): Promise<string> {
    const { Attributes } = await this.sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: this.queueUrl, AttributeNames: ['QueueArn'] }),
    );
    return Attributes?.QueueArn ?? assert.fail(`the queue ${this.queueUrl} has no ARN`);
  }
}

/** Waits for a condition; fails, naming `what` was waited for, when it does not come to hold. */
export async function eventually(condition: () => Promise<boolean>, what: string): Promise<void> {
  let isTrue = false;
  await until(async () => {
    isTrue = await condition();
    return isTrue;
  });
  assert.ok(isTrue, `waited in vain for ${what}`);
}

/** Waits for a condition; the assertion behind it says what is not as expected. */
async function until(condition: () => Promise<boolean>, pause = PAUSE): Promise<void> {
  for (const end = Date.now() + PATIENCE; Date.now() < end && !(await condition()); ) await sleep(pause);
}
