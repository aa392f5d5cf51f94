import type { Finding } from '../../maintenance/doctor/findings.ts';
import type { ColumnFacts, QuarantineFacts, ReportFacts } from '../facts.ts';
import { formatBytes, formatCount, plural } from '../format.ts';
import { type Html, html, NONE, outside } from '../html.ts';
import { cell, leftOut, section, table } from './table.ts';

const MAX_EXAMPLES = 5;
const MAX_COLUMNS = 250;
const MAX_REASONS = 20;

/** The doctor's findings with what to do. */
export function renderHealth({ findings, table: url }: ReportFacts): Html {
  if (findings.length === 0) {
    return section('health', 'Health', html`<p>Nothing was found that should be done.</p>`);
  }
  return section(
    'health',
    'Health',
    html`<ul class="findings">${findings.map((finding) => renderFinding(finding, url))}</ul>`,
    html`<p class="note">By <code>resaca doctor</code>, without a look at the files in the store; <code>resaca doctor TABLE --files</code> does that.</p>`,
  );
}

function renderFinding({ severity, code, message, advice, examples = [] }: Finding, url: string): Html {
  const named = examples.slice(0, MAX_EXAMPLES).map((example) => html`<br><code>${outside(example, 300)}</code>`);
  return html`<li class="${severity}"><span class="severity">${severity}</span><code>${code}</code><p class="prose">${outside(sentence(message), 1_500)}${named}</p><p class="prose quiet">What to do: ${outside(sentence(advice.replaceAll('TABLE', () => url)), 1_500)}</p></li>`;
}

/** A capital and a full stop; a command is left as it is. */
function sentence(text: string): string {
  if (text.startsWith('resaca ')) return text;
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;
}

/** What rules of quality found; nothing for a table that has none. */
export function renderQuality({ history, table: url }: ReportFacts): Html {
  const { quality } = history;
  if (quality.length === 0) return NONE;
  return section(
    'quality',
    'Quality',
    html`<p>Rows that broke a rule of quality, in the commits that were read. Those that a rule keeps out are in ${outside(`${url}__quarantine`, 600)}.</p>`,
    table(
      'By rule',
      [
        { name: 'Rule', kind: 'code' },
        { name: 'Rows', kind: 'number' },
      ],
      quality.map(({ rule, rows }) => [outside(rule, 120), cell(formatCount(rows))]),
    ),
  );
}

/** What did not fit the table. */
export function renderQuarantine({ quarantine }: ReportFacts): Html {
  const { files, bytes, more, reasons, newest } = quarantine;
  if (files === 0) {
    return section('quarantine', 'Quarantine', html`<p>No file is in quarantine.</p>`, renderBroken(quarantine));
  }
  return section(
    'quarantine',
    'Quarantine',
    html`<p>${more ? 'More than ' : ''}${plural(files, 'file')}, ${formatBytes(bytes)}, not taken into the table. <code>resaca quarantine list</code> tells more, <code>retry</code> tries again.</p>`,
    more ? html`<p class="note">Counted are ${formatCount(files)} records, chosen as by chance.</p>` : NONE,
    table(
      'By reason',
      [
        { name: 'Reason', kind: 'code' },
        { name: 'Files', kind: 'number' },
        { name: 'Size', kind: 'number' },
        { name: 'Oldest', kind: 'time' },
        { name: 'Newest', kind: 'time' },
        { name: 'Newest detail', kind: 'long' },
      ],
      reasons
        .slice(0, MAX_REASONS)
        .map((group) => [
          outside(group.reason, 120),
          cell(formatCount(group.files)),
          cell(formatBytes(group.bytes)),
          day(group.oldest),
          day(group.newest),
          outside(group.detail, 300),
        ]),
    ),
    leftOut(MAX_REASONS, reasons.length, 'reasons'),
    html`<details><summary>The newest ${newest.length}</summary>${table(
      'The newest files in quarantine',
      [
        { name: 'Since (UTC)', kind: 'time' },
        { name: 'File', kind: 'code' },
        { name: 'Size', kind: 'number' },
        { name: 'Reason', kind: 'code' },
        { name: 'Detail', kind: 'long' },
      ],
      newest.map((file) => [
        outside(file.quarantinedAt.slice(0, 19).replace('T', ' '), 60),
        outside(file.path, 400),
        cell(file.size === null ? '' : formatBytes(file.size)),
        outside(file.reason, 120),
        outside(file.detail, 300),
      ]),
    )}</details>`,
    renderBroken(quarantine),
  );
}

/** Records that say nothing: somebody has to look at them. */
function renderBroken({ broken, brokenRecords }: QuarantineFacts): Html {
  if (broken === 0) return NONE;
  return html`<p>${plural(broken, 'record')} cannot be read, and ${broken === 1 ? 'is' : 'are'} not counted here. <code>resaca quarantine show</code> shows one by its id, <code>discard</code> deletes it.</p>${table(
    'Records that cannot be read',
    [
      { name: 'Key', kind: 'code' },
      { name: 'What is wrong', kind: 'long' },
    ],
    brokenRecords.map(({ key, problem }) => [outside(key, 400), outside(problem, 300)]),
  )}${leftOut(brokenRecords.length, broken, 'records')}`;
}

function day(time: string): Html {
  return outside(time.slice(0, 10), 60);
}

/** The columns with types and comments. */
export function renderSchema({ schema }: ReportFacts): Html {
  const shown = schema.slice(0, MAX_COLUMNS);
  const hasComments = shown.some(({ comment }) => comment !== null);
  return section(
    'schema',
    'Schema',
    html`<p>${plural(schema.filter(({ depth }) => depth === 0).length, 'column')}.</p>`,
    table(
      'Columns',
      [
        { name: 'Column', kind: 'code' },
        { name: 'Type', kind: 'code' },
        { name: 'Null', kind: 'time' },
        ...(hasComments ? [{ name: 'Comment', kind: 'long' as const }] : []),
      ],
      shown.map((column) => [
        columnName(column),
        outside(column.type, 120),
        cell(column.nullable ? 'yes' : 'no'),
        ...(hasComments ? [outside(column.comment ?? '', 240)] : []),
      ]),
    ),
    leftOut(shown.length, schema.length, 'columns'),
  );
}

/** Steps to the right of nested columns that there is room for. */
const MAX_DEPTH = 8;

function columnName({ depth, name, isPartition }: ColumnFacts): Html {
  const indent = Math.min(depth, MAX_DEPTH) * 16;
  return html`<span style="padding-left:${indent}px">${outside(name, 160)}</span>${isPartition ? html` <span class="quiet">partition</span>` : NONE}`;
}
