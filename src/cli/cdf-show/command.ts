import { openChangeLog } from '../../cdf/changes/change-log.ts';
import { assertFits, shapeOf } from '../../cdf/changes/change-schema.ts';
import { readChanges } from '../../cdf/changes/read-changes.ts';
import { versionOf } from '../../cdf/export/export-table.ts';
import { outputFields, withChangeColumns } from '../../cdf/output/change-output.ts';
import { isPlain, isThere, plainText, type ValueSettings } from '../../cdf/text/cell-text.ts';
import { jsonObject, jsonText } from '../../cdf/text/json-text.ts';
import type { StructType } from '../../delta/schema.ts';
import { createCheckpointReader } from '../../parquet/checkpoint-reader.ts';
import type { RowBatch } from '../../parquet/rewrite/batch.ts';
import { type ParsedArgs, parseWholeNumber } from '../args.ts';
import { readBound } from '../cdf-export/bounds.ts';
import type { Command, CommandContext } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { formatRows } from '../format.ts';
import { openLocation } from '../location.ts';

const DEFAULT_LIMIT = 100;

export const cdfShowCommand: Command = {
  name: 'cdf show',
  effect: 'reads',
  summary: 'show the rows that changed in a table',
  description: [
    'Shows the rows that the versions --from to --until of TABLE inserted, updated and deleted, with what happened to each, ' +
      'the version and its time (UTC). Without --from: those of the latest version.',
  ],
  positionals: ['TABLE'],
  options: {
    from: { value: 'WHEN', help: 'the first version, or a time (default: the last one)' },
    until: { value: 'WHEN', help: 'the last version, or a time (default: the latest)' },
    limit: { value: 'N', help: `rows at most (default: ${DEFAULT_LIMIT})` },
    json: { help: 'JSON lines, one a row' },
  },
  examples: [
    'resaca cdf show s3://lake/orders --from 12 --until 15',
    'resaca cdf show ./orders --from 2026-11-30 --json',
  ],
  run: runShow,
};

const VALUES: ValueSettings = { timestamps: 'iso', zone: 'UTC', binary: 'hex' };

async function runShow(args: ParsedArgs, { terminal }: CommandContext): Promise<ExitCode> {
  const limit = parseWholeNumber(args.value('limit') ?? String(DEFAULT_LIMIT), 'limit', 1);
  const [fromBound, untilBound] = [readBound(args, 'from'), readBound(args, 'until')];
  const log = await openChangeLog(await openLocation(args.positionals[0] ?? ''), createCheckpointReader());
  const until = Math.min(log.latest.version, await versionOf(log, untilBound, 'until', log.latest.version));
  const from = await versionOf(log, fromBound, 'from', until);
  if (from > until) {
    terminal.note(`resaca: no version from ${from} to ${until}`);
    return EXIT.ok;
  }
  const shape = shapeOf(await log.snapshotAt(until));
  const initial = shapeOf(await log.snapshotAt(from));
  assertFits(log.latest.table.url, shape, initial);
  const schema: StructType = { type: 'struct', fields: outputFields(shape.schema, true) };
  const table: string[][] = [schema.fields.map(({ name }) => name)];
  let shown = 0;
  for await (const batch of readChanges(log, { from, until, shape, initial, deriveRewrites: true })) {
    const rows = withChangeColumns(batch);
    const line = args.flag('json') ? jsonObject(schema, rows.columns, VALUES) : undefined;
    const cells = line === undefined ? cellsOf(schema, rows) : undefined;
    for (let row = 0; row < batch.rowCount && shown < limit; row++, shown++) {
      if (line !== undefined) await terminal.print(line(row));
      else if (cells !== undefined) table.push(cells(row));
    }
    if (shown >= limit) break;
  }
  if (!args.flag('json')) for (const row of formatRows(table)) await terminal.print(row);
  if (shown >= limit) terminal.note(`resaca: the first ${limit} rows; --limit shows more`);
  return EXIT.ok;
}

/** Cells as they are shown: `null`, and no line ends. */
function cellsOf({ fields }: StructType, { columns }: RowBatch): (row: number) => string[] {
  const texts = fields.flatMap(({ type }, index) => {
    const column = columns[index];
    if (column === undefined) return [];
    const text = isPlain(type) ? plainText(type, column.values, VALUES) : jsonText(type, column, VALUES);
    return [(row: number) => (isThere(column, row) ? text(row).replaceAll(/\s/g, ' ') : 'null')];
  });
  return (row) => texts.map((text) => text(row));
}
