/**
 * Runs the tests: `npm test` those that need Node only (and Python for S3), `npm run test:interop` those with other
 * engines. `npm test -- storage delta/path` runs the files whose path holds one of the words.
 *
 * What cannot run on this machine is skipped with one line that says why; `--no-skips`, as in CI, makes that an error,
 * except where the reason starts with `optional: `, for data that are no part of the project.
 * Ends with the line `N passed, N failed`, and `, N skipped` where something was.
 */
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { run } from 'node:test';
import type { TestEvent } from 'node:test/reporters';
import { parseArgs } from 'node:util';
import { reportTests, totalsLine } from './test-report.ts';

/** Time in ms after which a test file is given up. Interop files start a JVM, and install what they need at first. */
const FILE_TIMEOUT = { unit: 10 * 60_000, interop: 30 * 60_000 };

const ROOT = join(import.meta.dirname, '..');
const INTEROP = 'test/interop/';

const { values: options, positionals: filters } = parseArgs({
  allowPositionals: true,
  options: { interop: { type: 'boolean', default: false }, 'no-skips': { type: 'boolean', default: false } },
});

const files = findFiles();
if (files.length === 0) {
  console.error(`no test file under ${options.interop ? INTEROP : 'test/'} matches: ${filters.join(' ')}`);
  console.log('0 passed, 1 failed');
  process.exit(1);
}

const events: AsyncIterable<TestEvent> = run({
  cwd: ROOT,
  files: files.map((file) => join(ROOT, file)),
  // A JVM uses all cores by itself, but interop files wait for deployments, brokers and queues most of their time.
  concurrency: Math.min(options.interop ? 2 : Number.POSITIVE_INFINITY, availableParallelism()),
  timeout: options.interop ? FILE_TIMEOUT.interop : FILE_TIMEOUT.unit,
});
const totals = await reportTests(events, ROOT, (line) => console.log(line));
const missing = options['no-skips'] ? totals.unavailable : 0;
if (missing > 0) console.log('✖ nothing may be missing here (--no-skips)');
const failed = totals.failed + missing;
console.log(totalsLine({ passed: totals.passed, failed, skipped: totals.skipped - missing }));
process.exitCode = failed > 0 ? 1 : 0;

function findFiles(): string[] {
  return globSync('test/**/*.test.ts', { cwd: ROOT })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.startsWith(INTEROP) === options.interop)
    .filter((path) => filters.length === 0 || filters.some((filter) => path.includes(filter)))
    .sort();
}
