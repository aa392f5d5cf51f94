import type { QuarantineFacts, ReportFacts } from '../facts.ts';
import { formatBytes, formatCount, formatDuration, formatTime, plural, shortCount } from '../format.ts';
import { type Html, html, NONE, outside } from '../html.ts';

const MAX_PROPERTIES = 60;
const MAX_COLUMNS = 40;

/** Name, key figures and what the table is. */
export function renderHeader(facts: ReportFacts): Html {
  const { table, name, description, version, committedAt, generatedAt } = facts;
  return html`<header><p class="kicker">Delta table report</p><h1>${outside(table, 600)}</h1>
${name === null ? NONE : html`<p class="prose"><b>${outside(name)}</b></p>`}${description === null ? NONE : html`<p class="prose">${outside(description, 1_000)}</p>`}
<p class="quiet">Version ${formatCount(version)}, committed ${formatTime(committedAt)} UTC. Report of ${formatTime(generatedAt)} UTC.</p>
${keyFigures(facts)}</header>`;
}

function keyFigures({ files, history, quarantine, findings, partitions, partitionColumns }: ReportFacts): Html {
  const { lag } = history;
  const toDo = findings.filter(({ severity }) => severity !== 'info').length;
  const isBad = findings.some(({ severity }) => severity === 'error');
  return html`<dl class="key-figures">${[
    figure('Rows', isUntold(files) ? '–' : shortCount(files.rows), rowsNote(files)),
    figure('Size', formatBytes(files.bytes), `${formatCount(files.bytes)} bytes`),
    figure(
      'Active files',
      shortCount(files.files),
      partitionColumns.length === 0
        ? 'not partitioned'
        : `${partitions.more ? 'more than ' : ''}${plural(partitions.count, 'partition')}`,
    ),
    figure(
      'Lag to commit',
      lag === null ? '–' : formatDuration(lag.median),
      lag === null ? 'no files added' : `median; highest ${formatDuration(lag.highest)}`,
    ),
    figure(
      'In quarantine',
      `${quarantine.more ? '>' : ''}${formatCount(quarantine.files)}`,
      inQuarantine(quarantine),
      quarantine.files + quarantine.broken === 0 ? '' : 'is-warning',
    ),
    figure(
      'Health',
      toDo === 0 ? 'Good' : `${toDo} to do`,
      toDo === 0 ? 'nothing to do' : isBad ? 'one or more errors' : 'warnings',
      toDo === 0 ? 'is-good' : isBad ? 'is-error' : 'is-warning',
    ),
  ]}</dl>`;
}

/** Whether there are files, and none of them tells its rows. */
function isUntold({ files, filesWithoutRows }: ReportFacts['files']): boolean {
  return files > 0 && filesWithoutRows === files;
}

function rowsNote(files: ReportFacts['files']): string {
  const { rows, filesWithoutRows } = files;
  if (isUntold(files)) return 'not told by the statistics';
  if (filesWithoutRows === 0) return rows < 1000 ? 'by the statistics' : formatCount(rows);
  return `without ${plural(filesWithoutRows, 'file')} that ${filesWithoutRows === 1 ? 'does' : 'do'} not tell`;
}

function figure(name: string, value: string, note: string, kind = ''): Html {
  return html`<div><dt>${name}</dt><dd class="value ${kind}">${value}</dd><dd>${note}</dd></div>`;
}

/** Partition columns, protocol, features, properties and log. */
export function tableFacts({ protocol, partitionColumns, properties, log, createdAt }: ReportFacts): Html {
  const entries = Object.entries(properties);
  const listed = entries
    .slice(0, MAX_PROPERTIES)
    .map(([key, value]) => html`<div><code>${outside(key, 200)} = ${outside(value, 400)}</code></div>`);
  const rest = entries.length - listed.length;
  const rows: (readonly [string, Html])[] = [
    ['Partitioned by', names(partitionColumns, 'no column')],
    ['Protocol', html`reader ${protocol.reader}, writer ${protocol.writer}`],
    ['Features', names(protocol.features, 'none listed')],
    [
      'Properties',
      html`${listed.length === 0 ? 'none' : listed}${rest > 0 ? html`<div>and ${rest} more</div>` : NONE}`,
    ],
    ['Created', html`${createdAt === null ? 'not told' : `${formatTime(createdAt)} UTC`}`],
    ['Log', html`${logText(log)}`],
  ];
  return html`<dl class="facts">${rows.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
}

function names(values: readonly string[], none: string): Html {
  if (values.length === 0) return html`${none}`;
  const listed = values
    .slice(0, MAX_COLUMNS)
    .map((value, index) => html`${index === 0 ? '' : ', '}<code>${outside(value)}</code>`);
  return html`${listed}${values.length > listed.length ? `, and ${values.length - listed.length} more` : ''}`;
}

function logText({ oldestVersion, checkpointVersion, commitsSinceCheckpoint }: ReportFacts['log']): string {
  const from = oldestVersion === null ? '' : `from version ${formatCount(oldestVersion)} on; `;
  const checkpoint =
    checkpointVersion === null ? 'no checkpoint' : `checkpoint of version ${formatCount(checkpointVersion)}`;
  return `${from}${checkpoint}, ${plural(commitsSinceCheckpoint, 'commit')} since`;
}

function inQuarantine({ files, reasons, broken }: QuarantineFacts): string {
  if (broken > 0) return `${plural(broken, 'record')} unreadable`;
  return files === 0 ? 'every file was taken' : plural(reasons.length, 'reason');
}
