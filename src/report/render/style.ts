/** The colours of one scheme. */
export interface Palette {
  readonly ground: string;
  /** Behind what is set apart. */
  readonly raised: string;
  readonly text: string;
  /** Of what is said beside. */
  readonly quiet: string;
  readonly link: string;
  /** Lines between parts, and of axes. */
  readonly rule: string;
  readonly grid: string;
  readonly error: string;
  readonly warning: string;
  readonly good: string;
  /** Of series; after those of Okabe and Ito, which all eyes can tell apart, darker or lighter for contrast. The last is of all others. */
  readonly series: readonly string[];
}

export const LIGHT: Palette = {
  ground: '#ffffff',
  raised: '#f5f6f8',
  text: '#1b1f24',
  quiet: '#59626d',
  link: '#0063a0',
  rule: '#d5d9df',
  grid: '#e8ebef',
  error: '#b3261e',
  warning: '#8a5300',
  good: '#00694b',
  series: ['#0072b2', '#d55e00', '#008a64', '#b0568c', '#8a7300', '#7a828c'],
};

export const DARK: Palette = {
  ground: '#12161b',
  raised: '#1a2027',
  text: '#e5e9ee',
  quiet: '#9da7b3',
  link: '#79c0f2',
  rule: '#323a44',
  grid: '#252c35',
  error: '#ff8a80',
  warning: '#f2b45c',
  good: '#4fd1a5',
  series: ['#56b4e9', '#e8863c', '#2fbf95', '#dc8fc0', '#d6c452', '#8d97a3'],
};

function variables({ series, ...colours }: Palette): string {
  const own = Object.entries(colours).map(([name, value]) => `--${name}:${value}`);
  return [...own, ...series.map((value, index) => `--s${index}:${value}`)].join(';');
}

function seriesRules(): string {
  return LIGHT.series
    .map(
      (_, index) => `.s${index}{fill:var(--s${index});background:var(--s${index})}.l${index}{stroke:var(--s${index})}`,
    )
    .join('');
}

/** The style sheet of the report. */
export function styleSheet(): string {
  return `
:root{color-scheme:light dark;${variables(LIGHT)}}
@media (prefers-color-scheme:dark){:root{${variables(DARK)}}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--text);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif;-webkit-text-size-adjust:100%}
header,main,footer,nav{max-width:1040px;margin:0 auto;padding:0 16px}
header{padding-top:32px}
h1{font-size:26px;line-height:1.25;margin:2px 0 6px;font-weight:650;letter-spacing:-.01em}
h1,dd,td,.prose{overflow-wrap:anywhere}
h2{font-size:18px;line-height:1.3;margin:0;font-weight:650}
h3{font-size:14px;margin:0;font-weight:600}
p{margin:4px 0}
a{color:var(--link)}
.quiet,.note{color:var(--quiet)}
.note{font-size:13.5px;max-width:75ch}
.kicker{font-size:13px;color:var(--quiet);margin:0}
nav{margin-top:18px}
nav ul,.legend,.findings{list-style:none;margin:0;padding:0}
nav ul{display:flex;flex-wrap:wrap;gap:2px 18px;font-size:14px;padding:8px 0;border-top:1px solid var(--rule);border-bottom:1px solid var(--rule)}
nav a{text-decoration:none}
nav a:hover{text-decoration:underline}
.key-figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(148px,1fr));gap:18px 24px;margin:22px 0 0}
.key-figures div{min-width:0}
.key-figures dt{font-size:13px;color:var(--quiet)}
.key-figures dd{margin:0;font-size:13px;color:var(--quiet)}
.key-figures dd.value{font-size:24px;line-height:1.25;font-weight:650;color:var(--text);font-variant-numeric:tabular-nums;letter-spacing:-.01em}
section{padding:26px 0 0;margin-top:26px;border-top:1px solid var(--rule)}
main>section:first-child{border-top:0;margin-top:4px}
section>p{max-width:75ch}
.multiples{display:grid;grid-template-columns:1fr;gap:22px;margin-top:14px}
figure{margin:14px 0 0;min-width:0}
.multiples figure{margin:0}
figcaption{font-size:14px;display:flex;flex-wrap:wrap;gap:0 10px;align-items:baseline;margin-bottom:6px}
figcaption b{font-size:17px;font-variant-numeric:tabular-nums}
svg{display:block;width:100%;height:auto}
svg.narrow{max-width:480px}
svg.wide{display:none}
svg text{font-size:12px;fill:var(--quiet);font-family:inherit;font-variant-numeric:tabular-nums}
.axis{stroke:var(--quiet);stroke-opacity:.6}
.grid{stroke:var(--grid)}
.line{fill:none;stroke-width:2;stroke-linejoin:round}
.area{fill-opacity:.12}
.legend{display:flex;flex-wrap:wrap;gap:2px 18px;font-size:13.5px;margin-bottom:8px}
.key{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:6px}
details{margin-top:10px;font-size:14px}
summary{cursor:pointer;color:var(--link);width:max-content;max-width:100%}
.scroll{overflow-x:auto;margin-top:8px}
.scroll:focus-visible{outline:2px solid var(--link);outline-offset:2px}
table{border-collapse:collapse;width:100%;font-size:13.5px;font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--quiet);padding-bottom:4px;font-size:13px}
th,td{text-align:left;padding:4px 16px 4px 0;border-bottom:1px solid var(--grid);vertical-align:top}
th{font-weight:600;color:var(--quiet);white-space:nowrap;border-bottom-color:var(--rule)}
th:last-child,td:last-child{padding-right:0}
.number{text-align:right;white-space:nowrap}
.time{white-space:nowrap}
td.text{min-width:12ch}
td.code{min-width:18ch}
td.long{min-width:24ch}
code,td.code{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
.facts{display:grid;grid-template-columns:1fr;gap:2px 24px;margin:12px 0 0;font-size:14px}
.facts dt{color:var(--quiet)}
.facts dd{margin:0 0 6px}
.findings li{padding:10px 0 10px 14px;border-left:3px solid var(--rule);margin-top:12px}
.findings li.error{border-color:var(--error)}
.findings li.warning{border-color:var(--warning)}
.severity{font-size:12.5px;font-weight:650;margin-right:8px}
.error .severity,.is-error{color:var(--error)}
.warning .severity,.is-warning{color:var(--warning)}
.info .severity{color:var(--quiet)}
.is-good{color:var(--good)}
.share{display:block;height:8px;min-width:2px;border-radius:1px}
td.bar{width:26%;min-width:80px;padding-top:11px}
footer{padding-top:22px;padding-bottom:40px;margin-top:34px;font-size:13px;color:var(--quiet)}
${seriesRules()}
@media (min-width:760px){
svg.wide{display:block}
svg.wide+svg.narrow{display:none}
.multiples{grid-template-columns:repeat(3,minmax(0,1fr))}
.facts{grid-template-columns:max-content minmax(0,1fr)}
.facts dd{margin:0}
}
@media print{
:root{${variables(LIGHT)}}
body{font-size:11pt}
nav,details{display:none}
section,figure,tr,li{break-inside:avoid}
header{padding-top:0}
}
`.trim();
}
