import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkDemo } from '../../src/cli/start/check-demo.ts';
import type { DemoFile } from '../../src/local/demo/schedule.ts';
import type { Service } from '../../src/local/service.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import { parquet, rowsOf } from '../support/landing.ts';
import { landFile, runOnce } from '../support/local-landing.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

function demoFile(key: string, rows: number, corrupt = false): DemoFile {
  const content = parquet(rowsOf(1, rows));
  return {
    table: 't',
    key,
    rows,
    corrupt,
    landing: 'moved',
    deliveredTwice: false,
    newColumn: false,
    content: () => (corrupt ? content.subarray(0, 60) : content),
  };
}

async function land(files: readonly DemoFile[]): Promise<Service> {
  const folder = makeTempFolder();
  for (const { key, content } of files) landFile(folder, key, content());
  return runOnce(folder);
}

const good = demoFile('t/p=1/good.parquet', 5);
const bad = demoFile('t/p=1/bad.parquet', 5, true);

describe('the check of the demo', () => {
  const check = (service: Service, files: readonly DemoFile[]) => checkDemo(service, createCheckpointReader(), files);

  it('is content when all is as it should be', async () => {
    assert.deepEqual(await check(await land([good, bad]), [good, bad]), []);
  });

  it('sees what is missing, and what has the wrong rows', async () => {
    const service = await land([good]);
    const missing = demoFile('t/p=1/missing.parquet', 5);
    assert.deepEqual(await check(service, [{ ...good, rows: 6 }, missing]), [
      't/p=1/good.parquet has 5 rows in the table, expected 6',
      't/p=1/missing.parquet was added 0 times, expected 1',
    ]);
  });

  it('sees what is in quarantine and should not be, and the other way round', async () => {
    const service = await land([good, bad]);
    assert.deepEqual(
      await check(service, [
        { ...good, corrupt: true },
        { ...bad, corrupt: false },
      ]),
      [
        't/p=1/good.parquet was added 1 time, expected 0',
        't/p=1/bad.parquet was added 0 times, expected 1',
        't/p=1/good.parquet is corrupt and not in quarantine',
        't/p=1/bad.parquet is in quarantine',
      ],
    );
  });
});
