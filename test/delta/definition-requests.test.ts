import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DefinitionRequests } from '../../src/delta/definition-requests.ts';
import { createAppendWorld } from '../support/append-world.ts';
import { createBronzeWorld, kafkaRecord } from '../support/bronze-world.ts';
import { parquet, rowsOf } from '../support/landing.ts';

function requestsOf() {
  const asked: string[] = [];
  const definitions: DefinitionRequests = { send: async (...request) => void asked.push(request.join('/')) };
  /** What was asked since the last time. */
  return { definitions, asked: () => asked.splice(0) };
}

const wider = () => parquet([{ id: 1, name: 'a', price: 2 }], { id: 'long', name: 'string', price: 'long' });

describe('the catalog is told by the append function', () => {
  it('of a table that is made or gets a column, and of no other commit, also after a cold start', async () => {
    const { definitions, asked } = requestsOf();
    const world = createAppendWorld({ definitions });
    await world.deliver([await world.land('web/a.parquet', parquet(rowsOf(0, 1)))]);
    assert.deepEqual(asked(), ['landing/web']);
    await world.deliver([await world.land('web/b.parquet', parquet(rowsOf(1, 1)))]);
    world.coldStart();
    await world.deliver([await world.land('web/c.parquet', parquet(rowsOf(2, 1)))]);
    assert.deepEqual(asked(), []);
    world.coldStart();
    await world.deliver([await world.land('web/d.parquet', wider())]);
    assert.deepEqual(asked(), ['landing/web']);
    await world.deliver([await world.land('web/e.parquet', wider())]);
    assert.deepEqual(asked(), []);
  });

  it('once, whoever made the table in a lost race', async () => {
    const { definitions, asked } = requestsOf();
    const world = createAppendWorld({ definitions });
    const other = world.otherEnvironment();
    const records = [
      await world.land('web/a.parquet', parquet(rowsOf(0, 1))),
      await world.land('web/b.parquet', parquet(rowsOf(1, 1))),
    ];
    world.beforeCommit(() => other(records[1] ?? {}));
    await world.deliver([records[0] ?? {}]);
    assert.equal((await world.table('web')).snapshot.version, 1);
    assert.deepEqual(asked(), ['landing/web']);
  });

  it('of a table that is made of files that were there', async () => {
    const { definitions, asked } = requestsOf();
    const world = createAppendWorld({ definitions, config: { defaults: { adoptExisting: true } } });
    await world.land('web/old.parquet', wider());
    await world.deliver([await world.land('web/new.parquet', parquet(rowsOf(0, 1)))]);
    assert.deepEqual((await world.table('web')).snapshot.schema.fields.length, 3);
    assert.deepEqual(new Set(asked()), new Set(['landing/web']));
  });

  it('and the commit is none the worse when it cannot be', async () => {
    const world = createAppendWorld({ definitions: { send: () => Promise.reject(new Error('no queue')) } });
    assert.deepEqual(await world.deliver([await world.land('web/a.parquet', parquet(rowsOf(0, 1)))]), []);
    assert.equal((await world.table('web')).files.length, 1);
    const [warning] = world.logs.filter(({ level }) => level === 'warn');
    assert.match(warning?.message ?? '', /the catalog could not be told/);
  });
});

describe('the catalog is told by the bronze function', () => {
  it('of its tables and those of dead letters when they are made', async () => {
    const { definitions, asked } = requestsOf();
    const world = createBronzeWorld({ definitions, config: { topics: [{ topic: '*', value: 'string' }] } });
    await world.deliver(kafkaRecord(0), kafkaRecord(1, { value: Uint8Array.of(0xff) }));
    assert.deepEqual(asked().sort(), ['lake/bronze/web', 'lake/bronze/web__dead_letters']);
    await world.deliver(kafkaRecord(2), kafkaRecord(3, { value: Uint8Array.of(0xff) }));
    assert.deepEqual(asked(), []);
  });

  it('of columns that come with deferred commits, once', async () => {
    const { definitions, asked } = requestsOf();
    const topics = [{ topic: '*', format: { type: 'json' } }];
    const world = createBronzeWorld({ definitions, config: { commits: 'deferred', topics } });
    const json = (value: object) => ({ value: new TextEncoder().encode(JSON.stringify(value)) });
    await world.deliver(kafkaRecord(0, json({ a: 1 })));
    assert.deepEqual(asked(), ['lake/bronze/web']);
    await world.commitPending();
    await world.deliver(kafkaRecord(1, json({ a: 2 })));
    assert.deepEqual(asked(), []);
    await world.deliver(kafkaRecord(2, json({ a: 2, b: 'x' })));
    assert.deepEqual(asked(), ['lake/bronze/web']);
  });
});
