import { relative } from 'node:path';
import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';

/** What a run of tests came to. A skipped suite counts once. */
export interface TestTotals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Those of the skipped for which the machine lacks something; the others need data that are no part of the project. */
  readonly unavailable: number;
}

/** How the reason of a skip starts that is good everywhere, also where nothing may be missing. */
const OPTIONAL = 'optional: ';

type Outcome = Extract<TestEvent, { type: 'test:pass' | 'test:fail' }>;

/**
 * What is known of the test file whose events are coming in: node:test delivers file by file. The file that an event
 * names is the one that holds the test's code, which may be a suite shared by several test files.
 */
interface FileReport {
  passed: number;
  /** The reason of each test or suite that was skipped. */
  skipped: string[];
  /** ms, summed over the outermost tests and suites. */
  duration: number;
  failures: string[];
  /** What the file's process printed; shown if something failed. */
  output: string;
}

/**
 * Prints one line a test file while the tests run, with each failure below it, then one line for each reason why
 * something was skipped. `root` is the folder that paths are shown relative to.
 */
export async function reportTests(
  events: AsyncIterable<TestEvent>,
  root: string,
  print: (line: string) => void,
): Promise<TestTotals> {
  const totals = { passed: 0, failed: 0, skipped: 0, unavailable: 0 };
  const skips = new Map<string, string[]>();
  let parents: string[] = [];
  let report = newReport();
  // What a process prints at its end may come before or after the end of its tests.
  let ended = { path: '', output: '' };

  function finishFile(path: string): void {
    if (path === ended.path) report.output = ended.output + report.output;
    ended = { path, output: report.output };
    totals.passed += report.passed;
    totals.skipped += report.skipped.length;
    totals.unavailable += report.skipped.filter((reason) => !reason.startsWith(OPTIONAL)).length;
    for (const reason of report.skipped) skips.set(reason, [...(skips.get(reason) ?? []), relative(root, path)]);
    totals.failed += report.failures.length;
    for (const line of fileLines(path, report, root)) print(line);
    report = newReport();
  }

  function take({ type, data }: Outcome): void {
    if (data.nesting === 0) report.duration += data.details.duration_ms;
    const reason = skipReason(data);
    if (reason !== undefined) {
      report.skipped.push(reason);
    } else if (type === 'test:fail') {
      // A suite that fails because of what is in it says nothing new.
      if (failureType(data.details.error) !== 'subtestsFailed') report.failures.push(failureText(data, parents, root));
    } else if (data.details.type !== 'suite') {
      report.passed += 1;
    }
  }

  for await (const event of events) {
    if (event.type === 'test:start') {
      parents = [...parents.slice(0, event.data.nesting), event.data.name];
    } else if (event.type === 'test:pass' || event.type === 'test:fail') {
      take(event);
      // A file that fails as a whole, or has no tests, comes as a test of its own.
      if (event.data.name === event.data.file) finishFile(event.data.name);
    } else if (event.type === 'test:stdout' || event.type === 'test:stderr') {
      report.output += event.data.message;
    } else if (event.type === 'test:diagnostic' && event.data.file !== undefined) {
      report.output += `${event.data.message}\n`;
    } else if (event.type === 'test:summary' && event.data.file !== undefined) {
      finishFile(event.data.file);
    }
  }
  for (const [reason, paths] of skips) print(`- skipped (${[...new Set(paths)].join(', ')}): ${reason}`);
  return totals;
}

/** The line that ends every run, for people and for scripts that add up. */
export function totalsLine({ passed, failed, skipped }: Omit<TestTotals, 'unavailable'>): string {
  return `${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`;
}

function newReport(): FileReport {
  return { passed: 0, skipped: [], duration: 0, failures: [], output: '' };
}

function fileLines(path: string, report: FileReport, root: string): string[] {
  const { passed, skipped, failures, duration } = report;
  if (failures.length === 0 && passed === 0) return [];
  const counts = [
    `${passed} passed`,
    ...(failures.length > 0 ? [`${failures.length} failed`] : []),
    ...(skipped.length > 0 ? [`${skipped.length} skipped`] : []),
  ];
  const line = `${failures.length > 0 ? '✖' : '✔'} ${relative(root, path)}  ${counts.join(', ')} (${(duration / 1000).toFixed(1)} s)`;
  if (failures.length === 0) return [line];
  const output = report.output.trim() === '' ? [] : ['    output of the file:', indent(report.output.trim(), 6)];
  return [line, ...failures, ...output];
}

function skipReason(data: Outcome['data']): string | undefined {
  if (data.todo !== undefined && data.todo !== false) return `"${data.name}" is marked as a todo`;
  if (data.skip === undefined || data.skip === false) return undefined;
  return typeof data.skip === 'string' ? data.skip : `"${data.name}", without a reason`;
}

function failureText(data: Outcome['data'], parents: readonly string[], root: string): string {
  const path = [...parents.slice(0, data.nesting), data.name].map((name) => relativeName(name, root)).join(' > ');
  const place =
    data.file === undefined || data.line === undefined ? '' : ` (${relative(root, data.file)}:${data.line})`;
  const error = 'error' in data.details ? data.details.error : undefined;
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  // An error that holds what cannot be sent between processes comes as a plain object.
  const text = typeof cause === 'string' ? cause : inspect(cause, { depth: 4 });
  return `  ✖ ${path}${place}\n${indent(text + processEnd(error), 6)}`;
}

/** How the process of a file ended that failed as a whole, which its tests and its output may say nothing of. */
function processEnd(error: unknown): string {
  if (!(error instanceof Error) || !('exitCode' in error) || !('signal' in error)) return '';
  return `: the process ended with ${error.signal ?? `exit code ${error.exitCode}`}`;
}

/** A file that cannot be loaded is reported as a test with its path as the name. */
function relativeName(name: string, root: string): string {
  return name.startsWith(root) ? relative(root, name) : name;
}

function failureType(error: unknown): unknown {
  return error instanceof Error && 'failureType' in error ? error.failureType : undefined;
}

function indent(text: string, spaces: number): string {
  return text.replace(/^/gm, ' '.repeat(spaces));
}
