import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestEvent } from 'node:test/reporters';
import { reportTests, totalsLine } from '../../scripts/test-report.ts';

const ROOT = '/repo';
const FILE = '/repo/test/a.test.ts';

describe('the report of a test run', () => {
  it('counts tests but not the suites around them', async () => {
    const { totals, lines } = await report([
      passed('one', 1),
      passed('two', 1),
      passed('suite', 0, 'suite'),
      end(FILE),
    ]);
    assert.deepEqual(totals, { passed: 2, failed: 0, skipped: 0, unavailable: 0 });
    assert.deepEqual(lines, ['✔ test/a.test.ts  2 passed (0.0 s)']);
  });

  it('shows each failure once, with its suites, its error and the output of the file', async () => {
    const { totals, lines } = await report([
      started('suite', 0),
      started('bad', 1),
      { type: 'test:stderr', data: { file: FILE, message: 'a warning\n' } },
      failed('bad', 1, 'test', 'testCodeFailure'),
      failed('suite', 0, 'suite', 'subtestsFailed'),
      end(FILE),
    ]);
    assert.deepEqual(totals, { passed: 0, failed: 1, skipped: 0, unavailable: 0 });
    const text = lines.join('\n');
    assert.match(text, /✖ test\/a\.test\.ts {2}0 passed, 1 failed/);
    assert.match(text, /✖ suite > bad \(test\/a\.test\.ts:7\)\n {6}Error: testCodeFailure/);
    assert.match(text, /output of the file:\n {6}a warning$/);
  });

  it('shows an error that came as a plain object', async () => {
    const cause = Object.assign(Object.create(null), { code: 'ERR_ASSERTION' });
    const { totals, lines } = await report([failed('bad', 0, 'test', 'testCodeFailure', { cause }), end(FILE)]);
    assert.equal(totals.failed, 1);
    assert.match(lines.join('\n'), /ERR_ASSERTION/);
  });

  it('counts a suite whose hook fails', async () => {
    const { totals } = await report([failed('suite', 0, 'suite', 'hookFailed'), end(FILE)]);
    assert.equal(totals.failed, 1);
  });

  it('counts a file that cannot be loaded', async () => {
    const { totals, lines } = await report([failed(FILE, 0, 'test', 'testCodeFailure')]);
    assert.equal(totals.failed, 1);
    assert.match(lines[0] ?? '', /✖ test\/a\.test\.ts/);
  });

  it('says how a process ended that failed as a whole, after tests that passed', async () => {
    const { totals, lines } = await report([
      passed('one', 0),
      { type: 'test:stderr', data: { file: FILE, message: 'a folder is not empty\n' } },
      end(FILE),
      failed(FILE, 0, 'test', 'testCodeFailure', { exitCode: null, signal: 'SIGSEGV' }),
    ]);
    assert.deepEqual(totals, { passed: 1, failed: 1, skipped: 0, unavailable: 0 });
    const text = lines.join('\n');
    assert.match(text, /: the process ended with SIGSEGV\n/);
    assert.match(text, /a folder is not empty$/, 'what came before the end of the tests');
  });

  it('gives one line for each reason to skip, however much was skipped', async () => {
    const other = '/repo/test/b.test.ts';
    const { totals, lines } = await report([
      passed('suite', 0, 'suite', 'no Python'),
      passed('suite 2', 0, 'suite', 'no Python'),
      end(FILE),
      passed('one', 0),
      passed('suite', 0, 'suite', 'no Python'),
      end(other),
    ]);
    assert.deepEqual(totals, { passed: 1, failed: 0, skipped: 3, unavailable: 3 });
    assert.deepEqual(lines, [
      '✔ test/b.test.ts  1 passed, 1 skipped (0.0 s)',
      '- skipped (test/a.test.ts, test/b.test.ts): no Python',
    ]);
  });

  it('tells what the machine lacks from what is optional everywhere', async () => {
    const { totals, lines } = await report([passed('suite', 0, 'suite', 'optional: no golden tables'), end(FILE)]);
    assert.deepEqual(totals, { passed: 0, failed: 0, skipped: 1, unavailable: 0 });
    assert.deepEqual(lines, ['- skipped (test/a.test.ts): optional: no golden tables']);
  });

  it('ends with a plain line of totals', () => {
    assert.equal(totalsLine({ passed: 3, failed: 0, skipped: 0 }), '3 passed, 0 failed');
    assert.equal(totalsLine({ passed: 3, failed: 1, skipped: 2 }), '3 passed, 1 failed, 2 skipped');
  });
});

async function report(events: readonly TestEvent[]) {
  const lines: string[] = [];
  const totals = await reportTests(stream(events), ROOT, (text) => lines.push(...text.split('\n')));
  return { totals, lines };
}

async function* stream(events: readonly TestEvent[]): AsyncGenerator<TestEvent> {
  yield* events;
}

function place(name: string, nesting: number) {
  return { name, nesting, parentId: undefined, tags: [], testId: 1, testNumber: 1, file: FILE, line: 7, column: 1 };
}

function started(name: string, nesting: number): TestEvent {
  return { type: 'test:start', data: place(name, nesting) };
}

function passed(name: string, nesting: number, type: 'test' | 'suite' = 'test', skip?: string): TestEvent {
  const data = { ...place(name, nesting), details: { duration_ms: 1, type } };
  return { type: 'test:pass', data: skip === undefined ? data : { ...data, skip } };
}

function failed(
  name: string,
  nesting: number,
  type: 'test' | 'suite',
  failureType: string,
  end: object = {},
): TestEvent {
  const error = Object.assign(new Error('test failed'), { failureType, cause: new Error(failureType), ...end });
  const data = { ...place(name, nesting), details: { duration_ms: 1, type, error } };
  return { type: 'test:fail', data };
}

function end(file: string): TestEvent {
  const counts = { cancelled: 0, passed: 0, failed: 0, skipped: 0, suites: 0, tests: 0, todo: 0, topLevel: 0 };
  return { type: 'test:summary', data: { file, counts, duration_ms: 1, success: true } };
}
