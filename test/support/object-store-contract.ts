import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ObjectStore, StoreError } from '../../src/storage/object-store.ts';
import { listKeys, rejectsWith } from './store-assertions.ts';

/** Makes an empty store. Called once for every test. */
export type StoreMaker = () => Promise<ObjectStore> | ObjectStore;

export interface ContractOptions {
  /** Why the suite cannot run on this machine; undefined when it can. */
  readonly skip?: string | undefined;
}

/** Keys that break careless encoders. Real producers write all of these. */
const ODD_KEYS = [
  'with space/a b.parquet',
  ' leading and trailing /  x ',
  'plus+and%percent/100%25+1.parquet',
  'hash#question?/a?b#c&d=e;f,g.parquet',
  `quotes/'single' "double" \`back\`.parquet`,
  'brackets/[a](b){c}<d>.parquet',
  'xml/&amp;&lt;tag&gt;.parquet',
  'sign/@!$*:|^~.parquet',
  'back\\slash/a\\b.parquet',
  'hive/date=2026-01-02/name=a%2Fb/part-0.parquet',
  'number/007',
  'dots/.hidden/..two/...three/file..parquet',
  'newline/a\nb\tc.parquet',
  'é composed and e\u0301 combined/ü.parquet',
  '日本語/データ.parquet',
  'emoji/🦆🇫🇷👩‍🚀.parquet',
];

/** Keys in the order of their UTF-8 bytes. A directory walk and a sort by UTF-16 units both get it wrong. */
const ORDERED_KEYS = [
  'C',
  'a!b',
  'a-b',
  'a-c/d',
  'a.b',
  'a/b',
  'a0',
  'aa/b-c',
  'aa/b.c/d',
  'aa/b/c',
  'b',
  '\u{e9}/x',
  '\u{ffee}',
  '\u{1f986}',
];

/** What every `ObjectStore` must do, as `src/storage/object-store.ts` says it. Run it on each implementation. */
export function objectStoreContract(name: string, makeStore: StoreMaker, { skip }: ContractOptions = {}): void {
  describe(`${name} keeps the contract of an object store`, { skip: skip ?? false }, () => {
    reading(makeStore);
    writing(makeStore);
    listing(makeStore);
    keys(makeStore);
  });
}

function reading(makeStore: StoreMaker): void {
  it('returns what was put, with its size, etag and time', async () => {
    const store = await makeStore();
    await store.put('a/b.txt', bytes('hello'));
    const object = await store.get('a/b.txt');
    assert.equal(text(object.body), 'hello');
    assert.equal(object.size, 5);
    assert.match(object.etag, /^[^"]+$/);
    assert.equal(Number.isInteger(object.modified) && object.modified > 1_600_000_000_000, true);
    assert.deepEqual(await store.head('a/b.txt'), {
      key: 'a/b.txt',
      size: 5,
      etag: object.etag,
      modified: object.modified,
    });
  });

  it('keeps all byte values and empty bodies', async () => {
    const store = await makeStore();
    const all = Uint8Array.from({ length: 70_000 }, (_, index) => index % 256);
    await store.put('all', all);
    await store.put('empty', new Uint8Array());
    assert.deepEqual(Buffer.from((await store.get('all')).body), Buffer.from(all));
    assert.equal((await store.get('empty')).body.byteLength, 0);
    assert.equal((await store.head('empty'))?.size, 0);
  });

  it('writes only the view of a larger buffer', async () => {
    const store = await makeStore();
    await store.put('view', bytes('0123456789').subarray(2, 5));
    assert.equal(text((await store.get('view')).body), '234');
  });

  it('reads ranges with an exclusive end, cut at the end of the object', async () => {
    const store = await makeStore();
    await store.put('digits', bytes('0123456789'));
    for (const [start, end, expected] of [
      [0, 1, '0'],
      [0, 10, '0123456789'],
      [3, 7, '3456'],
      [9, 10, '9'],
      [7, 100, '789'],
    ] as const) {
      const part = await store.get('digits', { range: { start, end } });
      assert.equal(text(part.body), expected);
      assert.equal(part.size, 10);
    }
  });

  it('refuses ranges that start behind the end or hold no byte', async () => {
    const store = await makeStore();
    await store.put('digits', bytes('0123456789'));
    await store.put('empty', new Uint8Array());
    await rejectsWith('INVALID_RANGE', store.get('digits', { range: { start: 10, end: 11 } }));
    await rejectsWith('INVALID_RANGE', store.get('digits', { range: { start: 3, end: 3 } }));
    await rejectsWith('INVALID_RANGE', store.get('digits', { range: { start: -3, end: 3 } }));
    await rejectsWith('INVALID_RANGE', store.get('digits', { range: { start: 0.5, end: 3 } }));
    await rejectsWith('INVALID_RANGE', store.get('empty', { range: { start: 0, end: 1 } }));
  });

  it('reads under ifMatch only the version with that etag', async () => {
    const store = await makeStore();
    await store.put('key', bytes('one'));
    const { etag } = await store.get('key');
    assert.equal(text((await store.get('key', { ifMatch: etag })).body), 'one');
    assert.equal(text((await store.get('key', { ifMatch: etag, range: { start: 1, end: 2 } })).body), 'n');
    await store.put('key', bytes('two'));
    await rejectsWith('PRECONDITION_FAILED', store.get('key', { ifMatch: etag }));
    await rejectsWith('PRECONDITION_FAILED', store.get('key', { ifMatch: etag, range: { start: 1, end: 2 } }));
  });

  it('says NOT_FOUND for an absent object on get, and undefined on head', async () => {
    const store = await makeStore();
    await store.put('folder/file', bytes('x'));
    for (const key of ['nothing', 'folder', 'folder/nothing', 'folder/file/below', 'no/such/folder']) {
      await rejectsWith('NOT_FOUND', store.get(key));
      await rejectsWith('NOT_FOUND', store.get(key, { ifMatch: 'abc' }));
      assert.equal(await store.head(key), undefined);
    }
  });
}

function writing(makeStore: StoreMaker): void {
  it('replaces on put, with a new etag', async () => {
    const store = await makeStore();
    await store.put('key', bytes('one'));
    const before = await store.head('key');
    await store.put('key', bytes('two'));
    assert.equal(text((await store.get('key')).body), 'two');
    assert.notEqual((await store.head('key'))?.etag, before?.etag);
  });

  it('creates only when absent', async () => {
    const store = await makeStore();
    assert.equal(await store.putIfAbsent('log/0.json', bytes('first')), 'created');
    assert.equal(await store.putIfAbsent('log/0.json', bytes('second')), 'exists');
    assert.equal(text((await store.get('log/0.json')).body), 'first');
    await store.delete('log/0.json');
    assert.equal(await store.putIfAbsent('log/0.json', bytes('third')), 'created');
    assert.equal(text((await store.get('log/0.json')).body), 'third');
  });

  it('does not create over an object that was put', async () => {
    const store = await makeStore();
    await store.put('key', bytes('put'));
    assert.equal(await store.putIfAbsent('key', bytes('created')), 'exists');
    assert.equal(text((await store.get('key')).body), 'put');
  });

  it('lets exactly one of 20 concurrent creators win, and keeps its content', async () => {
    const store = await makeStore();
    for (let round = 0; round < 5; round += 1) {
      const key = `log/${round}.json`;
      const results = await Promise.all(
        Array.from({ length: 20 }, (_, writer) => store.putIfAbsent(key, bytes(`writer ${writer}`))),
      );
      const winners = results.flatMap((result, writer) => (result === 'created' ? [writer] : []));
      assert.equal(winners.length, 1);
      assert.equal(text((await store.get(key)).body), `writer ${winners[0]}`);
    }
  });

  it('shows a created object to readers whole or not at all', async () => {
    const store = await makeStore();
    const body = new Uint8Array(300_000).fill(7);
    let done = false;
    const reader = (async () => {
      while (!done) {
        const size = await store.head('big').then((info) => info?.size);
        assert.equal(size === undefined || size === body.byteLength, true, `saw ${size} bytes`);
        for await (const info of store.list('')) assert.equal(info.size, body.byteLength, info.key);
      }
    })();
    for (let round = 0; round < 5; round += 1) {
      await store.putIfAbsent('big', body);
      await store.put('big', body);
      await store.delete('big');
    }
    done = true;
    await reader;
  });

  it('writes pieces as one object, and says how large it is', async () => {
    const store = await makeStore();
    await store.put('pieces', bytes('before'));
    for (const pieces of [[], [''], ['hello'], ['', 'a', '', 'bc', 'd'.repeat(100_000)]]) {
      const expected = pieces.join('');
      assert.equal(await store.putStream('pieces', streamOf(pieces.map(bytes))), expected.length);
      assert.equal(text((await store.get('pieces')).body), expected);
    }
  });

  it('writes a large object from pieces of any size, also when they are made slowly', async () => {
    const store = await makeStore();
    const body = Uint8Array.from({ length: 20_000_003 }, (_, index) => (index * 31) % 251);
    const sizes = [1, 9_000_000, 100_000, 8 * 1024 * 1024];
    async function* pieces() {
      for (let start = 0, index = 0; start < body.length; index++) {
        const size = sizes[index % sizes.length] ?? 1;
        // The maker may use its buffer again once it is asked for more.
        const piece = body.slice(start, start + size);
        yield piece;
        piece.fill(0);
        await Promise.resolve();
        start += size;
      }
    }
    assert.equal(await store.putStream('large', pieces()), body.length);
    assert.equal(Buffer.compare((await store.get('large')).body, body), 0);
  });

  it('writes nothing when the pieces throw, and throws the same', async () => {
    const store = await makeStore();
    await store.put('key', bytes('before'));
    const failure = Object.assign(new Error('no more'), { code: 'EEXIST' });
    for (const size of [0, 3, 9 * 1024 * 1024]) {
      const pieces = async function* () {
        if (size > 0) yield new Uint8Array(size);
        throw failure;
      };
      for (const key of ['key', 'other']) {
        await assert.rejects(store.putStream(key, pieces()), (error) => error === failure);
      }
    }
    assert.equal(text((await store.get('key')).body), 'before');
    assert.deepEqual(await listKeys(store, ''), ['key']);
  });

  it('deletes, also what is not there', async () => {
    const store = await makeStore();
    await store.put('a/b', bytes('x'));
    await store.delete('a/b');
    assert.equal(await store.head('a/b'), undefined);
    await store.delete('a/b');
    await store.delete('never/was');
    assert.deepEqual(await listKeys(store, ''), []);
  });
}

function listing(makeStore: StoreMaker): void {
  it('lists what a head shows', async () => {
    const store = await makeStore();
    await store.put('a/b', bytes('hello'));
    const listed = await Array.fromAsync(store.list('a/'));
    assert.deepEqual(
      listed.map(({ key, size, etag }) => ({ key, size, etag })),
      [{ key: 'a/b', size: 5, etag: (await store.head('a/b'))?.etag }],
    );
  });

  it('lists in the order of the UTF-8 bytes of whole keys', async () => {
    const store = await makeStore();
    await putAll(store, ORDERED_KEYS.toReversed());
    assert.deepEqual(await listKeys(store, ''), ORDERED_KEYS);
  });

  it('lists by prefix, at a slash or within a name', async () => {
    const store = await makeStore();
    await putAll(store, ORDERED_KEYS);
    for (const prefix of [
      'a',
      'a-',
      'a-b',
      'a/',
      'a/b',
      'aa',
      'aa/b',
      'aa/b/',
      'aa/b-',
      '\u{e9}',
      '\u{e9}/',
      'z',
      'a/b/',
    ]) {
      const expected = ORDERED_KEYS.filter((key) => key.startsWith(prefix));
      assert.deepEqual(await listKeys(store, prefix), expected, `prefix "${prefix}"`);
    }
  });

  it('lists only keys greater than startAfter, which need not exist', async () => {
    const store = await makeStore();
    await putAll(store, ORDERED_KEYS);
    for (const startAfter of [
      ...ORDERED_KEYS,
      'a',
      'a-a',
      'a/',
      'a/a',
      'a/c',
      'aa',
      'aa/b',
      'aa/b/',
      'aa/b/b',
      'zzz',
      '0',
    ]) {
      for (const prefix of ['', 'a', 'aa/', 'aa/b/']) {
        const expected = ORDERED_KEYS.filter(
          (key) => key.startsWith(prefix) && Buffer.compare(Buffer.from(key), Buffer.from(startAfter)) > 0,
        );
        assert.deepEqual(await listKeys(store, prefix, startAfter), expected, `"${prefix}" after "${startAfter}"`);
      }
    }
  });

  it('lists nothing under a prefix that no key has', async () => {
    const store = await makeStore();
    assert.deepEqual(await listKeys(store, ''), []);
    await putAll(store, ['a/b']);
    for (const prefix of ['b', 'a/b/', 'a/b/c', '/', '/a', '../', 'a/../a/', './', 'a//']) {
      assert.deepEqual(await listKeys(store, prefix), [], `prefix "${prefix}"`);
    }
  });

  it('lists more than a page of 1,000 keys without a gap', async () => {
    const store = await makeStore();
    const names = Array.from({ length: 1005 }, (_, index) => `log/${String(index).padStart(20, '0')}.json`);
    for (let start = 0; start < names.length; start += 50) await putAll(store, names.slice(start, start + 50));
    assert.deepEqual(await listKeys(store, 'log/'), names);
    assert.deepEqual(await listKeys(store, 'log/', names[2]), names.slice(3));
  });

  it('can be left early and started again', async () => {
    const store = await makeStore();
    await putAll(store, ['a', 'b', 'c']);
    for await (const { key } of store.list('')) {
      assert.equal(key, 'a');
      break;
    }
    assert.deepEqual(await listKeys(store, '', 'a'), ['b', 'c']);
  });

  it('bears writes and deletes while it lists', async () => {
    const store = await makeStore();
    await putAll(store, ['a/1', 'b/1', 'c/1', 'd/1']);
    const seen: string[] = [];
    for await (const { key } of store.list('')) {
      seen.push(key);
      if (key !== 'a/1') continue;
      await store.delete('b/1');
      await store.put('c/0/new', bytes('x'));
    }
    assert.deepEqual(
      seen.filter((key) => key !== 'b/1' && key !== 'c/0/new'),
      ['a/1', 'c/1', 'd/1'],
    );
  });
}

function keys(makeStore: StoreMaker): void {
  it('keeps odd keys as they are', async () => {
    const store = await makeStore();
    for (const key of ODD_KEYS) {
      assert.equal(await store.putIfAbsent(key, bytes(key)), 'created', key);
      assert.equal(await store.putIfAbsent(key, bytes('other')), 'exists', key);
    }
    for (const key of ODD_KEYS) {
      assert.equal(text((await store.get(key)).body), key);
      assert.equal((await store.head(key))?.key, key);
      assert.deepEqual(await listKeys(store, key), [key]);
    }
    const sorted = ODD_KEYS.toSorted((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
    assert.deepEqual(await listKeys(store, ''), sorted);
    for (const key of ODD_KEYS) await store.delete(key);
    assert.deepEqual(await listKeys(store, ''), []);
  });

  it('refuses keys that cannot name an object', async () => {
    const store = await makeStore();
    for (const key of ['', '/leading', 'nul\0', 'half of a pair \ud83e', `long/${'é'.repeat(510)}`]) {
      await rejectsWith('INVALID_KEY', store.get(key));
      await rejectsWith('INVALID_KEY', store.head(key));
      await rejectsWith('INVALID_KEY', store.put(key, bytes('x')));
      await rejectsWith('INVALID_KEY', store.putStream(key, streamOf([bytes('x')])));
      await rejectsWith('INVALID_KEY', store.putIfAbsent(key, bytes('x')));
      await rejectsWith('INVALID_KEY', store.delete(key));
    }
  });

  it('names the operation and the key in its errors', async () => {
    const store = await makeStore();
    await assert.rejects(store.get('no/such'), (error) => {
      assert.ok(error instanceof StoreError);
      assert.deepEqual([error.operation, error.key], ['get', 'no/such']);
      assert.match(error.message, /get of "no\/such" failed \(NOT_FOUND\)/);
      return true;
    });
  });
}

async function putAll(store: ObjectStore, names: readonly string[]): Promise<void> {
  await Promise.all(names.map((key) => store.put(key, bytes(key))));
}

async function* streamOf(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

function bytes(content: string): Uint8Array {
  return Buffer.from(content);
}

function text(body: Uint8Array): string {
  return Buffer.from(body).toString();
}
