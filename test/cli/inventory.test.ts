/** S3 Inventories on disk, in CSV and Parquet. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { UsageError } from '../../src/cli/args.ts';
import { readInventory } from '../../src/cli/inventory/read-inventory.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const TABLE = { root: 'lake/orders', url: 's3://bucket/lake/orders' };
const TIME = '2026-11-24T06:30:00.123Z';
const FIXTURES = join(import.meta.dirname, '../fixtures/inventory');
const SCHEMA =
  'message s3.inventory {  required binary bucket (STRING);  required binary key (STRING);  optional binary version_id (STRING);  ' +
  'optional boolean is_latest;  optional boolean is_delete_marker;  optional int64 size;  ' +
  'optional int64 last_modified_date (TIMESTAMP(MILLIS,true));  optional binary e_tag (STRING);}';

type Files = Readonly<Record<string, string | Uint8Array>>;

function write(files: Files): string {
  const folder = makeTempFolder();
  for (const [file, content] of Object.entries(files)) writeFileSync(join(folder, file), content);
  return folder;
}

async function read(name: string, content: string | Uint8Array, more: Files = {}, table = TABLE) {
  const folder = write({ [name]: content, ...more });
  return Array.fromAsync(readInventory(join(folder, name), table));
}

const fixture = (name: string) => readFileSync(join(FIXTURES, name));
const md5 = (content: string | Uint8Array) => createHash('md5').update(content).digest('hex');

function manifestOf(entry: object, more: object = {}): string {
  return JSON.stringify({ sourceBucket: 'bucket', fileFormat: 'Parquet', fileSchema: SCHEMA, files: [entry], ...more });
}

describe('an inventory in CSV', () => {
  const line = (key: string, size = '5') => `"bucket","${key}","${size}","${TIME}"\n`;

  it('is read with its keys decoded, below the root only', async () => {
    const keys = ['lake/orders/p%3Da+b/%C3%A9%2B.parquet', 'lake/orders_2/x.parquet', 'lake/orders/y.parquet'];
    const expected = ['p=a b/é+.parquet', 'y.parquet'].map((path) => ({ path, size: 5, modified: Date.parse(TIME) }));
    const text = keys.map((key) => line(key)).join('');
    assert.deepEqual(await read('x.csv', text), expected);
    assert.deepEqual(await read('x.csv.gz', gzipSync(text)), expected);
    assert.deepEqual(await read('x.csv', `Bucket,Key,Size,LastModifiedDate\n${text.replaceAll('"', '')}`), expected);
  });

  it('is read by its manifest, without older versions and delete markers', async () => {
    const schema = 'Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag';
    const row = (name: string, latest: boolean, marker: boolean) =>
      `"bucket","lake/orders/${name}","v","${latest}","${marker}","${marker ? '' : 5}","${TIME}","e"\n`;
    const data = gzipSync(row('now', true, false) + row('before', false, false) + row('gone', true, true));
    const entry = { key: 'inventory/data/1.csv.gz', size: data.length, MD5checksum: md5(data) };
    const manifest = manifestOf(entry, { fileFormat: 'CSV', fileSchema: schema });
    const files = await read('manifest.json', manifest, { '1.csv.gz': data });
    assert.deepEqual(files, [{ path: 'now', size: 5, modified: Date.parse(TIME), etag: 'e' }]);
    await assert.rejects(read('manifest.json', manifest), /1\.csv\.gz is not beside/);
  });

  const wrong: Readonly<Record<string, readonly [name: string, content: string, message: RegExp]>> = {
    'another bucket': ['x.csv', line('lake/orders/x').replace('bucket', 'other'), /line 1.*"other"/],
    'no size': ['x.csv', line('lake/orders/x', ''), /line 1 has the size ""/],
    'no time': ['x.csv', line('lake/orders/x').replace(TIME, 'today'), /line 1.*"today"/],
    'a broken key': ['x.csv', line('lake/orders/%zz'), /line 1.*not URL-encoded/],
    'no CSV': ['x.csv', '"a"b,c\n', /line 1 is no line/],
    'missing columns': ['x.csv', 'Key,Size\n', /lacks the columns LastModifiedDate/],
    'no schema': ['manifest.json', '{"fileFormat":"CSV"}', /no manifest/],
    'no JSON': ['manifest.json', 'x', /no JSON object/],
  };
  for (const [name, [file, content, message]] of Object.entries(wrong)) {
    it(`is refused with ${name}`, async () => {
      await assert.rejects(read(file, content), { name: 'UsageError', message });
    });
  }
});

describe('an inventory in Parquet', () => {
  const modified = Date.parse(TIME);
  const etag = 'd41d8cd98f00b204e9800998ecf8427e';
  const expected = [
    { path: 'plain.parquet', size: 5, modified, etag },
    { path: 'p=a b/é+.parquet', size: 2 ** 40, modified, etag },
    { path: '100%25.parquet', size: 6, modified, etag },
    { path: 'p%3Da+b.parquet', size: 7, modified, etag },
    { path: 'old.parquet', size: 0, modified: Date.parse(TIME.replace('2026', '1999')), etag },
  ];

  for (const name of ['pyarrow.parquet', 'pyarrow-v2.parquet', 'duckdb.parquet', 'spark.parquet']) {
    it(`is read as ${name} has it: keys as they are, without older versions and delete markers`, async () => {
      assert.deepEqual(await read(name, fixture(name)), expected);
    });
  }

  it('is read by its manifest, file after file', async () => {
    const names = ['pyarrow.parquet', 'spark.parquet'];
    const files = names.map((name) => ({
      key: `inventory/bucket/all/data/${name}`,
      size: fixture(name).length,
      MD5checksum: md5(fixture(name)),
    }));
    const manifest = manifestOf({}, { files });
    const more = Object.fromEntries(names.map((name) => [name, fixture(name)]));
    assert.deepEqual(await read('manifest.json', manifest, more), [...expected, ...expected]);
    const checksum = { 'manifest.checksum': `${md5(manifest)}\n` };
    assert.equal((await read('manifest.json', manifest, { ...more, ...checksum })).length, 10);
    await assert.rejects(read('manifest.json', `${manifest} `, { ...more, ...checksum }), /manifest\.json has the MD5/);
  });

  it('is read through a symbolic link', async () => {
    const folder = makeTempFolder();
    symlinkSync(join(FIXTURES, 'pyarrow.parquet'), join(folder, 'x.parquet'));
    assert.deepEqual(await Array.fromAsync(readInventory(join(folder, 'x.parquet'), TABLE)), expected);
  });

  it('is read for a whole bucket', async () => {
    const files = await read('x.parquet', fixture('duckdb.parquet'), {}, { root: '', url: 's3://bucket' });
    assert.deepEqual(files.at(-1), { path: 'lake/orders_2/other.parquet', size: 10, modified, etag });
  });

  const data = fixture('pyarrow.parquet');
  const entry = { key: 'data/x.parquet', size: data.length, MD5checksum: md5(data) };
  const cut = data.subarray(0, data.length - 100);
  const wrong: Readonly<Record<string, readonly [files: Files, message: RegExp, table?: typeof TABLE]>> = {
    'another bucket': [{ 'x.parquet': data }, /row 1 is of the bucket "bucket"/, { root: '', url: 's3://other' }],
    'no time': [{ 'x.parquet': fixture('pyarrow-no-time.parquet') }, /lacks the columns last_modified_date/],
    'a time as text': [
      { 'x.parquet': fixture('pyarrow-time-as-text.parquet') },
      /"last_modified_date" is .*BYTE_ARRAY/,
    ],
    'a time as INT96': [{ 'x.parquet': fixture('spark-int96.parquet') }, /INT96, expected INT64 TIMESTAMP/],
    'a file that was cut off': [{ 'x.parquet': cut }, /x\.parquet is no Parquet file.*starts as Parquet/],
    'an empty file': [{ 'x.parquet': '' }, /the file is empty/],
    'another file': [{ 'x.parquet': 'bucket,key\n' }, /no Parquet file/],
    'another length': [{ 'manifest.json': manifestOf(entry), 'x.parquet': cut }, /has \d+ bytes, its manifest says/],
    'another MD5': [
      { 'manifest.json': manifestOf({ ...entry, MD5checksum: md5('') }), 'x.parquet': data },
      /x\.parquet has the MD5 [0-9a-f]{32}, expected d41d8/,
    ],
    'another format than its manifest says': [
      { 'manifest.json': manifestOf({ key: 'x.csv.gz' }), 'x.csv.gz': gzipSync('a') },
      /x\.csv\.gz is no Parquet file/,
    ],
    ORC: [{ 'manifest.json': '{"fileFormat":"ORC"}' }, /in ORC, which is not read here: set the output format/],
    'an ORC file': [{ 'x.orc': 'ORC' }, /in ORC, which is not read here/],
    'a format that nobody knows': [{ 'manifest.json': '{"fileFormat":"Iceberg"}' }, /Iceberg, expected CSV or Parquet/],
  };
  for (const [name, [files, message, table = TABLE]] of Object.entries(wrong)) {
    it(`is refused with ${name}`, async () => {
      const path = join(write(files), Object.keys(files)[0] ?? '');
      await assert.rejects(Array.fromAsync(readInventory(path, table)), { name: 'UsageError', message });
    });
  }

  it('is read or refused, whatever becomes of its bytes', async () => {
    const folder = makeTempFolder();
    const damaged = fc.record({
      name: fc.constantFrom('pyarrow.parquet', 'pyarrow-v2.parquet', 'duckdb.parquet', 'spark.parquet'),
      places: fc.array(fc.tuple(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.nat(255)), {
        minLength: 1,
        maxLength: 4,
      }),
    });
    await fc.assert(
      fc.asyncProperty(damaged, async ({ name, places }) => {
        const bytes = fixture(name);
        for (const [place, byte] of places) bytes[Math.floor(place * bytes.length)] = byte;
        const path = join(folder, basename(name));
        writeFileSync(path, bytes);
        try {
          await Array.fromAsync(readInventory(path, { root: '', url: '' }));
        } catch (error) {
          assert.ok(error instanceof UsageError, String(error));
        }
      }),
      { numRuns: 300 },
    );
  });
});
