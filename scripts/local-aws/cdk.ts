import { spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ACCOUNT, REGION } from './ministack.ts';

export interface CdkOptions {
  /** The variables of the AWS that it works on, see `awsVariables`. */
  readonly env: Readonly<Record<string, string>>;
  /** Folder for what it makes of the app; those that run at the same time need different ones. */
  readonly output: string;
  /** Its output is added to this file. @default nowhere */
  readonly logFile?: string;
  /** The command that is the app. @default that of the repository */
  readonly app?: string;
}

/** What the stack tells of itself, by the names of its outputs. */
export type StackOutputs = Readonly<Record<string, string>>;

const ROOT = join(import.meta.dirname, '../..');
/** Characters of its output that the error shows. */
const SHOWN = 4_000;

/** Prepares the local account for deployments; done before, it changes nothing. */
export async function bootstrap(options: CdkOptions): Promise<void> {
  await runCdk(['bootstrap', `aws://${ACCOUNT}/${REGION}`], options);
}

/**
 * Deploys the stack of the repository. `context` is given as `-c NAME=VALUE`. Returns the name of the stack, which has
 * the stage in it, and its outputs.
 */
export async function deployStack(
  context: Readonly<Record<string, string>>,
  options: CdkOptions,
): Promise<{ readonly stack: string; readonly outputs: StackOutputs }> {
  const file = join(options.output, 'outputs.json');
  const settings = Object.entries(context).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  mkdirSync(options.output, { recursive: true });
  await runCdk(['deploy', '--require-approval', 'never', '--outputs-file', file, ...settings], options);
  const [deployed] = Object.entries(JSON.parse(readFileSync(file, 'utf8')) as Record<string, StackOutputs>);
  if (deployed === undefined) throw new Error(`cdk deploy made no stack with outputs: ${file}`);
  return { stack: deployed[0], outputs: deployed[1] };
}

/** Runs the CDK CLI of the repository and returns its output, which the error shows when it fails. */
export async function runCdk(args: readonly string[], { env, output, logFile, app }: CdkOptions): Promise<string> {
  const child = spawn(
    join(ROOT, 'node_modules/.bin/cdk'),
    [...args, ...(app === undefined ? [] : ['--app', app]), '--output', output],
    {
      cwd: ROOT,
      env: { ...withoutAws(process.env), ...env, ...SETTINGS },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  // What only this process is told to end would go on otherwise.
  const stop = (): void => void child.kill();
  process.on('exit', stop);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      if (logFile !== undefined) appendFileSync(logFile, part);
    });
  }
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  process.off('exit', stop);
  if (code !== 0) throw new Error(`cdk ${args[0]} failed:\n${text.trim().slice(-SHOWN)}`);
  return text;
}

const SETTINGS = {
  CDK_DEFAULT_ACCOUNT: ACCOUNT,
  CDK_DEFAULT_REGION: REGION,
  CDK_DISABLE_CLI_TELEMETRY: 'true',
  CI: 'true',
  // A proxy does not reach what listens on this machine only.
  NO_PROXY: '127.0.0.1',
  no_proxy: '127.0.0.1',
  // The CLI, the build that it starts and the functions run on the Node of the repository.
  PATH: `${join(ROOT, 'node_modules/.bin')}:${process.env.PATH}`,
};

/** Profiles and session tokens of a real account have no business here. */
function withoutAws(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('AWS_')));
}
