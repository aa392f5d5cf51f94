import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { lambdaNodeArguments, type RunningFunction, startFunction } from '../../bench/lambda-runtime.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const isLinux = process.platform === 'linux';

/** A function whose handler has this body, with `event` and `context`. */
async function start(t: TestContext, body: string, options = {}, before = ''): Promise<RunningFunction> {
  const bundle = join(makeTempFolder(), 'index.mjs');
  writeFileSync(bundle, `${before}\nexport const handler = async (event, context) => {${body}};\n`);
  const started = await startFunction(bundle, { env: { GREETING: 'hello' }, ...options });
  t.after(() => started.stop());
  return started;
}

describe('a function that is driven through the Runtime API', { skip: !isLinux && 'needs /proc' }, () => {
  it('gets its events, variables and deadline, one after the other, in one process', async (t) => {
    const started = await start(
      t,
      'return { event, call: (calls += 1), greeting: process.env.GREETING, left: context.getRemainingTimeInMillis() }',
      { timeout: 50 },
      'let calls = 0;',
    );
    assert.ok(started.initMs > 0);
    for (const call of [1, 2]) {
      const { response, ms, peakRss } = await started.invoke({ text: 'é', call });
      const { left, ...rest } = response as { left: number };
      assert.deepEqual(rest, { event: { text: 'é', call }, call, greeting: 'hello' });
      assert.ok(left > 0 && left <= 50_000, `${left} ms left`);
      assert.ok(ms > 0 && peakRss > 2 ** 20);
    }
  });

  it('counts the CPU time and the memory of an invocation', async (t) => {
    const started = await start(
      t,
      'for (const end = Date.now() + event; Date.now() < end; ); globalThis.held = Buffer.alloc(event * 2 ** 20, 1); return 0',
    );
    const small = await started.invoke(1);
    const large = await started.invoke(300);
    assert.ok(large.cpuMs >= 100, `${large.cpuMs} ms`);
    assert.ok(large.peakRss - small.peakRss > 250 * 2 ** 20);
  });

  it('throws what the handler throws, and then gives it further events', async (t) => {
    const started = await start(t, "if (event === 'bad') throw new TypeError('no good'); return event");
    await assert.rejects(started.invoke('bad'), /the handler failed: .*TypeError.*no good/);
    assert.equal((await started.invoke('good')).response, 'good');
  });

  it('throws when the process ends, also for later events', async (t) => {
    const started = await start(t, 'process.exit(7)');
    await assert.rejects(started.invoke(0), /the function ended with 7/);
    await assert.rejects(started.invoke(0), /the function ended with 7/);
  });

  it('throws when the heap is full, as it is with the memory of the function', async (t) => {
    const started = await start(t, 'const held = []; for (;;) held.push({ of: [held.length] })', { memorySize: 128 });
    await assert.rejects(started.invoke(0), /SIGABRT: FATAL ERROR: .*heap out of memory/);
  });

  it('throws when the bundle cannot be loaded', async (t) => {
    await assert.rejects(start(t, '', {}, "throw new Error('bad setting')"), /could not start: .*bad setting/);
  });
});

describe('the arguments of Node', () => {
  it('are those of Lambda', () => {
    assert.deepEqual(lambdaNodeArguments(512).slice(2), ['--max-semi-space-size=25', '--max-old-space-size=460']);
  });
});
