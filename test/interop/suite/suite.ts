import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ResacaConfig } from '../../../infra/config/types.ts';
import { bootstrap, type CdkOptions, deployStack, runCdk, type StackOutputs } from '../../../scripts/local-aws/cdk.ts';
import { Deployment, eventually } from '../../support/deployment.ts';
import type { Rows, startDeltaRs } from '../../support/interop/engines.ts';
import type { S3Server } from '../../support/s3-server.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';

export { eventually } from '../../support/deployment.ts';

/**
 * One part of a deployment: its share of the configuration, and what has to hold of it. All parts are in one stack; each has
 * prefixes of the landing bucket to itself.
 */
export interface SuitePart {
  /** Of the tests: `the loader`. */
  readonly name: string;
  /** Lists of all parts are joined, objects merged. A function gets what the part needs beforehand: a bucket, a secret. */
  readonly config: ResacaConfig | ((server: S3Server) => Promise<ResacaConfig>);
  /** Declares tests that run beside those of the other parts. */
  beside?(suite: () => Suite): void;
  /** Declares tests that run when all others are over: they stop queues of all parts, or work on tables of all. */
  alone?(suite: () => Suite): void;
}

/** The stack with all parts, as it was deployed. */
export interface Suite {
  readonly server: S3Server;
  readonly outputs: StackOutputs;
  /** The landing bucket; its queue is the one in front of the append function. */
  readonly stack: Deployment;
  /** An output of the stack, which must be there. */
  output(name: string): string;
  /** The landing bucket with the queues of a part, by the beginning of their outputs: `Load`. */
  queuesOf(part: string): Deployment;
  /** Waits until each of the queues, outputs of the stack, was empty once, one after the other. */
  handled(...queues: readonly string[]): Promise<void>;
  /** What delta-rs reads of a table, `t`, of the landing bucket, or of that one. */
  sql(root: string, statement: string, of?: Deployment): Promise<Rows['rows']>;
  /** Waits until delta-rs reads these rows; fails, saying what it read, when it does not come to that. */
  untilRows(root: string, statement: string, expected: Rows['rows'], of?: Deployment): Promise<void>;
  /** The tables of another bucket. */
  tablesIn(bucket: string): Deployment;
  /** Removes the stack. */
  destroy(): Promise<void>;
}

/** Bootstraps the local AWS and deploys all parts. */
export async function deploySuite(
  server: S3Server,
  deltaRs: Awaited<ReturnType<typeof startDeltaRs>>,
  parts: readonly SuitePart[],
): Promise<Suite> {
  const folder = makeTempFolder();
  const cdk: CdkOptions = { env: server.env, output: join(folder, 'out') };
  const file = join(folder, 'all.json');
  const configs = await Promise.all(
    parts.map(({ config }) => (typeof config === 'function' ? config(server) : config)),
  );
  writeFileSync(file, JSON.stringify(configs.reduce<object>(merged, { stage: 'all' })));
  await bootstrap(cdk);
  const { outputs } = await deployStack({ config: file }, cdk);
  const stack = new Deployment(server, outputs);
  const output = (name: string): string => outputs[name] ?? assert.fail(`the stack has no output ${name}`);
  const sql: Suite['sql'] = async (root, statement, of = stack) => {
    const storage = { ...server.env, AWS_ALLOW_HTTP: 'true' };
    return ((await deltaRs.call('sql', { table: of.url(root), statement, storage })) as Rows).rows;
  };
  return {
    server,
    outputs,
    stack,
    output,
    sql,
    tablesIn: (LandingBucketName) => new Deployment(server, { ...outputs, LandingBucketName }),
    async untilRows(root, statement, expected, of = stack) {
      let found: unknown = [];
      const isThere = async () => {
        try {
          found = (await of.snapshot(root)) === undefined ? [] : await sql(root, statement, of);
        } catch (error) {
          // A column may come with a later batch, in whatever order these are.
          found = String(error);
        }
        return JSON.stringify(found) === JSON.stringify(expected);
      };
      await eventually(isThere, `rows of ${root}: ${statement}`).catch(() => assert.deepEqual(found, expected, root));
    },
    queuesOf: (part) =>
      new Deployment(server, {
        ...outputs,
        QueueUrl: output(`${part}QueueUrl`),
        DeadLetterQueueUrl: output(`${part}DeadLetterQueueUrl`),
      }),
    async handled(...queues) {
      for (const queue of queues) await stack.untilDepth(output(queue), 0);
    },
    async destroy() {
      await runCdk(['destroy', '--force', '-c', `config=${file}`], cdk);
    },
  };
}

/** Lists are joined, objects merged; otherwise the later value holds. */
function merged(a: object, b: object): object {
  const both = new Map<string, unknown>(Object.entries(a));
  for (const [name, value] of Object.entries(b)) {
    const known = both.get(name);
    if (Array.isArray(known) && Array.isArray(value)) both.set(name, [...known, ...value]);
    else if (isObject(known) && isObject(value)) both.set(name, merged(known, value));
    else both.set(name, value);
  }
  return Object.fromEntries(both);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
