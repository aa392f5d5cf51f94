/**
 * The medallion function as a process of its own, over tables in a folder: `node step-process.ts FOLDER RULES`. Each line of its
 * input is a message of the queue, and one invocation. Prints a line when it is loaded, and one for each invocation: `failed`,
 * whether the message is to come again, what was `sent` to the queue, and the `problems` that were logged.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { createMedallionHandler } from '../../src/medallion/handler.ts';
import type { StepRule, TablePlace } from '../../src/medallion/rule.ts';
import { runStep } from '../../src/medallion/run-step.ts';
import { createStepDeps } from '../../src/medallion/step-deps.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';

const [folder = '', rules = '', temporary = ''] = process.argv.slice(2);
const store = createFolderStore(folder);
const urlOf = ({ prefix }: TablePlace): string => join(folder, prefix);
let sent: unknown[] = [];
let problems: string[] = [];

const deps = createStepDeps({
  reader: createCheckpointReader(),
  storeFor: () => store,
  urlOf,
  engine: { tempDir: temporary, memoryLimit: 512 * 2 ** 20 },
  log: () => {},
  now: Date.now,
  random: Math.random,
  sleep: (ms) => sleep(ms),
});
const handler = createMedallionHandler({
  config: { steps: JSON.parse(await readFile(rules, 'utf8')) as readonly StepRule[] },
  queue: { send: async (message) => void sent.push(message), showAfter: async () => {} },
  telemetry: {
    log: (level, message, data) => {
      if (level === 'error')
        problems.push(`${message}: ${data?.error instanceof Error ? data.error.stack : data?.error}`);
    },
    metrics: () => {},
  },
  run: (rule, options) => runStep(rule, deps, options),
  urlOf,
  now: Date.now,
});

const print = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
print('loaded');
for await (const body of createInterface({ input: process.stdin })) {
  sent = [];
  problems = [];
  const event = { Records: [{ messageId: 'm', body }] };
  const context = { awsRequestId: crypto.randomUUID(), getRemainingTimeInMillis: () => 300_000 };
  const { batchItemFailures } = await handler(event, context);
  print({ failed: batchItemFailures.length > 0, sent, problems });
}
