import { type ObjectStore, StoreError } from '../../src/storage/object-store.ts';
import type { StoreMethod } from './counting-store.ts';

/** One call that reached the store, counted from 1 over all methods. */
export interface StoreCall {
  readonly number: number;
  readonly method: StoreMethod;
  /** The object's key; the prefix of a `list`. */
  readonly key: string;
}

export interface Fault {
  /** `before`: the call has no effect. `after`: it has its effect, and only the answer is lost. */
  readonly when: 'before' | 'after';
  /**
   * `unavailable`: this call throws `UNAVAILABLE`, later ones work.
   * `crash`: this call and every later one throws `CrashError`, as if the process had died.
   */
  readonly kind: 'unavailable' | 'crash';
}

/** Chooses the calls that fail: undefined lets a call pass. */
export type FaultPlan = (call: StoreCall) => Fault | undefined;

/** Stands for the death of the process; code under test must not handle it. */
export class CrashError extends Error {
  override readonly name = 'CrashError';
}

export interface FaultyStore extends ObjectStore {
  /** The calls so far, also those that failed. */
  readonly calls: readonly StoreCall[];
}

/**
 * Passes calls on to `inner`, except those for which `plan` names a fault. A `list` is one call, made when its
 * iteration starts; its `after` fault comes behind the first object, half-way through the listing.
 */
export function createFaultyStore(inner: ObjectStore, plan: FaultPlan): FaultyStore {
  const calls: StoreCall[] = [];
  let crashed = false;

  function begin(method: StoreMethod, key: string): { call: StoreCall; fault: Fault | undefined } {
    const call = { number: calls.length + 1, method, key };
    if (crashed) throw new CrashError(`${describeCall(call)}: the process is dead`);
    calls.push(call);
    const fault = plan(call);
    if (fault?.when === 'before') throw failure(call, fault);
    return { call, fault };
  }

  function failure(call: StoreCall, fault: Fault): Error {
    if (fault.kind === 'unavailable') {
      return new StoreError('UNAVAILABLE', call.method, call.key, `fault ${fault.when} call ${call.number}`);
    }
    crashed = true;
    return new CrashError(`${describeCall(call)}: crash ${fault.when} the call`);
  }

  async function around<T>(method: StoreMethod, key: string, run: () => Promise<T>): Promise<T> {
    const { call, fault } = begin(method, key);
    const result = await run();
    if (fault !== undefined) throw failure(call, fault);
    // Another call of the same process may have crashed it while this one was under way.
    if (crashed) throw new CrashError(`${describeCall(call)}: the process is dead`);
    return result;
  }

  return {
    calls,
    get: (key, options) => around('get', key, () => inner.get(key, options)),
    head: (key) => around('head', key, () => inner.head(key)),
    put: (key, body) => around('put', key, () => inner.put(key, body)),
    putStream: (key, pieces) => around('put', key, () => inner.putStream(key, pieces)),
    putIfAbsent: (key, body) => around('putIfAbsent', key, () => inner.putIfAbsent(key, body)),
    delete: (key) => around('delete', key, () => inner.delete(key)),
    async *list(prefix, options) {
      const { call, fault } = begin('list', prefix);
      for await (const object of inner.list(prefix, options)) {
        yield object;
        if (fault !== undefined) throw failure(call, fault);
      }
      if (fault !== undefined) throw failure(call, fault);
    },
  };
}

/** Fails the n-th call, counted from 1, and no other. */
export function failCall(number: number, fault: Fault): FaultPlan {
  return (call) => (call.number === number ? fault : undefined);
}

/** Fails every call that `matches`. */
export function failCalls(matches: (call: StoreCall) => boolean, fault: Fault): FaultPlan {
  return (call) => (matches(call) ? fault : undefined);
}

/**
 * Every way in which a run of `callCount` calls can fail at one call: crash tests run once without faults to learn
 * the number of calls, then once for each of these.
 */
export function* everySingleFault(callCount: number): Generator<{ name: string; number: number; fault: Fault }> {
  for (let number = 1; number <= callCount; number += 1) {
    for (const kind of ['unavailable', 'crash'] as const) {
      for (const when of ['before', 'after'] as const) {
        yield { name: `${kind} ${when} call ${number}`, number, fault: { when, kind } };
      }
    }
  }
}

function describeCall({ number, method, key }: StoreCall): string {
  return `call ${number} (${method} of "${key}")`;
}
