import type { CommitTable } from '../../src/storage/commits/commit-table.ts';
import { type ObjectStore, StoreError } from '../../src/storage/object-store.ts';
import { CrashError, type Fault } from './faulty-store.ts';

/** One call that reached the store or the coordinator's table, counted from 1 over both. */
export interface CommitCall {
  readonly number: number;
  /** `putIfAbsent` of the store, `table.putIfAbsent` of the table. */
  readonly method: string;
  readonly key: string;
}

export interface InterceptedCommits {
  readonly store: ObjectStore;
  readonly table: CommitTable;
  readonly calls: readonly CommitCall[];
}

export interface Interception {
  /** Which call fails, and how; undefined lets it pass. */
  readonly plan?: (call: CommitCall) => Fault | undefined;
  /** Awaited before each call, to order the calls of several writers. */
  readonly turn?: () => Promise<void>;
}

/** What one process sees of a store and a table: its calls may fail, and it may die at one of them. */
export function interceptCommits(
  inner: { readonly store: ObjectStore; readonly table: CommitTable },
  { plan = () => undefined, turn = async () => undefined }: Interception,
): InterceptedCommits {
  const calls: CommitCall[] = [];
  let crashed = false;

  function failure(call: CommitCall, { kind, when }: Fault): Error {
    const text = `${kind} ${when} call ${call.number} (${call.method} of "${call.key}")`;
    if (kind === 'unavailable') return new StoreError('UNAVAILABLE', call.method, call.key, text);
    crashed = true;
    return new CrashError(text);
  }

  async function around<T>(method: string, key: string, run: () => Promise<T>): Promise<T> {
    if (crashed) throw new CrashError(`${method} of "${key}": the process is dead`);
    await turn();
    const call = { number: calls.length + 1, method, key };
    calls.push(call);
    const fault = plan(call);
    if (fault?.when === 'before') throw failure(call, fault);
    const result = await run();
    if (fault !== undefined) throw failure(call, fault);
    return result;
  }

  const { store, table } = inner;
  return {
    calls,
    store: {
      get: (key, options) => around('get', key, () => store.get(key, options)),
      head: (key) => around('head', key, () => store.head(key)),
      put: (key, body) => around('put', key, () => store.put(key, body)),
      putStream: (key, pieces) => around('putStream', key, () => store.putStream(key, pieces)),
      putIfAbsent: (key, body) => around('putIfAbsent', key, () => store.putIfAbsent(key, body)),
      delete: (key) => around('delete', key, () => store.delete(key)),
      async *list(prefix, options) {
        yield* await around('list', prefix, () => Array.fromAsync(store.list(prefix, options)));
      },
    },
    table: {
      name: table.name,
      latest: (path) => around('table.latest', path, () => table.latest(path)),
      get: (path, file) => around('table.get', file, () => table.get(path, file)),
      putIfAbsent: (entry) => around('table.putIfAbsent', entry.fileName, () => table.putIfAbsent(entry)),
      complete: (entry, time) => around('table.complete', entry.fileName, () => table.complete(entry, time)),
    },
  };
}
