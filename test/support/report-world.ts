import type { Action } from '../../src/delta/actions.ts';
import { tableKey } from '../../src/delta/table.ts';
import { collectReport } from '../../src/report/collect/collect.ts';
import type { ReportFacts } from '../../src/report/facts.ts';
import { add, metaData, remove } from './delta-log-builder.ts';
import { createHistoryWorld, type HistoryWorld, HOUR } from './history-world.ts';

/** Text that does harm where it is not escaped, or turns around what stands behind it. */
export const HOSTILE = `"><script>alert(1)</script>'<img src=x onerror=alert(2)>&lt;\u202e\u0007\ud800<!--`;

export function collect(world: HistoryWorld, commits = 1_000): Promise<ReportFacts> {
  return collectReport(world.engine, world.table, { commits });
}

/** A month of commits of four writers to a partitioned table, with compactions, small files and a quarantine. */
export async function busyTable(commits = 300): Promise<HistoryWorld> {
  const world = await createHistoryWorld({ partitionColumns: ['ds'] });
  const engines = ['resaca/0.1.0', 'resaca/0.1.0', 'delta-rs:py-1.6.6', 'Apache-Spark/4.1.1 Delta-Lake/4.2.0'];
  let live: { readonly path: string; readonly size: number; readonly rows: number }[] = [];
  for (let index = 0; index < commits; index += 1) {
    world.advance(2 * HOUR);
    const ds = new Date(world.now()).toISOString().slice(0, 10);
    const added = (path: string, size: number, rows: number, dataChange: boolean): Action => {
      live.push({ path, size, rows });
      const modificationTime = world.now() - 1_000 * (1 + (index % 50) ** 2);
      return add(path, {
        size,
        dataChange,
        modificationTime,
        partitionValues: { ds },
        stats: `{"numRecords":${rows}}`,
      });
    };
    if (index % 40 === 39) {
      const old = live;
      live = [];
      const sum = (of: 'size' | 'rows') => old.reduce((total, file) => total + file[of], 0);
      await world.commit(
        { commitInfo: { engineInfo: 'resaca/0.1.0', operation: 'OPTIMIZE' } },
        ...old.map(({ path, size }) => remove(path, { size, dataChange: false })),
        added(`optimized-${index}`, sum('size'), sum('rows'), false),
      );
    } else {
      const engineInfo = engines[index % engines.length] ?? '';
      const size = 2 ** (14 + (index % 14)) + index;
      await world.commit(
        { commitInfo: { engineInfo, operation: 'WRITE' } },
        added(`part-${index}`, size, 1_000 + index, true),
      );
    }
  }
  await quarantine(
    world,
    1,
    'SCHEMA_CONFLICT',
    'column "price" is a string in the file and decimal(10,2) in the table',
  );
  await quarantine(world, 2, 'NOT_PARQUET', 'the file does not end as a Parquet file does');
  return world;
}

/** A table all of whose texts are hostile, many and long. */
export async function hostileTable(): Promise<HistoryWorld> {
  const root = `lake/${HOSTILE.toWellFormed()}`;
  const world = await createHistoryWorld({ root });
  const long = HOSTILE.repeat(20);
  const field = (index: number) => ({
    name: `${index}${long}`,
    type: 'string',
    nullable: true,
    metadata: { comment: long },
  });
  const fields = Array.from({ length: 500 }, (_, index) => field(index));
  const names = Array.from({ length: 70 }, (_, index) => `${index}${long}`);
  await world.commit(
    metaData({
      schemaString: JSON.stringify({ type: 'struct', fields }),
      partitionColumns: names,
      name: long,
      description: long,
      configuration: Object.fromEntries(names.map((name) => [name, long])),
    }),
  );
  for (let index = 0; index < 118; index += 1) {
    world.advance(HOUR);
    await world.commit(
      { commitInfo: { engineInfo: `${index}${long}`, operation: long } },
      add(`${index}`, {
        partitionValues: Object.fromEntries(names.slice(0, 5).map((name) => [name, `${index}${long}`])),
      }),
    );
    await quarantine(world, index, `${index}${long}`, long);
  }
  return world;
}

async function quarantine(world: HistoryWorld, id: number, reason: string, detail: string): Promise<void> {
  const time = new Date(world.now() - id * HOUR).toISOString();
  const record = { reason, detail, path: `ds=2026-01-24/${detail}.parquet`, size: 1_000 * id };
  const body = JSON.stringify({ ...record, key: '', table: world.table.url, eventTime: time, quarantinedAt: time });
  await world.table.store.put(tableKey(world.table, `_resaca/quarantine/${id}.json`), new TextEncoder().encode(body));
}
