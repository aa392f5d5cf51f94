import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Action, AddFile } from '../../src/delta/actions.ts';
import { isDeltaError } from '../../src/delta/errors.ts';
import { versionName } from '../../src/delta/log-path.ts';
import { findMentioned } from '../../src/delta/replay.ts';
import { activeFiles, findActive, loadSnapshot, refreshSnapshot, type Snapshot } from '../../src/delta/snapshot.ts';
import { createCheckpointReader } from '../../src/parquet/checkpoint-reader.ts';
import {
  add,
  type CheckpointShape,
  type CountedLog,
  collect,
  createCountedLog,
  domain,
  featureProtocol,
  metaData,
  remove,
  txn,
} from '../support/delta-log-builder.ts';

const reader = createCheckpointReader();
const SHAPES = ['classic', 'multiPart', 'v2Parquet', 'v2Json', 'v2ParquetInline', 'v2JsonInline'] as const;

describe('activeFiles', () => {
  for (const shape of SHAPES) {
    it(`reads the files of a ${shape} checkpoint and of the commits after it`, async () => {
      const log = await tableOf([add('a'), add('b'), add('c'), add('d')], [remove('b')]);
      await log.checkpoint(1, shape);
      await log.commit(remove('c'), add('d', { size: 2 }), add('e'));
      assert.deepEqual(await files(await load(log)), ['a 100', 'd 2', 'e 100']);
    });
  }

  it('reads a checkpoint with a classic name and sidecars', async () => {
    const log = await tableOf([add('a'), add('b')]);
    const [key = ''] = await log.checkpoint(0, 'v2Parquet');
    const { body } = await log.table.store.get(key);
    await log.table.store.put(key.replace(/checkpoint\..*/, 'checkpoint.parquet'), body);
    await log.table.store.delete(key);
    const snapshot = await load(log);
    assert.equal(snapshot.segment.checkpoint?.kind, 'classic');
    assert.deepEqual(await files(snapshot), ['a 100', 'b 100']);
  });

  it('keeps a file and its successor with another deletion vector apart', async () => {
    const dv = (name: string) => ({ deletionVector: vector(name) });
    const log = await tableOf([add('a'), add('b')], [remove('a'), add('a', { size: 1, ...dv('v1') })]);
    await log.checkpoint(1);
    await log.commit(remove('a', dv('v1')), add('a', { size: 2, ...dv('v2') }));
    assert.deepEqual(await files(await load(log)), ['a 2', 'b 100']);
    await log.commit(remove('a', dv('v1')));
    assert.deepEqual(await files(await load(log)), ['a 2', 'b 100']);
    await log.commit(remove('a', dv('v2')));
    assert.deepEqual(await files(await load(log)), ['b 100']);
  });

  it('knows a file by its meaning, however its path is spelled', async () => {
    const log = await tableOf([add('x y/caf%C3%A9'), add('s3a://bucket/lake/orders/b'), add('c%20c')]);
    await log.checkpoint(0);
    await log.commit(remove('x%20y/café'), remove('b'), remove('s3://bucket/lake/orders/c%20c'));
    assert.deepEqual(await files(await load(log)), []);
  });

  it('lets the later line of a commit hold', async () => {
    const log = await tableOf([add('a'), remove('a'), remove('b'), add('b')]);
    assert.deepEqual(await files(await load(log)), ['b 100']);
  });

  it('gives the statistics of a checkpoint only on request', async () => {
    const log = await tableOf([add('a', { stats: '{"numRecords":3}', partitionValues: { p: '1' } })]);
    await log.checkpoint(0);
    const snapshot = await load(log);
    const [plain] = await collect(activeFiles(snapshot, reader));
    const [withStats] = await collect(activeFiles(snapshot, reader, { stats: true }));
    assert.equal(plain?.stats, undefined);
    assert.equal(withStats?.stats, '{"numRecords":3}');
    assert.deepEqual(plain?.partitionValues, { p: '1' });
  });

  it('refuses a sidecar elsewhere, and a malformed JSON checkpoint by name and line', async () => {
    const log = await tableOf([add('a')]);
    const name = `${versionName(0)}.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.json`;
    const lines = [featureProtocol(['v2Checkpoint']), metaData()]
      .map((action) => `${JSON.stringify(action)}\n`)
      .join('');
    await log.put(name, `${lines}{"sidecar":{"path":"s3://other/x.parquet","sizeInBytes":1,"modificationTime":1}}`);
    const snapshot = await load(log);
    await assert.rejects(files(snapshot), (error) => isDeltaError(error, 'CORRUPT_LOG'));
    await log.put(name, `${lines}{"sidecar":{"path":"x.parquet"}}`);
    await assert.rejects(
      load(log),
      /Line 3 of lake\/orders\/_delta_log\/.*\.json of s3:.* sidecar\.sizeInBytes is missing/,
    );
  });
});

describe('findActive', () => {
  it('finds files in the commits and in the checkpoint, with all of their add', async () => {
    const log = await tableOf([add('a', { stats: '{"numRecords":1}' }), add('sp ace'), add('gone')]);
    await log.checkpoint(0);
    await log.commit(remove('gone'), add('new'));
    const found = await findActive(await load(log), reader, new Set(['a', 'sp ace', 'gone', 'new', 'never']));
    assert.deepEqual([...found.keys()].sort(), ['a', 'new', 'sp ace']);
    assert.equal(found.get('a')?.stats, '{"numRecords":1}');
  });

  it('does not touch the checkpoint when the commits tell of all', async () => {
    const log = await tableOf([add('a')]);
    await log.checkpoint(0);
    await log.commit(add('b'));
    const snapshot = await load(log);
    log.store.reset();
    await findActive(snapshot, reader, new Set(['b']));
    await findActive(snapshot, reader, new Set());
    assert.equal(log.store.counts.get, 1);
  });
});

describe('findMentioned', () => {
  it('also knows files that were removed, while there is a trace of them', async () => {
    const log = await tableOf([add('a'), add('old')], [remove('old')]);
    await log.checkpoint(1);
    await log.commit(add('new'), remove('a'));
    const paths = new Set(['a', 'old', 'new', 'never']);
    assert.deepEqual([...(await findMentioned(await load(log), reader, paths))].sort(), ['a', 'new', 'old']);
  });
});

/** One step of a random history. `commit` writes a version; the others make reading cheaper and must not change the outcome. */
type Step =
  | { readonly kind: 'commit'; readonly changes: readonly Change[] }
  | { readonly kind: 'checkpoint'; readonly back: number; readonly shape: CheckpointShape; readonly hint: boolean }
  | { readonly kind: 'compact'; readonly back: number; readonly length: number }
  | { readonly kind: 'cleanUp' };

type Change =
  | { readonly kind: 'put' | 'remove' | 'deleteRows' | 'overwrite'; readonly file: number; readonly spelling: number }
  | { readonly kind: 'txn' | 'domain'; readonly name: number };

const fileChange: fc.Arbitrary<Change> = fc.record({
  kind: fc.constantFrom('put', 'put', 'put', 'remove', 'remove', 'deleteRows', 'deleteRows', 'overwrite'),
  file: fc.nat(7),
  spelling: fc.nat(3),
});
const otherChange: fc.Arbitrary<Change> = fc.record({ kind: fc.constantFrom('txn', 'domain'), name: fc.nat(2) });
const changes = fc.array(fc.oneof({ weight: 4, arbitrary: fileChange }, { weight: 1, arbitrary: otherChange }), {
  maxLength: 4,
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('commit'), changes }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('checkpoint'),
      back: fc.nat(3),
      shape: fc.constantFrom(...SHAPES),
      hint: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('compact'), back: fc.nat(3), length: fc.integer({ min: 1, max: 5 }) }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'cleanUp' }) },
);

describe('replay of random histories', () => {
  it('agrees with a map, whatever checkpoints and compacted commits there are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), fc.nat(), async (steps, pick) => {
        const history = new History();
        for (const each of steps) await history.take(each);
        await history.check(pick);
      }),
      { numRuns: 60 },
    );
  });
});

/** What a table must be at one version. */
class Model {
  readonly files: Map<string, AddFile>;
  readonly txns: Map<string, number>;
  readonly domains: Set<string>;
  /** Of the commit that leads here. */
  readonly actions: Action[] = [];
  private readonly touched = new Set<string>();
  /** Unlike any other commit's; sizes, versions and deletion vectors are made from it. */
  private readonly serial: number;

  constructor(before: Model | undefined, version: number) {
    this.files = new Map(before?.files);
    this.txns = new Map(before?.txns);
    this.domains = new Set(before?.domains);
    this.serial = version * 100;
    this.actions.push({ commitInfo: { timestamp: version } });
    if (before === undefined) this.actions.push(featureProtocol(['deletionVectors', 'v2Checkpoint']), metaData());
  }

  apply(change: Change): void {
    if ('name' in change) {
      if (change.kind === 'txn') this.setTxn(`app${change.name}`);
      else this.toggleDomain(`domain${change.name}`);
    } else if (change.kind === 'overwrite') this.overwrite(change.file, change.spelling);
    else this.changeFile(change.kind, NAMES[change.file] ?? '', change.spelling);
  }

  private changeFile(kind: 'put' | 'remove' | 'deleteRows', name: string, spelling: number): void {
    if (!this.touch(name)) return;
    const old = this.files.get(name);
    // A path may be added again as it is, but with another deletion vector only if the old one goes.
    if (kind !== 'put' || old?.deletionVector !== undefined) this.remove(name, spelling, old);
    if (kind !== 'remove') this.put(name, spelling, kind === 'deleteRows');
  }

  private overwrite(file: number, spelling: number): void {
    if (!NAMES.every((name) => this.touch(name))) return;
    for (const [name, old] of this.files) this.remove(name, spelling, old);
    this.put(`new/${NAMES[file]}`, spelling, false);
  }

  private put(name: string, spelling: number, withVector: boolean): void {
    const size = this.serial + this.actions.length;
    const action = add(spell(name, spelling), { size, ...(withVector && { deletionVector: vector(`v${size}`) }) });
    this.actions.push(action);
    if ('add' in action) this.files.set(name, action.add);
  }

  private remove(name: string, spelling: number, old: AddFile | undefined): void {
    this.files.delete(name);
    this.actions.push(
      remove(spell(name, spelling), { ...(old?.deletionVector && { deletionVector: old.deletionVector }) }),
    );
  }

  private setTxn(appId: string): void {
    if (!this.touch(appId)) return;
    this.txns.set(appId, this.serial);
    this.actions.push(txn(appId, this.serial));
  }

  private toggleDomain(name: string): void {
    if (!this.touch(name)) return;
    const removed = this.domains.delete(name);
    if (!removed) this.domains.add(name);
    this.actions.push(domain(name, '{}', removed));
  }

  /** At most one action of a commit may be about one thing. */
  private touch(name: string): boolean {
    const isNew = !this.touched.has(name);
    this.touched.add(name);
    return isNew;
  }
}

/** A log, and beside it what the table must be at each version. */
class History {
  private readonly log = createCountedLog();
  private readonly models: Model[] = [];
  /** A snapshot from some time ago, to be refreshed. */
  private early: Snapshot | undefined;
  private oldestLeft = 0;
  private newestCheckpoint = -1;

  async take(next: Step): Promise<void> {
    const latest = this.models.length - 1;
    if (next.kind === 'commit') {
      await this.commit(next.changes);
    } else if (next.kind === 'checkpoint' && latest >= 0) {
      const version = Math.max(this.oldestLeft, latest - next.back);
      await this.log.checkpoint(version, next.shape);
      this.newestCheckpoint = Math.max(this.newestCheckpoint, version);
      if (next.hint) await this.log.hint(version);
    } else if (next.kind === 'compact') {
      const end = latest - next.back;
      const start = Math.max(this.oldestLeft, end - next.length);
      if (start < end) await this.log.compact(start, end);
    } else if (next.kind === 'cleanUp') {
      for (; this.oldestLeft < this.newestCheckpoint; this.oldestLeft++) {
        await this.log.delete(`${versionName(this.oldestLeft)}.json`);
      }
    }
  }

  async check(pick: number): Promise<void> {
    if (this.models.length === 0) return;
    const snapshot = await load(this.log);
    assert.equal(snapshot.version, this.models.length - 1);
    await this.assertState(snapshot);

    const handed: number[] = [];
    const observed = await loadSnapshot(this.log.table, reader, { onCommit: ({ version }) => handed.push(version) });
    assert.deepEqual(observed, snapshot);
    assert.deepEqual(
      handed,
      snapshot.segment.commits.map(({ version }) => version),
    );

    const oldest = this.oldestLeft > 0 ? this.newestCheckpoint : 0;
    const version = oldest + (pick % (snapshot.version - oldest + 1));
    await this.assertState(await loadSnapshot(this.log.table, reader, { version }));
    if (this.early !== undefined && this.isLeft(this.early)) await this.assertState(await refreshSnapshot(this.early));
  }

  private async commit(drawn: readonly Change[]): Promise<void> {
    const version = this.models.length;
    const model = new Model(this.models.at(-1), version);
    for (const change of drawn) model.apply(change);
    this.models.push(model);
    await this.log.commit(...model.actions);
    if (version % 4 === 0) this.early = await load(this.log);
  }

  /** Whether the log still has all from which a snapshot was made. */
  private isLeft({ segment }: Snapshot): boolean {
    return (segment.checkpoint?.version ?? -1) + 1 >= this.oldestLeft;
  }

  private async assertState(snapshot: Snapshot): Promise<void> {
    const expected = this.models[snapshot.version];
    assert.ok(expected);
    const txns = new Map([...snapshot.txns].map(([appId, { version }]) => [appId, version]));
    assert.deepEqual(txns, expected.txns);
    assert.deepEqual(new Set(snapshot.domains.keys()), expected.domains);
    assert.deepEqual(
      identities(await collect(activeFiles(snapshot, reader))),
      identities([...expected.files.values()]),
    );

    const asked = new Set(NAMES.slice(snapshot.version % 4));
    const wanted = [...expected.files].filter(([path]) => asked.has(path));
    const found = await findActive(snapshot, reader, asked);
    assert.deepEqual([...found.keys()].sort(), wanted.map(([path]) => path).sort());
    for (const [path, { size }] of wanted) assert.equal(found.get(path)?.size, size);
    const mentioned = await findMentioned(snapshot, reader, asked);
    for (const [path] of wanted) assert.ok(mentioned.has(path), path);
  }
}

function identities(files: readonly AddFile[]): string[] {
  return files.map(({ path, size, deletionVector }) => `${path} ${size} ${deletionVector?.pathOrInlineDv}`).sort();
}

function vector(pathOrInlineDv: string) {
  return { storageType: 'u', pathOrInlineDv, offset: 1, sizeInBytes: 4, cardinality: 2 };
}

/** Canonical paths. */
const NAMES = ['a', 'b c', 'p=1/é', 'p=%2F/d', 'e', 'f#', "g'", 'h'];

/** One of the ways in which writers log a path. */
function spell(path: string, spelling: number): string {
  const encoded = encodeURI(path).replaceAll('#', '%23');
  return (
    [
      encoded,
      encodeURIComponent(path).replaceAll('%2F', '/'),
      `s3://bucket/lake/orders/${encoded}`,
      `s3a://bucket/lake/orders/${encoded}`,
    ][spelling] ?? encoded
  );
}

async function tableOf(...commits: readonly (readonly Action[])[]): Promise<CountedLog> {
  const log = createCountedLog();
  const [first = [], ...others] = commits;
  await log.commit(featureProtocol(['deletionVectors', 'v2Checkpoint']), metaData(), ...first);
  for (const actions of others) await log.commit(...actions);
  return log;
}

function load(log: CountedLog): Promise<Snapshot> {
  return loadSnapshot(log.table, reader);
}

/** `path size` of the active files, sorted. */
async function files(snapshot: Snapshot): Promise<string[]> {
  return (await collect(activeFiles(snapshot, reader))).map(({ path, size }) => `${path} ${size}`).sort();
}
