/**
 * Deploys the stack to a local AWS and lets files land in it: `npm run local`. The local AWS goes on when the command
 * has ended; `npm run local:down` ends it. Both take the options of `OPTIONS` after `--`.
 */
import { join, resolve } from 'node:path';
import { loadConfig } from '../infra/config/load-config.ts';
import { type Deployment, parseResacaConfig } from '../infra/config/parse-config.ts';
import { createS3Client } from '../src/aws/clients.ts';
import { createS3Store } from '../src/aws/s3-store.ts';
import { createSqsClient, SqsQueue } from '../src/aws/sqs-queue.ts';
import { type ParsedArgs, parseCommandLine, UsageError } from '../src/cli/args.ts';
import { describeError } from '../src/cli/describe-error.ts';
import { EXIT } from '../src/cli/exit-codes.ts';
import { formatDuration, formatRows, plural, wrap } from '../src/cli/format.ts';
import { reportLines } from '../src/cli/inspect/print.ts';
import { inspectTable } from '../src/cli/inspect/report.ts';
import { createTerminal } from '../src/cli/terminal.ts';
import { ConfigError } from '../src/ingest/config-reader.ts';
import type { QuarantineRecord } from '../src/ingest/quarantine.ts';
import { lockFolder } from '../src/local/folder-lock.ts';
import { createCheckpointReader } from '../src/parquet/checkpoint-reader.ts';
import { bootstrap, deployStack, type StackOutputs } from './local-aws/cdk.ts';
import { dropFiles, type Landing } from './local-aws/drop-files.ts';
import { awsVariables, CREDENTIALS, REGION } from './local-aws/ministack.ts';
import { nextStepLines } from './local-aws/next-steps.ts';
import { sampleFiles } from './local-aws/sample-files.ts';
import { sampleRows } from './local-aws/sample-rows.ts';
import { type LocalAws, logFile, saveLocalAws, startLocalAws, stopLocalAws } from './local-aws/state.ts';
import { UnavailableError } from './local-aws/unavailable-error.ts';

const ROOT = join(import.meta.dirname, '..');
const OPTIONS = {
  config: { value: 'FILE', help: 'configuration of the stack (default: resaca.config.ts)' },
  stage: { value: 'NAME', help: 'deployment beside the others (default: the one of the configuration)' },
  folder: { value: 'DIR', help: 'state and logs of the local AWS (default: .cache/local-aws)' },
  help: { help: 'show this help' },
};

/** Between two updates of what a step shows while it runs, ms. */
const LIVE_INTERVAL = 200;

const terminal = createTerminal(process.stdout, process.stderr);
const [isDown, given] = process.argv[2] === 'down' ? [true, process.argv.slice(3)] : [false, process.argv.slice(2)];
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    terminal.endShow('keep');
    process.exit(EXIT.interrupted);
  });
}

try {
  const args = parseCommandLine(given, { positionals: [], options: OPTIONS });
  const folder = resolve(args.value('folder') ?? join(ROOT, '.cache/local-aws'));
  if (args.flag('help')) await help();
  else if (isDown) await down(folder);
  else await up(args, folder);
} catch (error) {
  terminal.endShow('keep');
  if (error instanceof UnavailableError) {
    terminal.note(`The local AWS needs Python with pip and venv. ${error.message}. Without it: npm start`);
  } else for (const line of describeError(error)) terminal.note(line);
  process.exitCode = error instanceof UsageError || error instanceof ConfigError ? EXIT.usage : EXIT.failed;
}

async function help(): Promise<void> {
  const rows = Object.entries(OPTIONS).map(([name, option]) => [
    `  --${name}${'value' in option ? ` ${option.value}` : ''}`,
    option.help,
  ]);
  await terminal.print(['Usage: npm run local[:down] -- [options]', '', ...formatRows(rows)].join('\n'));
}

async function down(folder: string): Promise<void> {
  const ended = await stopLocalAws(folder);
  await terminal.print(ended ? 'The local AWS is ended, and all that was in it' : 'No local AWS runs');
}

async function up(args: ParsedArgs, folder: string): Promise<void> {
  const config = resolve(args.value('config') ?? join(ROOT, 'resaca.config.ts'));
  const deployment = parseResacaConfig(await loadConfig(config, args.value('stage')));
  // Until this process ends.
  await lockFolder(folder);
  const aws = await step('local AWS', () => startLocalAws(folder));
  const { stack, outputs } = await deploy(aws, folder, { config, stage: deployment.stage });
  const landing = openLanding(aws, outputs);
  const [table] = await letFilesLand(landing, deployment);
  const steps = { endpoint: aws.endpoint, env: awsVariables(aws.endpoint), bucket: landing.bucket, table };
  await terminal.print(`\n${nextStepLines(steps, terminal.style).join('\n')}`);
  await terminal.print(`\nLogs: ${cdkLog(folder)}\n      ${logFile(folder)}`);
  await terminal.print(terminal.style.bold(`${stack} goes on. End it: npm run local:down`));
}

async function deploy(
  aws: LocalAws,
  folder: string,
  context: Readonly<Record<string, string>>,
): Promise<{ readonly stack: string; readonly outputs: StackOutputs }> {
  const cdk = { env: awsVariables(aws.endpoint), output: join(folder, 'cdk.out'), logFile: cdkLog(folder) };
  if (!aws.isBootstrapped) {
    await step('cdk bootstrap', () => bootstrap(cdk));
    saveLocalAws(folder, { ...aws, isBootstrapped: true });
  }
  const { stack, outputs } = await step('cdk deploy', () => deployStack(context, cdk));
  saveLocalAws(folder, { ...aws, isBootstrapped: true, stacks: { ...aws.stacks, [stack]: outputs } });
  return { stack, outputs };
}

function cdkLog(folder: string): string {
  return join(folder, 'cdk.log');
}

function openLanding({ endpoint }: LocalAws, outputs: StackOutputs): Landing {
  const { LandingBucketName: bucket = '', QueueUrl = '', DeadLetterQueueUrl = '' } = outputs;
  const place = { region: REGION, endpoint, credentials: CREDENTIALS };
  const sqs = createSqsClient(place);
  return {
    store: createS3Store({ client: createS3Client(place), bucket }),
    bucket,
    queue: new SqsQueue(sqs, QueueUrl),
    deadLetters: new SqsQueue(sqs, DeadLetterQueueUrl),
  };
}

/** Shows how files become tables, and what became of them. Returns the roots of the tables. */
async function letFilesLand(landing: Landing, deployment: Deployment): Promise<readonly string[]> {
  const files = sampleFiles(deployment, landing.bucket, Date.now());
  if (files.length === 0) {
    await terminal.print(`\ns3://${landing.bucket} takes no table by the path convention: let files of your own land`);
    return [];
  }
  await terminal.print(`\n${terminal.style.bold(`${plural(files.length, 'file')} land in s3://${landing.bucket}`)}`);
  const quarantined = await dropFiles(landing, files, terminal);
  const roots = [...new Set(files.map(({ table }) => table))];
  for (const root of roots) await showTable(landing, root);
  for (const record of quarantined) await showQuarantined(record);
  return roots;
}

async function step<T>(name: string, run: () => Promise<T>): Promise<T> {
  const begin = Date.now();
  const elapsed = () => formatDuration(Date.now() - begin);
  const show = () => terminal.show([`… ${name.padEnd(14)} ${elapsed()}`]);
  show();
  const timer = setInterval(show, LIVE_INTERVAL);
  try {
    const result = await run();
    terminal.endShow();
    await terminal.print(`${terminal.style.green('✔')} ${name.padEnd(14)} ${elapsed()}`);
    return result;
  } finally {
    clearInterval(timer);
  }
}

async function showTable({ store, bucket }: Landing, root: string): Promise<void> {
  const table = { store, root, url: `s3://${bucket}/${root}` };
  const report = await inspectTable(table, createCheckpointReader(), { history: 3 });
  await terminal.print(`\n${reportLines(report, terminal).join('\n')}`);
  const rows = await sampleRows(report.snapshot, 5);
  await terminal.print(`\n${[terminal.style.bold('Some rows'), ...rows].join('\n')}`);
}

async function showQuarantined({ key, reason, detail }: QuarantineRecord): Promise<void> {
  const text = wrap(`${reason}: ${detail.replace(`"${key}": `, '')}`, terminal.width - 2);
  await terminal.print(`\nIn quarantine: ${key}\n${text.map((line) => `  ${line}`).join('\n')}`);
}
