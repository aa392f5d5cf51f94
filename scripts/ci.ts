/**
 * Everything that has to hold before a change is good: `npm run ci`. Runs every step even if one fails, shows the time
 * that each took, and ends with the line `N passed, N failed`, in which a step that runs no tests counts as one.
 * `npm run ci -- lint build` runs only the steps of these names.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

interface Step {
  readonly name: string;
  /** Arguments of npm. */
  readonly npm: readonly string[];
  /** Time in ms after which the step is ended. */
  readonly timeout: number;
}

interface StepResult {
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  /** ms */
  readonly duration: number;
}

const MINUTE = 60_000;

const STEPS: readonly Step[] = [
  { name: 'lint', npm: ['run', 'lint'], timeout: 5 * MINUTE },
  { name: 'typecheck', npm: ['run', 'typecheck'], timeout: 5 * MINUTE },
  { name: 'build', npm: ['run', 'build'], timeout: 5 * MINUTE },
  { name: 'test', npm: ['test', '--', '--no-skips'], timeout: 20 * MINUTE },
  { name: 'test:interop', npm: ['run', 'test:interop', '--', '--no-skips'], timeout: 45 * MINUTE },
  { name: 'start', npm: ['start'], timeout: 3 * MINUTE },
];

/** The last line of a run of tests. */
const TOTALS = /^(\d+) passed, (\d+) failed(?:, \d+ skipped)?$/gm;

// Steps run in process groups of their own, which a signal to this process does not reach: its exit ends them.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

const names = process.argv.slice(2);
const results: StepResult[] = [];
for (const step of STEPS.filter(({ name }) => names.length === 0 || names.includes(name))) {
  console.log(`\n── ${step.name}: npm ${step.npm.join(' ')}`);
  results.push(await runStep(step));
}
console.log('');
for (const { name, failed, duration } of results) {
  console.log(`${failed > 0 ? '✖' : '✔'} ${name.padEnd(14)} ${(duration / 1000).toFixed(0).padStart(4)} s`);
}
const passed = results.reduce((sum, result) => sum + result.passed, 0);
const failed = results.reduce((sum, result) => sum + result.failed, 0);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

async function runStep({ name, npm, timeout }: Step): Promise<StepResult> {
  const started = performance.now();
  const child = spawn('npm', ['--silent', ...npm], {
    cwd: join(import.meta.dirname, '..'),
    stdio: ['ignore', 'pipe', 'inherit'],
    // A group of its own, so that a step that hangs is ended with all that it started.
    detached: true,
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    process.stdout.write(text);
    output += text;
  });
  const stop = (): void => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
  };
  const timer = setTimeout(() => {
    console.log(`✖ ${name} did not end within ${timeout / MINUTE} minutes`);
    stop();
  }, timeout);
  process.on('exit', stop);
  const [exitCode] = await once(child, 'close');
  clearTimeout(timer);
  process.off('exit', stop);
  return { name, ...totalsOf(output, exitCode === 0), duration: performance.now() - started };
}

/** A step without totals counts as one; a failed exit is at least one failure, whatever the totals say. */
function totalsOf(output: string, succeeded: boolean): { passed: number; failed: number } {
  const totals = [...output.matchAll(TOTALS)].at(-1);
  if (totals === undefined) return succeeded ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
  const [, passedTests, failedTests] = totals.map(Number);
  return { passed: passedTests ?? 0, failed: Math.max(failedTests ?? 0, succeeded ? 0 : 1) };
}
