import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Usage, watchProcesses } from './resources.ts';

/** Starts a script of Spark's with a request as JSON. */
export function startSparkScript(
  python: string,
  script: string,
  request: Readonly<Record<string, unknown>>,
): { readonly child: ChildProcess; errors(): string } {
  const child = spawn(python, [script, JSON.stringify(request)], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, PYSPARK_PYTHON: python },
  });
  // Whoever is stopped leaves no Spark behind.
  const end = () => child.kill();
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-4_000);
  });
  return { child, errors: () => errors };
}

/** Runs one to its end, and watches what it takes. Throws Error with the end of its log where it fails. */
export async function runSparkScript(
  python: string,
  script: string,
  request: Readonly<Record<string, unknown>>,
): Promise<Usage & { readonly wallMs: number }> {
  const started = performance.now();
  const { child, errors } = startSparkScript(python, script, request);
  const watch = watchProcesses(child.pid ?? 0);
  const [code, signal] = await once(child, 'exit');
  watch.stop();
  if (code !== 0) throw new Error(`Spark ended with ${signal ?? code}: ${errors()}`);
  return { ...watch.usage(), wallMs: performance.now() - started };
}
