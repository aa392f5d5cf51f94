import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

export const FORMATS = ['jsonl', 'csv', 'jsonl.gz', 'csv.gz'] as const;
export type Format = (typeof FORMATS)[number];

const MB = 1_000_000;

/** About 180 bytes a row. */
function jsonLine(id: number): string {
  return `{"id":${id},"user":"${userOf(id)}","at":"${timeOf(id)}","amount":${amountOf(id)},"tags":["a","t${id % 17}"],"place":{"city":"city ${id % 997}","zip":"${10_000 + (id % 89_999)}"},"ok":${id % 3 === 0}}\n`;
}

/** About 66 bytes a row. */
function csvLine(id: number): string {
  return `${id},${userOf(id)},${timeOf(id)},${amountOf(id)},"city ${id % 997}",${id % 3 === 0}\n`;
}

const userOf = (id: number): string => `user-${(id * 7919) % 100_003}`;
const timeOf = (id: number): string => new Date(1_795_500_000_000 + id * 7).toISOString();
const amountOf = (id: number): number => (id % 9973) / 100;

/** Writes a file whose unpacked content has about so many bytes. */
export async function makeSourceFile(path: string, bytes: number, format: Format): Promise<void> {
  const source = Readable.from(content(bytes, format));
  if (format.endsWith('.gz')) await pipeline(source, createGzip({ level: 1 }), createWriteStream(path));
  else await pipeline(source, createWriteStream(path));
}

function* content(bytes: number, format: Format): Generator<Buffer> {
  const isCsv = format.startsWith('csv');
  const line = isCsv ? csvLine : jsonLine;
  let text = isCsv ? 'id,user,at,amount,city,ok\n' : '';
  for (let written = 0, id = 0; written < bytes; id++) {
    text += line(id);
    if (text.length < MB) continue;
    const piece = Buffer.from(text);
    written += piece.length;
    text = '';
    yield piece;
  }
}
