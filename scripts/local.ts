/**
 * Deploys the stack to a local AWS and lets files land in it: `npm run local`. The local AWS goes on when the command
 * has ended; `npm run local:down` ends it. `-- --config FILE --stage NAME` are those of `cdk deploy -c`.
 */
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { createS3Client } from '../src/aws/clients.ts';
import { createS3Store } from '../src/aws/s3-store.ts';
import { createSqsClient, SqsQueue } from '../src/aws/sqs-queue.ts';
import { formatDuration, plural } from '../src/cli/format.ts';
import { reportLines } from '../src/cli/inspect/print.ts';
import { inspectTable } from '../src/cli/inspect/report.ts';
import { createTerminal } from '../src/cli/terminal.ts';
import { createRandom } from '../src/local/demo/random.ts';
import { demoFiles } from '../src/local/demo/schedule.ts';
import { createCheckpointReader } from '../src/parquet/checkpoint-reader.ts';
import { bootstrap, deployStack } from './local-aws/cdk.ts';
import { dropFiles, type Landing } from './local-aws/drop-files.ts';
import { awsVariables, CREDENTIALS, REGION } from './local-aws/ministack.ts';
import { sampleRows } from './local-aws/sample-rows.ts';
import { logFile, startLocalAws, stopLocalAws } from './local-aws/state.ts';
import { UnavailableError } from './local-aws/unavailable-error.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { config: { type: 'string' }, stage: { type: 'string' }, folder: { type: 'string' } },
});
const folder = resolve(values.folder ?? join(import.meta.dirname, '../.cache/local-aws'));
const cdkLog = join(folder, 'cdk.log');
const terminal = createTerminal(process.stdout, process.stderr);

try {
  if (positionals[0] === 'down') await down();
  else await up();
} catch (error) {
  terminal.endShow('keep');
  if (error instanceof UnavailableError) {
    terminal.note(`The local AWS needs Python with pip and venv. ${error.message}. Without it: npm start`);
  } else terminal.note(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

async function down(): Promise<void> {
  await terminal.print(
    (await stopLocalAws(folder)) ? 'The local AWS is ended, and all that was in it' : 'No local AWS runs',
  );
}

async function up(): Promise<void> {
  const aws = await step('local AWS', () => startLocalAws(folder));
  const env = awsVariables(aws.endpoint);
  const cdk = { env, output: join(folder, 'cdk.out'), logFile: cdkLog };
  if (aws.isNew) await step('cdk bootstrap', () => bootstrap(cdk));
  const context = {
    ...(values.config !== undefined && { config: values.config }),
    ...(values.stage !== undefined && { stage: values.stage }),
  };
  const { stack, outputs } = await step('cdk deploy', () => deployStack(context, cdk));
  const { LandingBucketName: bucket = '', QueueUrl = '', DeadLetterQueueUrl = '' } = outputs;
  const client = createS3Client({ region: REGION, endpoint: aws.endpoint, credentials: CREDENTIALS });
  const sqs = createSqsClient({ region: REGION, endpoint: aws.endpoint, credentials: CREDENTIALS });
  const landing: Landing = {
    store: createS3Store({ client, bucket }),
    bucket,
    queue: new SqsQueue(sqs, QueueUrl),
    deadLetters: new SqsQueue(sqs, DeadLetterQueueUrl),
  };
  const files = demoFiles(createRandom(Date.now()), Date.now());
  await terminal.print(`\n${terminal.style.bold(`${plural(files.length, 'file')} land in s3://${bucket}`)}`);
  const quarantined = await dropFiles(landing, files, terminal);
  await showTables(landing, new Set(files.map(({ table }) => table)));
  for (const [key, reason] of quarantined) await terminal.print(`\nIn quarantine: ${key}: ${reason}`);
  await showNext(stack, landing, env);
}

async function step<T>(name: string, run: () => Promise<T>): Promise<T> {
  const begin = Date.now();
  terminal.show([`  ${name} …`]);
  const result = await run();
  terminal.endShow();
  await terminal.print(`${terminal.style.green('✔')} ${name.padEnd(14)} ${formatDuration(Date.now() - begin)}`);
  return result;
}

async function showTables({ store, bucket }: Landing, roots: ReadonlySet<string>): Promise<void> {
  const reader = createCheckpointReader();
  for (const root of roots) {
    const report = await inspectTable({ store, root, url: `s3://${bucket}/${root}` }, reader, { history: 3 });
    await terminal.print(`\n${reportLines(report, terminal).join('\n')}`);
    await terminal.print(`\n${terminal.style.bold('Some rows')}\n${(await sampleRows(report.snapshot, 5)).join('\n')}`);
  }
}

async function showNext(stack: string, { bucket }: Landing, env: Readonly<Record<string, string>>): Promise<void> {
  const { style } = terminal;
  const exports = Object.entries(env).map(([name, value]) => `export ${name}=${value}`);
  const options = `{'aws_endpoint': '${env.AWS_ENDPOINT_URL}', 'aws_access_key_id': 'test', 'aws_secret_access_key': 'test', 'aws_region': '${REGION}', 'aws_allow_http': 'true'}`;
  const lines = [
    '',
    style.bold(`${stack} goes on. Use it from a shell:`),
    ...exports,
    `aws s3 cp more.parquet s3://${bucket}/web_requests/`,
    `npm run resaca -- inspect s3://${bucket}/web_requests`,
    `python3 -c "from deltalake import DeltaTable as T; print(T('s3://${bucket}/web_requests', storage_options=${options}).to_pyarrow_table().slice(0, 5))"`,
    '',
    `Logs: ${cdkLog}, ${logFile(folder)}`,
    style.bold('End it: npm run local:down'),
  ];
  await terminal.print(lines.join('\n'));
}
