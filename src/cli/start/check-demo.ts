import type { CheckpointReader } from '../../delta/checkpoint.ts';
import { readHistory } from '../../delta/history.ts';
import { canonicalPath } from '../../delta/path.ts';
import { activeFiles, loadSnapshot } from '../../delta/snapshot.ts';
import { type TableRef, tableKey } from '../../delta/table.ts';
import type { DemoFile } from '../../local/demo/schedule.ts';
import type { Service } from '../../local/service.ts';
import { plural } from '../format.ts';
import { rowCount } from '../inspect/file-totals.ts';

/** What is not as it should be after the demo; empty when all is. */
export async function checkDemo(
  service: Service,
  reader: CheckpointReader,
  files: readonly DemoFile[],
): Promise<string[]> {
  const problems: string[] = [];
  for (const root of new Set(files.map(({ table }) => table))) {
    const expected = files.filter(({ table }) => table === root);
    problems.push(...(await checkTable(service.tableRef(root), reader, expected)));
  }
  const quarantined = new Set(
    service
      .status()
      .quarantine.files()
      .map(({ key }) => key),
  );
  for (const { key, corrupt } of files) {
    if (corrupt && !quarantined.has(key)) problems.push(`${key} is corrupt and not in quarantine`);
    if (!corrupt && quarantined.has(key)) problems.push(`${key} is in quarantine`);
  }
  const { deadLetters } = service.status();
  if (deadLetters > 0) problems.push(`${plural(deadLetters, 'message')} could not be handled`);
  return problems;
}

async function checkTable(table: TableRef, reader: CheckpointReader, expected: readonly DemoFile[]): Promise<string[]> {
  const snapshot = await loadSnapshot(table, reader);
  const rows = new Map<string, number | undefined>();
  for await (const batch of activeFiles(snapshot, reader, { stats: true })) {
    for (const add of batch) rows.set(tableKey(table, canonicalPath(table, add.path)), rowCount(add));
  }
  const adds = new Map<string, number>();
  for await (const { actions } of readHistory(snapshot)) {
    for (const action of actions) {
      if (!('add' in action)) continue;
      const key = tableKey(table, canonicalPath(table, action.add.path));
      adds.set(key, (adds.get(key) ?? 0) + 1);
    }
  }
  return expected.flatMap((file) => {
    const times = adds.get(file.key) ?? 0;
    const wanted = file.corrupt ? 0 : 1;
    if (times !== wanted) return [`${file.key} was added ${plural(times, 'time')}, expected ${wanted}`];
    if (wanted === 1 && rows.get(file.key) !== file.rows) {
      return [`${file.key} has ${rows.get(file.key) ?? 'no'} rows in the table, expected ${file.rows}`];
    }
    return [];
  });
}
