/**
 * What loading a large file takes: `node bench/loader.ts [MB of source] [jsonl|jsonl.gz|csv]`. Writes the file into a temporary
 * folder, loads it in a process of its own from there, and reports the time and the most memory that the process had.
 */
import { spawnSync } from 'node:child_process';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { DEFAULT_LIMITS, defaultLoadSettings } from '../src/loader/config.ts';
import { formatOfKey } from '../src/loader/formats.ts';
import { loadFile } from '../src/loader/load-file.ts';
import { createCheckpointReader } from '../src/parquet/checkpoint-reader.ts';
import { createFolderStore } from '../src/storage/folder-store.ts';

const MB = 1_000_000;

/** About 180 bytes a row. */
function jsonLine(id: number): string {
  const at = new Date(1_795_500_000_000 + id * 7).toISOString();
  return `{"id":${id},"user":"user-${(id * 7919) % 100_003}","at":"${at}","amount":${(id % 9973) / 100},"tags":["a","t${id % 17}"],"place":{"city":"city ${id % 997}","zip":"${10_000 + (id % 89_999)}"},"ok":${id % 3 === 0}}\n`;
}

function csvLine(id: number): string {
  const at = new Date(1_795_500_000_000 + id * 7).toISOString();
  return `${id},user-${(id * 7919) % 100_003},${at},${(id % 9973) / 100},"city ${id % 997}",${id % 3 === 0}\n`;
}

function* content(bytes: number, format: string): Generator<Buffer> {
  const line = format === 'csv' ? csvLine : jsonLine;
  let text = format === 'csv' ? 'id,user,at,amount,city,ok\n' : '';
  for (let written = 0, id = 0; written < bytes; id++) {
    text += line(id);
    if (text.length < MB) continue;
    const piece = Buffer.from(text);
    written += piece.length;
    text = '';
    yield piece;
  }
}

async function makeFile(path: string, bytes: number, format: string): Promise<void> {
  const source = Readable.from(content(bytes, format));
  if (format.endsWith('.gz')) await pipeline(source, createGzip({ level: 1 }), createWriteStream(path));
  else await pipeline(source, createWriteStream(path));
}

/** In the process that is measured. */
async function load(folder: string, key: string): Promise<void> {
  const store = createFolderStore(folder);
  const begin = process.hrtime.bigint();
  const outcome = await loadFile(
    {
      reader: createCheckpointReader(),
      telemetry: { log: () => undefined, metrics: () => undefined },
      now: Date.now,
      sleep: () => Promise.resolve(),
    },
    {
      source: { store, bucket: 'bench', key, url: key },
      format: formatOfKey(key) ?? 'json-lines',
      table: { store, root: 'table', url: 'table' },
      settings: defaultLoadSettings(),
      limits: DEFAULT_LIMITS,
    },
    Number.POSITIVE_INFINITY,
  );
  if (outcome.kind !== 'loaded') throw new Error(`the file was ${outcome.kind}: ${JSON.stringify(outcome)}`);
  const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  const cpuSeconds = (userCPUTime + systemCPUTime) / 1e6;
  console.log(JSON.stringify({ rows: outcome.rows, files: outcome.files.length, seconds, cpuSeconds, maxRSS }));
}

const [megabytes = '1000', format = 'jsonl', folder] = process.argv.slice(2);
const key = `source.${format}`;
if (folder !== undefined) {
  await load(folder, key);
} else {
  const made = mkdtempSync(join(tmpdir(), 'resaca-bench-loader-'));
  try {
    await makeFile(join(made, key), Number(megabytes) * MB, format);
    const args = [import.meta.filename, megabytes, format, made];
    const { stdout, status } = spawnSync(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    if (status !== 0) throw new Error(`the process ended with ${status}`);
    const { rows, files, seconds, cpuSeconds, maxRSS } = JSON.parse(String(stdout));
    const rate = (time: number) => (Number(megabytes) / time).toFixed(1);
    console.log(
      `${megabytes} MB of ${format}: ${rows} rows in ${files} files, ${seconds.toFixed(1)} s (${rate(seconds)} MB/s), ` +
        `${cpuSeconds.toFixed(1)} s of CPU (${rate(cpuSeconds)} MB/s), at most ${Math.round(maxRSS / 1024)} MiB`,
    );
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}
