import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseCommandLine, UsageError } from '../../src/cli/args.ts';
import type { Command } from '../../src/cli/command.ts';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { graphCommand } from '../../src/cli/graph/command.ts';
import { stepResetCommand } from '../../src/cli/step-reset/command.ts';
import { stepRetryCommand } from '../../src/cli/step-retry/command.ts';
import { stepRunCommand } from '../../src/cli/step-run/command.ts';
import { stepStatusCommand } from '../../src/cli/step-status/command.ts';
import { createTerminal } from '../../src/cli/terminal.ts';
import { countFailure, readFailures } from '../../src/medallion/spark/failures.ts';
import { stepRuns } from '../../src/medallion/spark/step-folder.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import { structOf } from '../cdf/cdf-world.ts';
import { createStepWorld } from '../medallion/step-world.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const ORDERS = structOf({ id: 'long', shop: 'string', total: 'long' });

/** A folder with a table `bronze/orders`, and the configuration of what follows from it. */
async function createProject() {
  const folder = makeTempFolder();
  const landing = join(folder, 'landing');
  mkdirSync(landing);
  const world = createStepWorld(createFolderStore(landing));
  const orders = await world.source('bronze/orders', { schema: ORDERS });
  await orders.append([
    [1n, 'Lisbon', 10n],
    [2n, 'Porto', 5n],
    [3n, null, 1n],
  ]);
  const config = join(folder, 'resaca.config.ts');
  writeFileSync(join(folder, 'orders.sql'), 'SELECT * FROM orders;\n');
  writeFileSync(
    config,
    `export const config = { stage: 'dev', medallion: { steps: [
      { target: 'gold/shops', source: { step: 'silver-orders' }, mode: 'aggregate', keys: ['shop'],
        combine: { total: 'sum', orders: 'sum' }, rowCount: 'orders',
        sql: 'SELECT shop, sum(total) AS total, count(*) AS orders FROM orders GROUP BY shop' },
      { target: 'silver/orders', source: 'bronze/orders', mode: 'merge', keys: ['id'], sqlFile: 'orders.sql',
        quality: [{ check: 'not-null', column: 'shop', action: 'quarantine' }] },
    ] } };\n`,
  );
  const where = ['--config', config, '--place', `landing=${landing}`];
  return { folder, landing, config, where, world, orders };
}

/** Runs a command in this process. */
async function run(command: Command, args: readonly string[]) {
  let output = '';
  const write = (text: string): boolean => {
    output += text;
    return true;
  };
  const stream = { write } as unknown as NodeJS.WritableStream;
  const context = { terminal: createTerminal(stream, stream), signal: new AbortController().signal, ask: undefined };
  const code = await command.run(parseCommandLine(args, command), context);
  return { code, output };
}

const json = async (command: Command, args: readonly string[]) =>
  JSON.parse((await run(command, [...args, '--json'])).output);

describe('resaca step', () => {
  it('runs steps in the order in which they follow from each other, and tells how far they are', async () => {
    const { where, world, orders } = await createProject();
    const planned = await run(stepRunCommand, [...where, '--dry-run']);
    assert.match(planned.output, /silver-orders +merge .* nothing read of version 1\ngold-shops .* there is no table/);
    const { code, output } = await run(stepRunCommand, where);
    assert.equal(code, EXIT.ok);
    assert.match(
      output,
      /^silver-orders: 1 file read \(.*\), rows: 2 inserted, 1 quarantined; up to date with version 1\ngold-shops: /,
    );
    assert.deepEqual(await world.compute('SELECT shop, total FROM t', { t: 'gold/shops' }), [
      '{"shop":"Lisbon","total":"10"}',
      '{"shop":"Porto","total":"5"}',
    ]);
    await orders.append([[2n, 'Lisbon', 7n]]);
    const behind = await run(stepStatusCommand, ['silver-orders', ...where]);
    assert.equal(behind.code, EXIT.incomplete);
    assert.match(behind.output, /1 version behind version 2/);
    const { steps } = await json(stepRunCommand, where);
    assert.deepEqual(
      steps.map((step: { step: string; state: string; metrics: { rowsUpdated: number } }) => [step.step, step.state]),
      [
        ['silver-orders', 'done'],
        ['gold-shops', 'done'],
      ],
    );
    assert.deepEqual(await world.compute('SELECT shop, total FROM t', { t: 'gold/shops' }), [
      '{"shop":"Lisbon","total":"17"}',
    ]);
    const status = await run(stepStatusCommand, where);
    assert.equal(status.code, EXIT.ok);
    assert.match(status.output, /silver-orders .* up to date with version 2/);
  });

  it('has a step begin anew, with its quarantine, or go on at a version', async () => {
    const { where, world } = await createProject();
    await run(stepRunCommand, where);
    const before = await world.rows('silver/orders');
    assert.match((await run(stepResetCommand, ['silver-orders', ...where, '--dry-run'])).output, /would be emptied/);
    assert.deepEqual(await world.rows('silver/orders'), before);
    await assert.rejects(run(stepResetCommand, ['silver-orders', ...where]), UsageError);
    const { output } = await run(stepResetCommand, ['silver-orders', ...where, '--yes']);
    assert.match(
      output,
      /orders__quarantine: reset by version 1, 1 file removed\n.*silver\/orders: reset by version 1, 1 file removed/,
    );
    assert.deepEqual(await world.rows('silver/orders'), []);
    await run(stepRunCommand, where);
    assert.deepEqual(await world.rows('silver/orders'), before);
    assert.equal((await world.rows('silver/orders__quarantine')).length, 1);
    assert.equal((await world.rows('gold/shops')).length, 2);

    await run(stepResetCommand, ['silver-orders', ...where, '--from', '2', '--yes']);
    const [silver] = (await json(stepStatusCommand, ['silver-orders', ...where])).steps;
    assert.deepEqual(silver.position, { version: 2, files: 0 });
    assert.deepEqual(await world.rows('silver/orders'), before);
  });

  it('names what is wrong with the command line and the configuration', async () => {
    const { where, config, folder } = await createProject();
    await assert.rejects(
      run(stepRunCommand, ['nothing', ...where]),
      /there is no step "nothing"; there are gold-shops, silver-orders/,
    );
    await assert.rejects(
      run(stepStatusCommand, ['--config', config]),
      /the name of the bucket "landing" is known at the deployment only/,
    );
    await assert.rejects(run(stepStatusCommand, ['--config', join(folder, 'no.json')]), /there is no file/);
    const bad = join(folder, 'bad.json');
    writeFileSync(
      bad,
      JSON.stringify({ medallion: { steps: [{ target: 'a', source: 'b', mode: 'merge', sql: 'SELECT 1' }] } }),
    );
    await assert.rejects(run(graphCommand, ['--config', bad]), /steps\[0\]\.keys: is required/);
    writeFileSync(bad, '{}');
    await assert.rejects(run(graphCommand, ['--config', bad]), /has no part medallion/);
  });
});

describe('resaca graph', () => {
  it('lists the steps in their order', async () => {
    const { config } = await createProject();
    assert.match(
      (await run(graphCommand, ['--config', config])).output,
      /^silver-orders +merge +landing\/bronze\/orders -> landing\/silver\/orders\ngold-shops +aggregate /,
    );
    assert.deepEqual((await json(graphCommand, ['--config', config])).tables, [
      { table: 'landing/bronze/orders', layer: 0 },
      { table: 'landing/silver/orders', layer: 1 },
      { table: 'landing/gold/shops', layer: 2 },
    ]);
  });

  it('draws the tables as an SVG that needs nothing else', async () => {
    const { config, folder } = await createProject();
    const out = join(folder, 'graph.svg');
    await run(graphCommand, ['--config', config, '--out', out]);
    const svg = readFileSync(out, 'utf8');
    assert.match(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
    assert.equal(svg.match(/<rect /g)?.length, 3);
    assert.equal(svg.match(/class="line source"/g)?.length, 2);
    assert.doesNotMatch(svg, /(href|src)=|url\((?!#)/);
  });
});

describe('resaca step retry', () => {
  it('tells what Spark was given up for, and forgets it', async () => {
    const { where, world } = await createProject();
    const runs = stepRuns(world.tableAt('silver/orders'), 'silver-orders');
    await countFailure(runs, { work: 'w', run: 'r' }, 'no memory');
    const dry = await run(stepRetryCommand, [...where, 'silver-orders', '--dry-run']);
    assert.match(dry.output, /silver-orders: 1 Spark job came to nothing, the last one with: no memory\n/);
    assert.equal((await readFailures(runs))?.count, 1);
    const done = await run(stepRetryCommand, [...where, '--json']);
    assert.deepEqual(
      [done.code, JSON.parse(done.output)],
      [
        EXIT.ok,
        {
          dryRun: false,
          steps: [
            { step: 'gold-shops', failures: 0 },
            { step: 'silver-orders', failures: 1, detail: 'no memory' },
          ],
        },
      ],
    );
    assert.equal(await readFailures(runs), undefined);
    assert.match((await run(stepRetryCommand, where)).output, /silver-orders: no Spark job has failed/);
  });
});
