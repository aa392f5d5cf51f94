import { typeName } from '../../delta/schema.ts';
import type { TableRef } from '../../delta/table.ts';
import { formatCount, formatRows, plural, wrap } from '../format.ts';
import type { Terminal } from '../terminal.ts';
import type { AppendedFiles } from './append.ts';
import type { FileReport } from './files.ts';

/** What was done, for people; `appended` is undefined for a dry run. */
export function reportLines(
  table: TableRef,
  reports: readonly FileReport[],
  appended: AppendedFiles | undefined,
  { style, width }: Terminal,
): string[] {
  const rows = reports.reduce((sum, report) => sum + report.rows, 0);
  const version = appended?.version === undefined ? '' : `, now at version ${appended.version}`;
  const title =
    appended === undefined
      ? `${table.url}: dry run, nothing was written; ${plural(rows, 'row')}`
      : `${plural(rows, 'row')} loaded into ${table.url}${version}`;
  return [
    style.bold(title),
    ...reports.flatMap((report) => fileLines(report, width)),
    ...(appended?.quarantined ?? []).map(({ key, reason, detail }) => `  ${key} was not taken: ${reason}: ${detail}`),
    ...schemaLines(reports),
  ];
}

function fileLines({ url, rows, rejected, firstRejected, files, isNew, problem }: FileReport, width: number): string[] {
  if (problem !== undefined) {
    return [
      `  ${url}: left out`,
      ...wrap(`${problem.reason}: ${problem.detail}`, width - 4).map((line) => `    ${line}`),
    ];
  }
  const facts = [
    plural(rows, 'row'),
    ...(rejected > 0 ? [`${formatCount(rejected)} rejected`] : []),
    ...(files.length > 0 ? [plural(files.length, 'file')] : []),
    ...(isNew ? [] : ['loaded before']),
  ];
  return [
    `  ${url}: ${facts.join(', ')}`,
    ...firstRejected.flatMap(({ line, reason, detail }) =>
      wrap(`line ${line}: ${reason}: ${detail}`, width - 4).map((text) => `    ${text}`),
    ),
  ];
}

/** The columns that the last file of a dry run would have. */
function schemaLines(reports: readonly FileReport[]): string[] {
  const { schema, partitionColumns = [] } = reports.findLast((report) => report.schema !== undefined) ?? {};
  if (schema === undefined) return [];
  return [
    '',
    'Columns',
    ...formatRows(schema.fields.map(({ name, type }) => [`  ${name}`, typeName(type)])),
    ...partitionColumns.map((name) => `  ${name}  in the path`),
  ];
}

/** What was done, as plain data; described in docs/cli.md. */
export function reportJson(table: TableRef, reports: readonly FileReport[], appended: AppendedFiles | undefined) {
  return {
    table: table.url,
    dryRun: appended === undefined,
    version: appended?.version ?? null,
    rows: reports.reduce((sum, report) => sum + report.rows, 0),
    rejected: reports.reduce((sum, report) => sum + report.rejected, 0),
    files: reports.map(({ files, ...report }) => ({ ...report, parts: files })),
    quarantined: appended?.quarantined ?? [],
  };
}
