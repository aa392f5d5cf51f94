import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { renderReport } from '../../src/report/render/page.ts';
import { contrast } from '../support/contrast.ts';
import { createHistoryWorld } from '../support/history-world.ts';
import { type Browser, launchChromium, type Page } from '../support/interop/chromium.ts';
import { parquet, rowsOf } from '../support/landing.ts';
import { landFile, runOnce } from '../support/local-landing.ts';
import { busyTable, collect, hostileTable } from '../support/report-world.ts';
import { runCli } from '../support/run-cli.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { available, type Resource, resource } from '../support/unavailable.ts';

const WIDTHS = [360, 768, 1280, 2560] as const;
const SCHEMES = ['light', 'dark'] as const;

/** What the page in the browser looks like; its colours as `rgb(…)`. */
interface Look {
  readonly scrollWidth: number;
  readonly clientWidth: number;
  readonly ground: string;
  /** Colours of texts by selector. */
  readonly texts: Readonly<Record<string, string>>;
  /** Those that are shown. */
  readonly pictures: readonly Picture[];
  readonly scripts: number;
  readonly tables: number;
}

interface Picture {
  readonly width: number;
  readonly height: number;
  /** Shapes of data, and those of them that have no size. */
  readonly shapes: number;
  readonly flat: number;
  /** Texts that lie outside of the picture or over one another. */
  readonly badTexts: readonly string[];
}

/** Runs in the page. */
const LOOK = `(() => {
  const colour = (selector) => { const at = document.querySelector(selector); return at === null ? '' : getComputedStyle(at).color; };
  const selectors = ['h1', 'h2', 'p', '.quiet', '.key-figures dt', 'td', 'th', 'nav a', 'summary', '.severity'];
  const meet = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
  const pictures = [...document.querySelectorAll('svg')].filter((svg) => svg.getBoundingClientRect().width > 0).map((svg) => {
    const box = svg.getBoundingClientRect();
    const shapes = [...svg.querySelectorAll('path[class^="s"],path[class*="line"],circle')].map((shape) => shape.getBBox());
    const texts = [...svg.querySelectorAll('text')].map((text) => ({ text: text.textContent, box: text.getBoundingClientRect() }));
    const outside = texts.filter(({ box: at }) => at.left < box.left - 1 || at.right > box.right + 1 || at.width === 0);
    const over = texts.filter(({ box: at }, index) => texts.some((other, place) => place < index && meet(at, other.box)));
    return { width: box.width, height: box.height, shapes: shapes.length, flat: shapes.filter(({ width, height }) => width + height === 0).length, badTexts: [...outside, ...over].map(({ text }) => text) };
  });
  return {
    scrollWidth: document.documentElement.scrollWidth,
    clientWidth: document.documentElement.clientWidth,
    ground: getComputedStyle(document.body).backgroundColor,
    texts: Object.fromEntries(selectors.map((selector) => [selector, colour(selector)])),
    pictures,
    scripts: document.scripts.length + document.images.length,
    tables: document.querySelectorAll('table').length,
  };
})()`;

describe('a report in Chromium', () => {
  const folder = makeTempFolder();
  let browser: Resource<Browser>;
  const complaints: string[] = [];
  const requests: string[] = [];

  before(async () => {
    browser = await resource(launchChromium);
    const empty = await createHistoryWorld();
    for (const [name, world] of Object.entries({ busy: await busyTable(), hostile: await hostileTable(), empty })) {
      writeFileSync(join(folder, `${name}.html`), renderReport(await collect(world)));
    }
  });

  after(async () => {
    await browser.value?.close();
  });

  async function open(name: string, width: number, scheme: string): Promise<Page> {
    const page = await available(browser).newPage();
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => requests.push(request.url()));
    await page.setViewport({ width, height: 900 });
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
    await page.goto(pathToFileURL(join(folder, `${name}.html`)).href);
    return page;
  }

  async function look(name: string, width: number, scheme: string): Promise<Look> {
    const page = await open(name, width, scheme);
    const seen = (await page.evaluate(LOOK)) as Look;
    await page.close();
    return seen;
  }

  for (const width of WIDTHS) {
    it(`fits ${width} px, with pictures that can be seen`, async () => {
      const { scrollWidth, clientWidth, pictures } = await look('busy', width, 'light');
      assert.ok(scrollWidth <= clientWidth, `${scrollWidth} of ${clientWidth}`);
      assert.equal(pictures.length, 6);
      for (const picture of pictures) {
        assert.ok(picture.width > 200 && picture.height > 100, JSON.stringify(picture));
        assert.ok(picture.shapes > 0, JSON.stringify(picture));
        assert.deepEqual([picture.flat, picture.badTexts], [0, []]);
      }
    });
  }

  for (const scheme of SCHEMES) {
    it(`is readable in the ${scheme} scheme`, async () => {
      const { ground, texts } = await look('busy', 1280, scheme);
      assert.equal(contrast(hex(ground), '#000000') > 10, scheme === 'light');
      for (const [selector, colour] of Object.entries(texts)) {
        const ratio = contrast(hex(colour), hex(ground));
        assert.ok(ratio >= 4.5, `${selector}: ${colour} on ${ground} is ${ratio}`);
      }
    });
  }

  it('of a hostile table runs nothing, and fits', async () => {
    for (const width of WIDTHS) {
      const { scrollWidth, clientWidth, scripts, tables, pictures } = await look('hostile', width, 'dark');
      assert.ok(scrollWidth <= clientWidth, `${scrollWidth} of ${clientWidth}`);
      assert.equal(scripts, 0);
      assert.ok(tables > 5);
      // That of its rows is missing: the log does not tell them.
      assert.equal(pictures.length, 5);
    }
  });

  it('of an empty table says so', async () => {
    const { scrollWidth, clientWidth, pictures } = await look('empty', 360, 'light');
    assert.ok(scrollWidth <= clientWidth);
    assert.deepEqual(pictures, []);
  });

  it('shows the numbers of a picture, and its parts by the links', async () => {
    const page = await open('busy', 360, 'light');
    const rows = await page.evaluate(`(() => {
      for (const details of document.querySelectorAll('details')) details.open = true;
      return [...document.querySelectorAll('details')].map((details) => details.querySelectorAll('tbody tr').length);
    })()`);
    assert.ok(Array.isArray(rows) && rows.length === 5 && rows.every((count) => count > 0), JSON.stringify(rows));
    assert.ok(((await page.evaluate(LOOK)) as Look).scrollWidth <= 360);
    const dead = await page.evaluate(
      `[...document.links].filter(({ hash }) => document.querySelector(hash) === null).length`,
    );
    assert.equal(dead, 0);
    await page.close();
  });

  it('is light on paper, without what cannot be opened there', async () => {
    const page = await open('busy', 1280, 'dark');
    await page.emulateMediaType('print');
    const printed = (await page.evaluate(
      `[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector('nav')).display]`,
    )) as readonly string[];
    assert.deepEqual(printed, ['rgb(255, 255, 255)', 'none']);
    await page.close();
  });

  it('is what the command writes', async () => {
    const landing = makeTempFolder();
    landFile(landing, 'orders/a.parquet', parquet(rowsOf(1, 10)));
    await runOnce(landing);
    const file = join(folder, 'command.html');
    const { code, stderr } = await runCli(['report', join(landing, 'orders'), '--out', file]);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(readFileSync(file, 'utf8'), /^<!doctype html>/);
    const { tables, scrollWidth } = await look('command', 360, 'light');
    assert.ok(tables >= 3 && scrollWidth <= 360);
  });

  it('asks for nothing but itself, and the browser has nothing to complain of', () => {
    assert.deepEqual(complaints, []);
    assert.ok(requests.length > 10);
    assert.deepEqual(
      requests.filter((url) => !url.startsWith('file:') || !url.endsWith('.html')),
      [],
    );
  });
});

/** `#rrggbb` of `rgb(r, g, b)`. */
function hex(colour: string): string {
  const parts = /^rgb\((\d+), (\d+), (\d+)\)$/.exec(colour)?.slice(1) ?? [];
  assert.equal(parts.length, 3, `expected a colour without transparency, got "${colour}"`);
  return `#${parts.map((part) => Number(part).toString(16).padStart(2, '0')).join('')}`;
}
