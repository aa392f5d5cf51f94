import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createGlueCatalog } from '../../src/aws/glue-catalog.ts';
import { createS3Store } from '../../src/aws/s3-store.ts';
import { parseCommandLine, UsageError } from '../../src/cli/args.ts';
import { glueSyncCommand } from '../../src/cli/glue-sync/command.ts';
import { createTerminal } from '../../src/cli/terminal.ts';
import { isDeltaError } from '../../src/delta/errors.ts';
import { createLogBuilder, metaData, protocol } from '../support/delta-log-builder.ts';
import { startS3Server } from '../support/s3-server.ts';
import { available, resource } from '../support/unavailable.ts';

const aws = await resource(startS3Server);

async function run(args: readonly string[]) {
  const chunks: string[] = [];
  const output = { write: (text: string) => chunks.push(text) > 0 } as unknown as NodeJS.WriteStream;
  const terminal = createTerminal(output, output);
  const signal = new AbortController().signal;
  const code = await glueSyncCommand.run(parseCommandLine(args, glueSyncCommand), { terminal, signal, ask: undefined });
  return { code, output: chunks.join('') };
}

describe('resaca glue sync', { skip: aws.skip ?? false }, () => {
  Object.assign(process.env, available(aws).env);
  const schemaString = JSON.stringify({
    type: 'struct',
    fields: [{ name: 'Id', type: 'integer', nullable: true, metadata: {} }],
  });

  async function makeTable(root: string) {
    const bucket = await available(aws).createBucket();
    const store = createS3Store({ client: available(aws).client(), bucket });
    const log = createLogBuilder({ store, root, url: `s3://${bucket}/${root}` });
    await log.commit(protocol(), metaData({ configuration: { owner: 'me' } }));
    return { url: log.table.url, widen: () => log.commit(metaData({ schemaString })) };
  }

  it('says what it would do, does it, and leaves it at that', async () => {
    const { url, widen } = await makeTable('sales/Orders');
    const args = [url, '--database', 'Shop', '--table', 'O', '--create-database', '--property', 'owner'];
    assert.equal((await run([...args, '--dry-run'])).output, `${url}: would make shop.o in Glue, as of version 0\n`);
    assert.deepEqual(await run(args), { code: 0, output: `${url}: made shop.o in Glue, as of version 0\n` });
    assert.equal((await run(args)).output, `${url}: shop.o in Glue is as version 0 has it\n`);
    await widen();
    const difference =
      'shop.o in Glue, 2 differences to version 1\n  column id: bigint -> int\n  parameter owner: me -> none\n';
    assert.equal((await run([...args, '--dry-run'])).output, `${url}: would change ${difference}`);
    assert.equal((await run(args)).output, `${url}: changed ${difference}`);
    const table = await createGlueCatalog().getTable('shop', 'o');
    assert.deepEqual(table?.StorageDescriptor?.Columns, [{ Name: 'id', Type: 'int' }]);
  });

  it('names a table by its path, and prints JSON', async () => {
    const { url } = await makeTable('Area-51/Orders');
    const { output } = await run([`${url}/`, '--pattern', '{database}/{table}', '--create-database', '--json']);
    assert.deepEqual(JSON.parse(output), {
      location: url,
      database: 'area_51',
      table: 'orders',
      dryRun: false,
      outcome: 'created',
      version: 0,
      changes: [],
    });
  });

  it('says that a database, or the table, is not there', async () => {
    const { url } = await makeTable('orders');
    await assert.rejects(
      run([url, '--database', 'absent', '--table', 't']),
      /Glue has no database absent for the table t/,
    );
    await assert.rejects(run([`${url}/none`, '--database', 'a', '--table', 't']), (error) =>
      isDeltaError(error, 'TABLE_NOT_FOUND'),
    );
  });

  it('refuses what cannot be', async () => {
    const WRONG: readonly (readonly [readonly string[], RegExp])[] = [
      [['.', '--database', 'd', '--table', 't'], /expected a table on S3/],
      [['s3://b/t'], /--database and --table are missing, or --pattern/],
      [['s3://b/t', '--database', 'd'], /--database and --table are missing/],
      [['s3://b/t', '--database', 'd', '--table', 't', '--pattern', '{database}/{table}'], /expected it alone/],
      [['s3://b/t', '--pattern', '{database}/{table}'], /does not fit the path "t" of the table/],
      [['s3://b/t', '--pattern', '{table}'], /--database: needs \{database\}/],
    ];
    for (const [args, message] of WRONG) {
      await assert.rejects(run(args), (error) => error instanceof UsageError && message.test(error.message));
    }
  });
});
