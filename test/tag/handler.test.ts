import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { SqsEvent } from '../../src/ingest/handler.ts';
import { parseTagConfig, type TagRuleInput } from '../../src/tag/config.ts';
import { createTagHandler } from '../../src/tag/handler.ts';
import type { Tag } from '../../src/tag/rules.ts';
import type { TaggedObject, TagStore } from '../../src/tag/tag-object.ts';
import { createdRecord, removedRecord, sqsBatch } from '../support/landing.ts';

const TIME = Date.parse('2026-11-24T06:00:00Z');
const RULE: TagRuleInput = { prefix: '{tenant}', tags: { tenant: '{tenant}', type: '{extension}' } };

/** Calls fail as `failure` says. `after`: with their effect, and without an answer. */
type Failure = 'before' | 'after' | undefined;

/** The tags of some objects, in memory. */
class MemoryTags implements TagStore {
  readonly objects = new Map<string, readonly Tag[]>();
  puts = 0;
  private readonly failure: () => Failure;

  constructor(failure: () => Failure = () => undefined) {
    this.failure = failure;
  }

  async get(object: TaggedObject) {
    if (this.failure() !== undefined) throw new Error('HTTP 503');
    return this.objects.get(idOf(object));
  }

  async put(object: TaggedObject, tags: readonly Tag[]) {
    const failure = this.failure();
    if (failure === 'before') throw new Error('HTTP 503');
    this.puts += 1;
    const isThere = this.objects.has(idOf(object));
    if (isThere) this.objects.set(idOf(object), tags);
    if (failure === 'after') throw new Error('socket hang up');
    return isThere;
  }
}

function idOf({ bucket, key, versionId = '' }: TaggedObject): string {
  return `${bucket}/${key}?${versionId}`;
}

function createWorld(store: TagStore, rules: readonly TagRuleInput[] = [RULE]) {
  const lines: { level: string; message: string; data: Readonly<Record<string, unknown>> | undefined }[] = [];
  const metrics: [string, object][] = [];
  const handler = createTagHandler({
    store,
    config: parseTagConfig({ rules }),
    telemetry: {
      log: (level, message, data) => void lines.push({ level, message, data }),
      metrics: (table, values) => void metrics.push([table, values]),
    },
    now: () => TIME,
  });
  const invoke = async (event: SqsEvent, remaining = 60_000): Promise<string[]> => {
    const { batchItemFailures } = await handler(event, { getRemainingTimeInMillis: () => remaining });
    return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  };
  return { invoke, lines, metrics };
}

function created(key: string, versionId?: string): object {
  const record = structuredClone(createdRecord({ key, size: 5, etag: 'abc', sequencer: '01', time: TIME })) as {
    s3: { object: object };
  };
  if (versionId !== undefined) Object.assign(record.s3.object, { versionId });
  return record;
}

const ACME: readonly Tag[] = [
  { key: 'tenant', value: 'acme' },
  { key: 'type', value: 'csv' },
];

describe('the tag function', () => {
  it('tags what landed, once however often it is told', async () => {
    const store = new MemoryTags();
    store.objects.set('landing/acme/a.csv?', [{ key: 'cost', value: '7' }]);
    const { invoke, metrics } = createWorld(store);
    const event = sqsBatch([created('acme/a.csv')], [created('acme/a.csv')]);
    assert.deepEqual(await invoke(event), []);
    assert.deepEqual(store.objects.get('landing/acme/a.csv?'), [{ key: 'cost', value: '7' }, ...ACME]);
    assert.deepEqual(await invoke(event), []);
    assert.equal(store.puts, 1);
    assert.deepEqual(metrics[0], ['s3://landing', { objectsTagged: 1, tagsLeftOut: 0, skipped: 0, failures: 0 }]);
  });

  it('tags the version that landed', async () => {
    const store = new MemoryTags();
    store.objects.set('landing/acme/a.csv?v1', []);
    store.objects.set('landing/acme/a.csv?v2', []);
    assert.deepEqual(await createWorld(store).invoke(sqsBatch([created('acme/a.csv', 'v1')])), []);
    assert.deepEqual(store.objects.get('landing/acme/a.csv?v1'), ACME);
    assert.deepEqual(store.objects.get('landing/acme/a.csv?v2'), []);
  });

  it('passes over what is gone, what was removed, tagged or restored, and what no rule means', async () => {
    const store = new MemoryTags(() => undefined);
    const tagged = { ...created('acme/a.csv'), eventName: 'ObjectTagging:Put' };
    const restored = { ...created('acme/a.csv'), eventName: 'ObjectRestore:Completed' };
    const removed = removedRecord({ key: 'acme/a.csv', sequencer: '02', time: TIME });
    const { invoke, metrics } = createWorld(store, [{ prefix: 'acme', tags: { a: 'b' } }]);
    const event = sqsBatch([created('acme/gone.csv')], [tagged, restored, removed], [created('other/a.csv')]);
    const test = { messageId: 'test', body: '{"Event":"s3:TestEvent"}' };
    assert.deepEqual(await invoke({ Records: [...event.Records, test] }), []);
    assert.equal(store.puts, 0);
    assert.deepEqual(metrics, [['s3://landing', { objectsTagged: 0, tagsLeftOut: 0, skipped: 1, failures: 0 }]]);
  });

  it('drops no tag of others for its own, and says so', async () => {
    const store = new MemoryTags();
    const foreign = Array.from({ length: 9 }, (_, index) => ({ key: `f${index}`, value: '' }));
    store.objects.set('landing/acme/a.csv?', foreign);
    const { invoke, lines, metrics } = createWorld(store);
    assert.deepEqual(await invoke(sqsBatch([created('acme/a.csv')])), []);
    assert.deepEqual(store.objects.get('landing/acme/a.csv?'), [...foreign, ACME[0]]);
    assert.deepEqual(lines[0], {
      level: 'warn',
      message: 'object has no place for all tags',
      data: { bucket: 'landing', key: 'acme/a.csv', has: 9, leftOut: ['type'] },
    });
    assert.deepEqual(metrics[0]?.[1], { objectsTagged: 1, tagsLeftOut: 1, skipped: 0, failures: 0 });
  });

  it('fails the messages of what could not be tagged or read, and no others', async () => {
    let calls = 0;
    const store = new MemoryTags(() => (calls++ === 0 ? 'before' : undefined));
    for (const name of ['a', 'b']) store.objects.set(`landing/acme/${name}.csv?`, []);
    const { invoke } = createWorld(store);
    const { Records } = sqsBatch([created('acme/a.csv')], [created('acme/b.csv')]);
    assert.deepEqual((await invoke({ Records: [...Records, { messageId: 'bad', body: 'x' }] })).sort(), ['bad', 'm0']);
    assert.deepEqual(store.objects.get('landing/acme/b.csv?'), ACME);
  });

  it('fails what it has no time for', async () => {
    const store = new MemoryTags();
    store.objects.set('landing/acme/a.csv?', []);
    assert.deepEqual(await createWorld(store).invoke(sqsBatch([created('acme/a.csv')]), 5_000), ['m0']);
    assert.equal(store.puts, 0);
  });

  it('brings all objects their tags in the end, whatever fails', async () => {
    const key = fc.constantFrom('acme/a.csv', 'acme/b.txt', 'other/c', 'x/d.csv');
    const failures = fc.infiniteStream(fc.constantFrom<Failure>(undefined, undefined, 'before', 'after'));
    const messages = fc.array(fc.array(key, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(fc.record({ messages, failures }), async (run) => {
        const reliable = new MemoryTags();
        const store = new MemoryTags(() => run.failures.next().value);
        for (const { objects } of [reliable, store]) {
          for (const name of run.messages.flat()) objects.set(`landing/${name}?`, [{ key: 'cost', value: '7' }]);
        }
        const { Records } = sqsBatch(...run.messages.map((keys) => keys.map((name) => created(name))));
        await createWorld(reliable).invoke({ Records });
        const { invoke } = createWorld(store);
        for (let waiting = Records; waiting.length > 0; ) {
          const failed = new Set(await invoke({ Records: waiting }));
          waiting = waiting.filter(({ messageId }) => failed.has(messageId));
        }
        assert.deepEqual(store.objects, reliable.objects);
      }),
    );
  });
});
