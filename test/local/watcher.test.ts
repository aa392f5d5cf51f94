import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, statSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import type { ObjectChange } from '../../src/local/s3-event.ts';
import { createSequencer } from '../../src/local/s3-event.ts';
import type { StartState } from '../../src/local/start-state.ts';
import { startWatcher, type Watcher, type WatcherOptions } from '../../src/local/watcher.ts';
import { createFolderStore } from '../../src/storage/folder-store.ts';
import type { ObjectInfo } from '../../src/storage/object-store.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { waitFor } from '../support/wait-for.ts';

const HOUR = 3_600_000;
const watchers: Watcher[] = [];

afterEach(async () => {
  for (const watcher of watchers.splice(0)) await watcher.stop();
});

interface Landing {
  readonly root: string;
  readonly changes: ObjectChange[];
  readonly problems: string[];
  readonly watcher: Watcher;
  write(key: string, text?: string): void;
  path(key: string): string;
  /** The keys announced so far, a removed one with a minus. */
  announced(): string[];
  /** Waits until the key was announced so often. */
  until(key: string, times?: number): Promise<void>;
  /** Writes one more file and waits for it: what was seen before it has been dealt with by then. */
  settle(): Promise<void>;
}

interface SetUp {
  readonly options?: Partial<WatcherOptions>;
  /** Called before the watcher starts. */
  readonly prepare?: (write: Landing['write'], root: string) => void;
}

function setUp({ options = {}, prepare }: SetUp = {}): Landing {
  const root = options.root ?? makeTempFolder();
  const changes: ObjectChange[] = [];
  const problems: string[] = [];
  const write = (key: string, text = 'content') => {
    mkdirSync(dirname(join(root, key)), { recursive: true });
    writeFileSync(join(root, key), `${text}PAR1`);
  };
  prepare?.(write, root);
  const watcher = startWatcher({
    root,
    accepts: (key) => key.endsWith('.parquet'),
    startState: async () => ({ handled: [], missing: [] }),
    settle: 20,
    settleIncomplete: HOUR,
    scanInterval: 50,
    now: Date.now,
    sequencer: createSequencer(Date.now),
    announce: async (change) => void changes.push(change),
    onProblem: (message) => void problems.push(message),
    ...options,
  });
  watchers.push(watcher);
  const announced = () => changes.map(({ kind, key }) => (kind === 'removed' ? `-${key}` : key));
  const until = (key: string, times = 1) =>
    waitFor(() => announced().filter((other) => other === key).length >= times, `${key} announced ${times} times`);
  let sentinels = 0;
  const settle = async () => {
    sentinels += 1;
    write(`sentinel/${sentinels}.parquet`);
    await until(`sentinel/${sentinels}.parquet`);
    await waitFor(() => watcher.isQuiet(), 'the watcher is quiet');
  };
  return { root, changes, problems, watcher, write, path: (key) => join(root, key), announced, until, settle };
}

describe('the watcher', () => {
  it('announces the files that are there, and those that come, once each', async () => {
    const landing = setUp({ prepare: (write) => write('t/ds=1/old.parquet') });
    await landing.until('t/ds=1/old.parquet');
    landing.write('t/ds=1/new.parquet');
    landing.write('t/ds=2/deep/er/new.parquet');
    await landing.until('t/ds=1/new.parquet');
    await landing.until('t/ds=2/deep/er/new.parquet');
    await landing.settle();
    assert.deepEqual(landing.announced().slice(0, -1).sort(), [
      't/ds=1/new.parquet',
      't/ds=1/old.parquet',
      't/ds=2/deep/er/new.parquet',
    ]);
  });

  it('says what the folder store says of the file', async () => {
    const landing = setUp();
    landing.write('t/a b.parquet', 'four');
    await landing.until('t/a b.parquet');
    const info = await createFolderStore(landing.root).head('t/a b.parquet');
    const [change] = landing.changes;
    assert.equal(change?.size, 8);
    assert.equal(change?.etag, info?.etag);
  });

  it('passes over hidden folders, other files, and links', async () => {
    const landing = setUp({
      prepare: (write, root) => {
        write('t/_delta_log/0.parquet');
        write('t/.hidden/a.parquet');
        write('t/_temporary/0/a.parquet');
        write('t/notes.txt');
        write('elsewhere.txt');
        symlinkSync(join(root, 'elsewhere.txt'), join(root, 't/link.parquet'));
        write('t/_p=1/a.parquet');
      },
    });
    await landing.until('t/_p=1/a.parquet');
    landing.write('t/_temporary/1/b.parquet');
    landing.write('t/_new/b.parquet');
    await landing.settle();
    assert.deepEqual(landing.announced(), ['t/_p=1/a.parquet', 'sentinel/1.parquet']);
  });

  it('waits for a file that does not end as a Parquet file', async () => {
    const landing = setUp();
    mkdirSync(landing.path('t'));
    writeFileSync(landing.path('t/slow.parquet'), 'half of it');
    landing.write('t/fast.parquet');
    await landing.until('t/fast.parquet');
    assert.deepEqual(landing.announced(), ['t/fast.parquet']);
    assert.equal(landing.watcher.isQuiet(), false);
    landing.write('t/slow.parquet', 'all of it');
    await landing.until('t/slow.parquet');
    assert.equal(landing.changes.at(-1)?.size, 'all of itPAR1'.length);
  });

  it('announces such a file after all when nothing more comes, and again when it changes', async () => {
    const landing = setUp({ options: { settleIncomplete: 60 } });
    mkdirSync(landing.path('t'));
    writeFileSync(landing.path('t/slow.parquet'), 'half');
    await landing.until('t/slow.parquet');
    landing.write('t/slow.parquet', 'whole');
    await landing.until('t/slow.parquet', 2);
    assert.deepEqual(
      landing.changes.map(({ size }) => size),
      [4, 9],
    );
    assert.notEqual(landing.changes[0]?.etag, landing.changes[1]?.etag);
  });

  it('announces an overwritten file again, also by one with an older time', async () => {
    const landing = setUp();
    await landing.settle();
    landing.write('t/a.parquet', 'one');
    await landing.until('t/a.parquet');
    landing.write('old.tmp', 'two');
    utimesSync(landing.path('old.tmp'), 1, 1);
    renameSync(landing.path('old.tmp'), landing.path('t/a.parquet'));
    await landing.until('t/a.parquet', 2);
    const [, first, second] = landing.changes;
    assert.ok(second !== undefined && first !== undefined);
    assert.ok(String(second.sequencer) > String(first.sequencer));
    assert.ok(second.time > 1_000, 'an old file that came just now is an event of now');
  });

  it('follows the notices of the operating system between two scans', async () => {
    const landing = setUp({ options: { scanInterval: HOUR }, prepare: (write) => write('t/p=1/old.parquet') });
    await landing.until('t/p=1/old.parquet');
    landing.write('t/p=1/new.parquet');
    await landing.until('t/p=1/new.parquet');
    landing.write('other/p=2/deep/new.parquet');
    await landing.until('other/p=2/deep/new.parquet');
    rmSync(landing.path('t/p=1'), { recursive: true });
    await waitFor(() => landing.watcher.isQuiet(), 'the removed folder is known');
    landing.write('t/p=1/again.parquet');
    await landing.until('t/p=1/again.parquet');
    landing.write('t/p=1/more.parquet');
    await landing.until('t/p=1/more.parquet');
  });

  it('finds changes by its scans, also folders that are moved in and made anew', async () => {
    const landing = setUp();
    await landing.settle();
    const aside = makeTempFolder();
    mkdirSync(join(aside, 'many'));
    writeFileSync(join(aside, 'many/a.parquet'), 'PAR1');
    renameSync(join(aside, 'many'), landing.path('many'));
    await landing.until('many/a.parquet');
    rmSync(landing.path('many'), { recursive: true });
    mkdirSync(landing.path('many'));
    writeFileSync(landing.path('many/b.parquet'), 'PAR1');
    await landing.until('many/b.parquet');
  });
});

describe('the watcher and deleted files', () => {
  it('announces the deletion of a file that it announced before', async () => {
    const landing = setUp();
    await landing.settle();
    mkdirSync(landing.path('t/_delta_log'), { recursive: true });
    landing.write('t/ds=1/a.parquet');
    await landing.until('t/ds=1/a.parquet');
    unlinkSync(landing.path('t/ds=1/a.parquet'));
    await landing.until('-t/ds=1/a.parquet');
    const [, created, removed] = landing.changes;
    assert.ok(String(removed?.sequencer) > String(created?.sequencer));
    landing.write('t/ds=1/a.parquet');
    await landing.until('t/ds=1/a.parquet', 2);
  });

  it('has nothing to say when the whole table was deleted', async () => {
    const landing = setUp();
    mkdirSync(landing.path('t/_delta_log'), { recursive: true });
    landing.write('t/a.parquet');
    await landing.until('t/a.parquet');
    rmSync(landing.path('t'), { recursive: true });
    await landing.settle();
    assert.deepEqual(landing.announced(), ['t/a.parquet', 'sentinel/1.parquet']);
  });

  it('fails when the landing folder is gone, and does not take its files for deleted', async () => {
    const root = join(makeTempFolder(), 'landing');
    const landing = setUp({ options: { root }, prepare: (write) => write('t/a.parquet') });
    await landing.until('t/a.parquet');
    renameSync(root, `${root}-moved`);
    await assert.rejects(landing.watcher.done, /landing folder .* cannot be read/);
    assert.deepEqual(landing.announced(), ['t/a.parquet']);
  });

  it('fails when another folder is in its place', async () => {
    const root = join(makeTempFolder(), 'landing');
    const landing = setUp({ options: { root }, prepare: (write) => write('t/a.parquet') });
    await landing.until('t/a.parquet');
    mkdirSync(`${root}-new`);
    renameSync(root, `${root}-moved`);
    renameSync(`${root}-new`, root);
    await assert.rejects(landing.watcher.done, /was replaced|cannot be read/);
  });
});

describe('the start of the watcher', () => {
  function startState(state: StartState) {
    const given: { files: ReadonlyMap<string, ObjectInfo>; tables: readonly string[] }[] = [];
    const options: Partial<WatcherOptions> = {
      startState: async (files, tables) => {
        given.push({ files: new Map(files), tables });
        return state;
      },
    };
    return { given, options };
  }

  it('announces what is not handled yet, and what is gone', async () => {
    const { given, options } = startState({ handled: ['t/done.parquet'], missing: ['t/gone.parquet'] });
    const landing = setUp({
      options,
      prepare: (write, root) => {
        mkdirSync(join(root, 't/_delta_log'), { recursive: true });
        write('t/done.parquet');
        write('t/new.parquet');
      },
    });
    await landing.until('t/new.parquet');
    await landing.until('-t/gone.parquet');
    await landing.settle();
    assert.deepEqual(landing.announced().slice(0, -1).sort(), ['-t/gone.parquet', 't/new.parquet']);
    assert.deepEqual(given[0]?.tables, ['t']);
    assert.deepEqual([...(given[0]?.files.keys() ?? [])].sort(), ['t/done.parquet', 't/new.parquet']);
  });

  it('announces a handled file again when it changes', async () => {
    const { options } = startState({ handled: ['t/done.parquet'], missing: [] });
    const landing = setUp({ options, prepare: (write) => write('t/done.parquet') });
    await landing.settle();
    landing.write('t/done.parquet', 'other');
    await landing.until('t/done.parquet');
  });

  it('dates files so that no commit that may hold them is older', async () => {
    const hourAgo = Date.now() - HOUR;
    const landing = setUp({
      prepare: (write, root) => {
        for (const [name, time] of [
          ['past', hourAgo],
          ['future', Date.now() + HOUR],
          ['plain', undefined],
        ] as const) {
          write(`t/${name}.parquet`);
          if (time !== undefined) utimesSync(join(root, `t/${name}.parquet`), time / 1000, time / 1000);
        }
      },
    });
    await landing.settle();
    const change = (name: string) => landing.changes.find(({ key }) => key === `t/${name}.parquet`);
    const stats = (name: string) => statSync(landing.path(`t/${name}.parquet`));
    assert.equal(change('past')?.time, (await createFolderStore(landing.root).head('t/past.parquet'))?.modified);
    assert.ok((change('future')?.time ?? Infinity) <= Math.ceil(stats('future').birthtimeMs || Date.now()));
    assert.ok((change('plain')?.time ?? Infinity) <= Math.floor(stats('plain').mtimeMs));
    for (const name of ['past', 'future', 'plain']) assert.equal(change(name)?.sequencer, undefined);
  });
});
