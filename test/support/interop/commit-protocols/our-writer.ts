/**
 * A process of ours that appends files to a table that commits through DynamoDB, with the append function's own code. It may be
 * told to die at a call, before or after it has its effect. Requests and answers are lines, as those of `line_server.py`.
 * Arguments: bucket, root, DynamoDB table, name of the writer. The AWS variables are found in the environment.
 */
import { createInterface } from 'node:readline';
import { createS3Client } from '../../../../src/aws/clients.ts';
import { createDynamoCommitTable } from '../../../../src/aws/dynamo-commit-table.ts';
import { createS3Store } from '../../../../src/aws/s3-store.ts';
import { createCoordinatedStore } from '../../../../src/storage/commits/coordinated-store.ts';
import { formatTablePath } from '../../../../src/storage/commits/table-path.ts';
import type { Fault } from '../../faulty-store.ts';
import { type CommitCall, interceptCommits } from '../../intercepted-commits.ts';
import { parquet, ROW_COLUMNS } from '../../landing.ts';
import { createPipeline } from '../pipeline.ts';
import type { AppendRequest, DeathRequest } from './writers.ts';

const [bucket = '', root = '', commitTable = '', writer = ''] = process.argv.slice(2);
let death: DeathRequest | undefined;

const s3 = createS3Store({ client: createS3Client(), bucket });
const seen = interceptCommits(
  { store: s3, table: createDynamoCommitTable({ name: commitTable }) },
  { plan: die, turn: async () => undefined },
);
const tablePath = formatTablePath(bucket, root, { scheme: 's3a', pathForm: 'hadoop' });
const store = createCoordinatedStore({ store: seen.store, coordinationOf: () => ({ table: seen.table, tablePath }) });
// Without checkpoints, which the other writers make then, each look at the table would read all of its commits.
const properties = { 'delta.checkpointInterval': '10' };
const pipeline = createPipeline(store, { tables: [{ prefix: root, properties }] });

/** The fault is only there to be asked for the time before the call; after it, the answer of the call comes too late. */
function die({ method, key }: CommitCall): Fault | undefined {
  const isOfCommit = method.startsWith('table.') || key.includes('/_delta_log/');
  if (death === undefined || death.method !== method || !isOfCommit) return undefined;
  if (death.when === 'before') process.kill(process.pid, 'SIGKILL');
  return { when: 'after', kind: 'crash' };
}

const commands: Readonly<Record<string, (values: never) => Promise<unknown> | unknown>> = {
  async append({ number, first, rows }: AppendRequest) {
    const key = `${root}/${writer}-${number}.parquet`;
    if ((await s3.head(key)) === undefined) {
      const content = Array.from({ length: rows }, (_, index) => ({ id: first + index, name: writer }));
      await s3.put(key, parquet(content, ROW_COLUMNS));
    }
    try {
      await pipeline.append(key);
    } catch (error) {
      if (death !== undefined) process.kill(process.pid, 'SIGKILL');
      throw error;
    }
  },
  dieAt(request: DeathRequest) {
    death = request;
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { command, arguments: values } = JSON.parse(line);
  let answer: object;
  try {
    answer = { result: (await commands[command]?.(values as never)) ?? null };
  } catch (error) {
    answer = { error: error instanceof Error ? error.message : String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
