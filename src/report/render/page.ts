import type { ReportFacts } from '../facts.ts';
import { formatTime } from '../format.ts';
import { html, outside } from '../html.ts';
import { renderLag, renderNewest, renderWriters } from './activity.ts';
import { renderGrowth } from './growth.ts';
import { renderHeader, tableFacts } from './header.ts';
import { renderPartitions, renderSizes } from './sizes.ts';
import { renderHealth, renderQuality, renderQuarantine, renderSchema } from './state.ts';
import { styleSheet } from './style.ts';
import { section } from './table.ts';

const POLICY = "default-src 'none'; style-src 'unsafe-inline'";

const SECTIONS = [
  ['health', 'Health'],
  ['growth', 'Growth'],
  ['sizes', 'File sizes'],
  ['lag', 'Lag'],
  ['commits', 'Commits'],
  ['partitions', 'Partitions'],
  ['quarantine', 'Quarantine'],
  ['quality', 'Quality'],
  ['newest', 'Newest commits'],
  ['schema', 'Schema'],
  ['table', 'Table'],
] as const;

/** The report as one HTML file that needs nothing else: no scripts, no requests. The same facts give the same bytes. */
export function renderReport(facts: ReportFacts): string {
  const title = html`${facts.table.slice(0, 300).toWellFormed()}: table report`;
  const shown = SECTIONS.filter(([id]) => id !== 'quality' || facts.history.quality.length > 0);
  const links = shown.map(([id, name]) => html`<li><a href="#${id}">${name}</a></li>`);
  const body = [
    renderHealth(facts),
    renderGrowth(facts),
    renderSizes(facts),
    renderLag(facts),
    renderWriters(facts),
    renderPartitions(facts),
    renderQuarantine(facts),
    renderQuality(facts),
    renderNewest(facts),
    renderSchema(facts),
    section('table', 'Table', tableFacts(facts)),
  ];
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${{ html: POLICY }}">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${{ html: styleSheet() }}</style>
</head>
<body>
${renderHeader(facts)}
<nav aria-label="Sections"><ul>${links}</ul></nav>
<main>
${body}
</main>
<footer>Made by resaca from the log of ${outside(facts.table, 600)}, ${formatTime(facts.generatedAt)} UTC. Times are in UTC; KiB, MiB and GiB are units of 1024.</footer>
</body>
</html>
`.html;
}
