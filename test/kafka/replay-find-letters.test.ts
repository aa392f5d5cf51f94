import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseKafkaConfig } from '../../src/kafka/config.ts';
import { findLetterTables } from '../../src/kafka/replay/find-letter-tables.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import { createCountingStore } from '../support/counting-store.ts';

async function storeWith(...roots: string[]) {
  const store = createCountingStore(createMemoryStore());
  for (const root of roots) await store.put(`${root}/_delta_log/00000000000000000000.json`, Uint8Array.of(1));
  return store;
}

const topics = (...tables: string[]) =>
  parseKafkaConfig({ bucket: 'lake', topics: tables.map((table, index) => ({ topic: `t${index}*`, table })) });

describe('the tables of dead letters of a configuration', () => {
  it('are found by the names that the rules give', async () => {
    const store = await storeWith(
      'bronze/a',
      'bronze/a__dead_letters',
      'bronze/b__dead_letters',
      'bronze/deep/c__dead_letters',
      'x/raw-a/hits__dead_letters',
      'x/other/hits__dead_letters',
      'fixed__dead_letters',
      'unknown__dead_letters',
    );
    await store.put('bronze/0.txt', Uint8Array.of(1));
    await store.put('bronze/z__dead_letters/no-table.parquet', Uint8Array.of(1));
    const found = await findLetterTables(store, topics('bronze/{topic}', 'x/raw-{topic}/hits', 'fixed', 'absent'));
    assert.deepEqual(found, [
      'bronze/a__dead_letters',
      'bronze/b__dead_letters',
      'fixed__dead_letters',
      'x/raw-a/hits__dead_letters',
    ]);
  });

  it('are found whatever an expression gives, and each once', async () => {
    const store = await storeWith('bronze/a.b__dead_letters', 'bronze/axb__dead_letters', 'bronze/__dead_letters');
    const found = await findLetterTables(store, topics('bronze/{topic}', "bronze/{kind || 'a/b'}", 'bronze/a.{topic}'));
    assert.deepEqual(found, ['bronze/a.b__dead_letters', 'bronze/axb__dead_letters']);
    assert.deepEqual(await findLetterTables(store, topics('bronze/a.{topic}')), ['bronze/a.b__dead_letters']);
  });

  it('are found without going through what is in the tables', async () => {
    const store = await storeWith('bronze/a__dead_letters', 'bronze/b');
    for (let file = 0; file < 3_000; file++) await store.put(`bronze/b/${file}.parquet`, Uint8Array.of(1));
    store.reset();
    assert.equal((await findLetterTables(store, topics('bronze/{topic}'))).length, 1);
    assert.equal(store.counts.list, 4);
  });
});
