import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ReportFacts } from '../../src/report/facts.ts';
import { escapeText, html, outside } from '../../src/report/html.ts';
import { renderReport } from '../../src/report/render/page.ts';
import { add, remove } from '../support/delta-log-builder.ts';
import { createHistoryWorld, DAY } from '../support/history-world.ts';
import { busyTable, collect, hostileTable } from '../support/report-world.ts';

/** The text of a section, tags left out. */
function sectionText(page: string, id: string): string {
  const section = new RegExp(`<section aria-labelledby="${id}">(.*?)</section>`, 's').exec(page)?.[1];
  assert.ok(section !== undefined, `there is no section ${id}`);
  return section
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

async function pageOf(facts: Promise<ReportFacts>): Promise<string> {
  return renderReport(await facts);
}

describe('text in a report', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['markup', `<a href="x">'&`, '&lt;a href=&quot;x&quot;&gt;&#39;&amp;'],
    ['control characters', 'a\u0000\tb', 'a\\u{0}\\u{9}b'],
    ['marks of direction', 'a\u202eb\u2066', 'a\\u{202e}b\\u{2066}'],
    ['line separators and marks of order', '\u2028\ufeff', '\\u{2028}\\u{feff}'],
    ['halves of pairs', '\ud800', '\\u{d800}'],
    ['tags that cannot be seen', '\u{e0041}', '\\u{e0041}'],
    ['words of any script, and emoji', 'שלום 注文 👩‍💻', 'שלום 注文 👩‍💻'],
  ];
  for (const [name, text, expected] of cases) it(`escapes ${name}`, () => assert.equal(escapeText(text), expected));

  it('is escaped in a template, unless it is HTML already', () => {
    assert.equal(
      html`<p title="${'"'}">${html`<b>${'<'}</b>`}${[html`<i>`, html`</i>`]}${1}</p>`.html,
      '<p title="&quot;"><b>&lt;</b><i></i>1</p>',
    );
  });

  it('from outside is cut by the bytes of its HTML', () => {
    assert.equal(outside('abc', 3).html, '<bdi>abc</bdi>');
    assert.equal(outside('abcd', 3).html, '<bdi>abc…</bdi>');
    assert.equal(outside('""""', 13).html, '<bdi>&quot;&quot;…</bdi>');
    assert.equal(outside('👩👩', 5).html, '<bdi>👩…</bdi>');
  });
});

describe('a report', () => {
  const busy = busyTable().then((world) => collect(world));
  const hostile = hostileTable().then((world) => collect(world));

  it('is the same for the same facts', async () => {
    const facts = await busy;
    assert.equal(renderReport(facts), renderReport(structuredClone(facts)));
  });

  it('asks for nothing and runs nothing', async () => {
    for (const facts of [busy, hostile]) {
      const page = await pageOf(facts);
      assert.match(
        page,
        /<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">/,
      );
      assert.doesNotMatch(page, /<(script|img|link|iframe|object|use|image)\b|@import|url\(|<[^>]+\son\w+=/);
      const links = [...page.matchAll(/\s(?:href|src|action)="([^"]*)"/g)].map(([, target = '']) => target);
      assert.ok(
        links.every((target) => target.startsWith('#')),
        links.join(' '),
      );
    }
  });

  it('is small, and closes what it opens, whatever is in the table', async () => {
    const page = await pageOf(hostile);
    assert.ok(Buffer.byteLength(page) < 500_000, `${Buffer.byteLength(page)} bytes`);
    assert.ok(['"><script', '\u202e', '\u0007', '\ud800'].every((text) => !page.includes(text)));
    for (const tag of ['section', 'table', 'tr', 'td', 'svg', 'g', 'bdi', 'details', 'li', 'figure']) {
      const count = (pattern: string) => page.match(new RegExp(pattern, 'g'))?.length ?? 0;
      assert.equal(count(`<${tag}[ >]`), count(`</${tag}>`), tag);
    }
  });

  it('has every heading in its place and every id once', async () => {
    const page = await pageOf(busy);
    const levels = [...page.matchAll(/<h(\d)/g)].map(([, level]) => Number(level));
    assert.equal(levels[0], 1);
    for (const [index, level] of levels.entries()) assert.ok(level <= (levels[index - 1] ?? 0) + 1);
    const ids = [...page.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id);
    assert.deepEqual(ids.length, new Set(ids).size);
    const named = [...page.matchAll(/aria-labelledby="([^"]*)"/g)].flatMap(([, list = '']) => list.split(' '));
    for (const id of named) assert.ok(ids.includes(id), id);
    const targets = [...page.matchAll(/href="#([^"]*)"/g)].map(([, id = '']) => id);
    for (const id of targets) assert.ok(ids.includes(id), id);
  });

  it('gives each picture a title, a description and its numbers as a table', async () => {
    const page = await pageOf(busy);
    const pictures = [
      ...page.matchAll(
        /<svg class="(wide|narrow)"[^>]* role="img" aria-labelledby="[^"]+"><title id="[^"]+">([^<]+)<\/title><desc id="[^"]+">([^<]+)<\/desc>/g,
      ),
    ];
    assert.equal(pictures.length, page.match(/<svg/g)?.length);
    assert.equal(pictures.length, 9);
    assert.equal(page.match(/<details><summary>Numbers: /g)?.length, 4);
  });

  it('says numbers with their units', async () => {
    const page = await pageOf(busy);
    assert.match(
      sectionText(page, 'growth'),
      /301 commits, versions 0 to 300: 2026-01-01 00:00:00 to 2026-01-26 00:00:00 UTC/,
    );
    assert.match(
      sectionText(page, 'sizes'),
      /21 active files of 16 KiB to 4\d MiB|active files of .* small files? \(\d+ %\) hold/,
    );
    assert.match(sectionText(page, 'lag'), /median \d+ min \d+ s|median \d+ min/);
    assert.match(sectionText(page, 'quarantine'), /2 files, 2\.93 KiB, not taken/);
    assert.match(
      sectionText(page, 'health'),
      /warning CHECKPOINT_DUE .* What to do: resaca checkpoint s3:\/\/bucket\/lake\/orders/,
    );
  });
});

describe('a report with little to say', () => {
  it('of a table without files', async () => {
    const page = await pageOf(collect(await createHistoryWorld()));
    assert.match(
      sectionText(page, 'growth'),
      /One commit: version 0 of 2026-01-01 00:00:00 UTC\. All of it at one time/,
    );
    assert.match(sectionText(page, 'sizes'), /The table has no files\./);
    assert.match(sectionText(page, 'lag'), /there is no lag to show/);
    assert.match(sectionText(page, 'partitions'), /not partitioned/);
    assert.match(sectionText(page, 'quarantine'), /No file is in quarantine\.$/);
    assert.match(sectionText(page, 'health'), /Nothing was found that should be done\./);
    assert.match(sectionText(page, 'table'), /Properties none/);
    assert.doesNotMatch(page, /<svg|NaN|Infinity|undefined/);
  });

  it('with rules of quality, and a word of them only then', async () => {
    const facts = await collect(await busyTable(5));
    assert.doesNotMatch(renderReport(facts), /quality/i);
    const quality = [{ rule: '<b>known', rows: 1_200 }];
    const page = renderReport({ ...facts, history: { ...facts.history, quality } });
    assert.match(sectionText(page, 'quality'), /By rule Rule Rows &lt;b&gt;known 1,200/);
    assert.match(page, /<a href="#quality">/);
  });

  it('with one commit in range', async () => {
    const world = await busyTable(50);
    const page = await pageOf(collect(world, 1));
    assert.match(sectionText(page, 'growth'), /One commit: version 50 .* The newest 1 commits; --commits N shows more/);
    assert.doesNotMatch(page, /NaN|Infinity|undefined/);
  });

  it('without commits in range', async () => {
    const world = await busyTable(5);
    const facts = await collect(world);
    const since = { ...facts.history, buckets: [], newestCommits: [], commits: 0, since: world.now(), lag: null };
    const page = renderReport({ ...facts, history: since });
    for (const id of ['growth', 'commits', 'newest'])
      assert.match(sectionText(page, id), /No commits since 2026-01-01 10:00:00 UTC/);
  });

  it('of a log that was cleaned up', async () => {
    const world = await createHistoryWorld();
    for (const path of ['a', 'b', 'c']) {
      world.advance(DAY);
      await world.change([path]);
    }
    await world.log.checkpoint(2);
    for (const version of ['0', '1']) await world.log.delete(`${version.padStart(20, '0')}.json`);
    const page = await pageOf(collect(world));
    assert.match(sectionText(page, 'growth'), /The log was cleaned up: commits before version 2 are gone/);
  });

  it('where the log does not tell rows and sizes', async () => {
    const world = await createHistoryWorld();
    await world.commit(add('a'), add('b'));
    world.advance(DAY);
    await world.commit(remove('a'));
    const text = sectionText(await pageOf(collect(world)), 'growth');
    assert.match(text, /Rows Not known/);
    assert.match(text, /Sizes are known from version 2 on/);
  });
});
