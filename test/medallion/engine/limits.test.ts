import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { isEngineError } from '../../../src/medallion/engine/errors.ts';
import { createDuckDbEngine } from '../../../src/medallion/engine/session.ts';
import { structOf } from '../../cdf/cdf-world.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';
import { createTable, MIB, openSession, outputOf, putFile, relationOf, rowsOf, statement } from './engine-world.ts';

const IDS = structOf({ id: 'long' });
/** Distinct texts of some 100 bytes. */
const BIG =
  'SELECT i AS id, concat(md5(CAST(i AS VARCHAR)), md5(CAST(-i AS VARCHAR)), md5(CAST(i * i AS VARCHAR))) AS text ' +
  'FROM range(500000) t(i)';

describe('the limits of a session', () => {
  it('spill to the disk what does not fit the memory', async () => {
    const session = await openSession({ memoryLimit: 60 * MIB });
    const sql = `SELECT * FROM (${BIG}) ORDER BY text`;
    const files = await session.write(outputOf(createTable(), structOf({ id: 'long', text: 'string' }), sql));
    assert.equal(
      files.reduce((sum, { rows }) => sum + rows, 0),
      500_000,
    );
  });

  it('end with OUT_OF_MEMORY what does not work with so little memory', async () => {
    const session = await openSession({ memoryLimit: 12 * MIB });
    await assert.rejects(
      rowsOf(session, `SELECT length(string_agg(text, ',')) AS n FROM (${BIG})`),
      (error) => isEngineError(error, 'OUT_OF_MEMORY') && /make its batches smaller/.test(error.message),
    );
    assert.deepEqual(await rowsOf(session, 'SELECT 1 AS a'), [[1]], 'the session goes on');
  });

  it('end with DISK_FULL what spills more than it may', async () => {
    const session = await openSession({ memoryLimit: 24 * MIB, diskLimit: 8 * MIB });
    await assert.rejects(
      session.addStatement(statement('sorted', `SELECT * FROM (${BIG}) ORDER BY text`, true)),
      (error) => isEngineError(error, 'DISK_FULL') && error.data.statement === 'sorted',
    );
  });

  it('end with DISK_FULL files that have no room', async () => {
    const table = createTable();
    const rows = Array.from({ length: 1000 }, (_, id) => [BigInt(id)]);
    const files = [
      await putFile(table, 'a.parquet', { schema: IDS, rows }),
      await putFile(table, 'b.parquet', { schema: IDS, rows }),
    ];
    const session = await openSession({ diskLimit: (files[0]?.size ?? 0) + 10 });
    await assert.rejects(
      session.addRelation(relationOf(IDS, files)),
      (error) => isEngineError(error, 'DISK_FULL') && /there is room for \d+/.test(error.message),
    );
  });

  it('hold for results, which are objects', async () => {
    const session = await openSession();
    await assert.rejects(
      rowsOf(session, 'SELECT i AS id FROM range(1000000) t(i)'),
      (error) => isEngineError(error, 'SQL') && /has more than 100000 rows/.test(error.message),
    );
  });

  it('end with TIME_UP what is under way when the time is up', async () => {
    const session = await openSession({ deadline: Date.now() + 300 });
    await assert.rejects(
      rowsOf(session, 'SELECT count(*) AS n FROM range(1000000000) a(i), range(1000) b(j) WHERE hash(i + j) = 1'),
      (error) => isEngineError(error, 'TIME_UP'),
    );
    await assert.rejects(rowsOf(session, 'SELECT 1 AS a'), (error) => isEngineError(error, 'TIME_UP'));
  });
});

describe('sessions', () => {
  it('of one engine do not see each other, and may work at the same time', async () => {
    const tempDir = makeTempFolder();
    const engine = createDuckDbEngine({ tempDir, memoryLimit: 100 * MIB });
    const results = await Promise.all(
      Array.from({ length: 4 }, async (_, number) => {
        const session = await engine.open();
        try {
          const table = createTable();
          const file = await putFile(table, 'a.parquet', { schema: IDS, rows: [[BigInt(number)]] });
          await session.addRelation(relationOf(IDS, [file]));
          await session.addStatement(statement('made', 'SELECT id * 10 AS id FROM source', true));
          const [written] = await session.write(outputOf(table, IDS, 'SELECT * FROM made'));
          return JSON.parse(written?.stats ?? '{}').minValues.id;
        } finally {
          await session.close();
        }
      }),
    );
    assert.deepEqual(results, [0, 10, 20, 30]);
    assert.deepEqual(readdirSync(tempDir), []);
  });

  it('clear away what processes left behind that ended without closing theirs', async () => {
    const tempDir = makeTempFolder();
    const { pid: dead } = spawnSync('true');
    for (const pid of [dead, process.pid, process.ppid])
      mkdirSync(`${tempDir}/resaca-step-${pid}-abc/input`, { recursive: true });
    mkdirSync(`${tempDir}/other`);
    const session = await openSession({ tempDir });
    const again = await openSession({ tempDir });
    const left = readdirSync(tempDir).filter((name) => !name.startsWith(`resaca-step-${process.pid}-`));
    assert.deepEqual(left, ['other', `resaca-step-${process.ppid}-abc`]);
    assert.equal(readdirSync(tempDir).length, 4, 'those of two open sessions are there');
    await Promise.all([session.close(), again.close()]);
  });

  it('reach no file but their own, and change no settings', async () => {
    const session = await openSession();
    const other = makeTempFolder();
    for (const sql of [
      `SELECT * FROM read_text('${other}/x')`,
      `SELECT * FROM glob('${other}/*')`,
      "SELECT * FROM read_csv('/etc/passwd')",
      "SELECT * FROM read_parquet('https://example.com/x.parquet')",
      "SELECT * FROM 's3://bucket/x.parquet'",
      "SELECT getenv('PATH') AS p",
    ]) {
      await assert.rejects(rowsOf(session, sql), (error) => isEngineError(error), sql);
    }
    assert.equal(existsSync(`${session.folder}/x`), false);
  });
});
