import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Action } from '../../src/delta/actions.ts';
import { getInOrder, parseActions, parseCommit, readCommit, serializeCommit } from '../../src/delta/commit-file.ts';
import { isDeltaError } from '../../src/delta/errors.ts';
import { commitKey } from '../../src/delta/log-path.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import { isStoreError, type ObjectStore } from '../../src/storage/object-store.ts';
import {
  add,
  createCountedLog,
  domain,
  FIRST_TIME,
  metaData,
  protocol,
  remove,
  txn,
} from '../support/delta-log-builder.ts';

const table = { store: createMemoryStore(), root: 't', url: 's3://bucket/t' };

function parse(text: string, version = 7): Action[] {
  return parseCommit(new TextEncoder().encode(text), { table, version });
}

const ADD = '{"add":{"path":"a","partitionValues":{},"size":1,"modificationTime":2,"dataChange":true}}';

describe('parseCommit', () => {
  it('gives the actions in the order of their lines', () => {
    const actions: Action[] = [
      { commitInfo: { timestamp: 1, operation: 'WRITE' } },
      protocol({ minReaderVersion: 3, minWriterVersion: 7, readerFeatures: [], writerFeatures: ['appendOnly'] }),
      metaData({ name: 'orders', configuration: { 'delta.appendOnly': 'true' } }),
      add('a', { partitionValues: { day: null, city: 'Zürich' }, stats: '{"numRecords":1}', tags: { x: null } }),
      remove('b', { partitionValues: { day: '2026-01-01' }, size: 1 }),
      txn('app', 3),
      domain('d', '{}'),
      { cdc: { path: '_change_data/c', partitionValues: {}, size: 1, dataChange: false } },
    ];
    assert.deepEqual(parse(actions.map((action) => JSON.stringify(action)).join('\n')), actions);
  });

  it('ignores empty lines, unknown actions and unknown fields', () => {
    const unknown = ADD.replace('"size"', '"future":{"x":null},"size"');
    const actions = parse(`\r\n${unknown}\r\n\n{"futureAction":{"x":1}}\n{}\n   \n`);
    assert.equal(actions.length, 1);
    assert.deepEqual(actions[0], JSON.parse(unknown));
  });

  it('takes null for an absent field, as delta-rs writes it', () => {
    const line =
      '{"add":{"path":"a","partitionValues":{},"size":1,"modificationTime":2,"dataChange":true,"stats":null,' +
      '"tags":null,"deletionVector":null,"baseRowId":null,"clusteringProvider":null}}';
    assert.deepEqual(parse(line), [JSON.parse(ADD)]);
    assert.deepEqual(parse('{"remove":null,"txn":{"appId":"a","version":1,"lastUpdated":null}}'), [
      { txn: { appId: 'a', version: 1 } },
    ]);
  });

  it('gives a table without columns an empty schema', () => {
    const [action] = parse('{"metaData":{"id":"x","format":{"provider":"parquet"}}}');
    assert.deepEqual(action, {
      metaData: {
        id: 'x',
        format: { provider: 'parquet', options: {} },
        schemaString: '{"type":"struct","fields":[]}',
        partitionColumns: [],
        configuration: {},
      },
    });
  });

  it('keeps whatever a commitInfo holds, but for known fields of another type', () => {
    const info = { timestamp: 'yesterday', operation: 'WRITE', operationParameters: { a: [1] }, notebook: { id: 1 } };
    const [action] = parse(JSON.stringify({ commitInfo: { ...info, isBlindAppend: null } }));
    const { timestamp: _, ...kept } = info;
    assert.deepEqual(action, { commitInfo: kept });
  });

  it('of an empty file gives no actions', () => {
    assert.deepEqual(parse(''), []);
  });

  const malformed: readonly (readonly [what: string, line: string, problem: RegExp])[] = [
    ['half a line', ADD.slice(0, 40), /not JSON/],
    ['something else than an object', '[]', /the line is \[\], expected an object/],
    ['two actions in a line', '{"add":{},"remove":{}}', /it holds add and remove/],
    ['an action that is no object', '{"add":"a"}', /add is "a"/],
    ['a missing field', ADD.replace('"path":"a",', ''), /add\.path is missing, expected a string/],
    ['a field of another type', ADD.replace('"size":1', '"size":"1"'), /add\.size is "1", expected a whole number/],
    ['a number that is not exact', ADD.replace('"size":1', '"size":9007199254740993'), /add\.size/],
    ['a partition value that is no string', ADD.replace('{}', '{"day":1}'), /add\.partitionValues\.day is 1/],
    ['missing partition values', ADD.replace('"partitionValues":{},', ''), /add\.partitionValues is missing/],
    [
      'an incomplete deletion vector',
      ADD.replace('"size"', '"deletionVector":{"storageType":"u","sizeInBytes":1,"cardinality":1},"size"'),
      /add\.deletionVector\.pathOrInlineDv/,
    ],
    ['a protocol without versions', '{"protocol":{}}', /protocol\.minReaderVersion is missing/],
    [
      'features that are no strings',
      '{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":[1]}}',
      /readerFeatures/,
    ],
    [
      'a property that is no string',
      '{"metaData":{"id":"x","configuration":{"a":1}}}',
      /metaData\.configuration\.a is 1/,
    ],
  ];
  for (const [what, line, problem] of malformed) {
    it(`refuses ${what}, naming table, version and line`, () => {
      assert.throws(
        () => parse(`${ADD}\n\n${line}\n`),
        (error) => {
          assert.ok(isDeltaError(error, 'CORRUPT_LOG'));
          assert.match(error.message, problem);
          assert.match(error.message, /Line 3 of version 7 of s3:\/\/bucket\/t/);
          assert.deepEqual([error.data.table, error.data.version, error.data.line], [table.url, 7, 3]);
          return true;
        },
      );
    });
  }

  it('refuses bytes that are not UTF-8', () => {
    const bytes = Buffer.concat([
      Buffer.from('{"txn":{"appId":"'),
      Buffer.from([0xff]),
      Buffer.from('","version":1}}'),
    ]);
    assert.throws(
      () => parseCommit(bytes, { table, version: 0 }),
      (error) => isDeltaError(error, 'CORRUPT_LOG'),
    );
  });
});

describe('parseActions', () => {
  it('passes over file actions when only the others are wanted, without parsing them', () => {
    const lines = ['{"add":broken}', '{"remove":broken}', '{"txn":{"appId":"a","version":1}}', ` ${ADD}`];
    const actions = [...parseActions(Buffer.from(lines.join('\n')), { table, version: 0 }, { controlOnly: true })];
    assert.deepEqual(actions, [{ txn: { appId: 'a', version: 1 } }, JSON.parse(ADD)]);
  });

  it('reads the lines one by one', () => {
    const lines = parseActions(Buffer.from(`${ADD}\nbroken\n`), { table, version: 0 });
    assert.deepEqual(lines.next().value, JSON.parse(ADD));
    assert.throws(() => lines.next(), /Line 2/);
  });
});

describe('serializeCommit', () => {
  it('writes one line an action, which parseCommit reads back', () => {
    const text = fc.string({ unit: 'grapheme' });
    const action = fc.oneof(
      fc.tuple(text, text).map(([path, stats]) => add(path, { stats })),
      fc.tuple(text, fc.maxSafeInteger()).map(([appId, version]) => txn(appId, version)),
    );
    fc.assert(
      fc.property(fc.array(action), (actions) => {
        const bytes = serializeCommit(actions);
        assert.equal(bytes.filter((byte) => byte === 0x0a).length, actions.length);
        assert.deepEqual(parseCommit(bytes, { table, version: 0 }), actions);
      }),
    );
  });
});

describe('readCommit', () => {
  it('takes the time of the object, or the in-commit timestamp', async () => {
    const log = createCountedLog();
    log.setTime(FIRST_TIME + 5);
    await log.commit({ commitInfo: { timestamp: 1 } }, add('a'));
    await log.commit({ commitInfo: { inCommitTimestamp: 99 } }, add('b'));
    const [plain, timed] = await Promise.all([0, 1].map((version) => read(log.table, version)));
    assert.deepEqual([plain?.timestamp, plain?.modified], [FIRST_TIME + 5, FIRST_TIME + 5]);
    assert.deepEqual([timed?.timestamp, timed?.modified], [99, FIRST_TIME + 5]);
    assert.deepEqual(timed?.actions.at(-1), add('b'));
  });

  it('throws the NOT_FOUND of the store where there is none', async () => {
    await assert.rejects(read(table, 5), (error) => isStoreError(error, 'NOT_FOUND'));
  });

  function read(from: typeof table, version: number) {
    return readCommit(from, { version, key: commitKey(from, version) });
  }
});

describe('getInOrder', () => {
  const files = Array.from({ length: 100 }, (_, version) => ({ version, key: `t/${version}`, size: 10 }));

  it('keeps the order whichever answer comes first, with a bounded number of requests', async () => {
    const { store, most } = slowStore();
    const versions: number[] = [];
    for await (const { file } of getInOrder({ ...table, store }, files)) versions.push(file.version);
    assert.deepEqual(
      versions,
      files.map(({ version }) => version),
    );
    assert.ok(most() > 1 && most() <= 16, `${most()} requests at once`);
  });

  it('holds no more than one file ahead when files are large', async () => {
    const { store, most } = slowStore();
    const large = files.slice(0, 5).map((file) => ({ ...file, size: 100_000_000 }));
    for await (const _ of getInOrder({ ...table, store }, large)) assert.equal(most(), 1);
  });

  it('says which version is gone', async () => {
    const reading = getInOrder(table, files.slice(3, 6))[Symbol.asyncIterator]();
    await assert.rejects(reading.next(), (error) => isDeltaError(error, 'LOG_GAP') && error.data.version === 3);
  });

  /** Answers the later requests first. */
  function slowStore(): { store: ObjectStore; most: () => number } {
    let open = 0;
    let most = 0;
    const waiting: (() => void)[] = [];
    async function get() {
      open += 1;
      most = Math.max(most, open);
      await new Promise<void>((answer) => {
        waiting.push(answer);
        setImmediate(() => waiting.pop()?.());
      });
      open -= 1;
      return { body: new Uint8Array(), etag: 'e', size: 0, modified: 0 };
    }
    return { store: { ...createMemoryStore(), get }, most: () => most };
  }
});
