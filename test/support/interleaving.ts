import { setImmediate as settled } from 'node:timers/promises';

/** Waits for its turn before each step. */
export type Turn = () => Promise<void>;

/** Picks one of `count` actors that can go on, 0 to `count - 1`; 0 is the one that made the last step, if it can. */
export type Choose = (count: number) => number;

/**
 * Runs actors so that one of them makes a step at a time, in the order that `choose` gives. A step is what an actor does from
 * one turn to its next one, or to its end; it must wait for nothing but promises. Throws what an actor throws.
 */
export async function interleave(actors: readonly ((turn: Turn) => Promise<void>)[], choose: Choose): Promise<void> {
  const waiting: { readonly actor: number; readonly go: () => void }[] = [];
  const turnOf = (actor: number): Turn => {
    return () => new Promise<void>((go) => waiting.push({ actor, go }));
  };
  const ends = Promise.allSettled(actors.map((run, actor) => run(turnOf(actor))));
  await settled();
  for (let last = 0; waiting.length > 0; ) {
    waiting.sort((a, b) => Number(b.actor === last) - Number(a.actor === last) || a.actor - b.actor);
    const [next] = waiting.splice(choose(waiting.length), 1);
    last = next?.actor ?? 0;
    next?.go();
    await settled();
  }
  for (const end of await ends) if (end.status === 'rejected') throw end.reason;
}

/**
 * Runs `run` once for every order in which actors give way to another, though they could go on, `switches` times at most:
 * what goes wrong between a few processes mostly needs no more than two. Returns the number of runs.
 */
export async function everyInterleaving(switches: number, run: (choose: Choose) => Promise<void>): Promise<number> {
  let given: number[] | undefined = [];
  for (let runs = 0; ; runs += 1) {
    if (given === undefined) return runs;
    const prefix: readonly number[] = given;
    const taken: { readonly choice: number; readonly count: number }[] = [];
    await run((count) => {
      const isSpent = taken.filter(({ choice }) => choice > 0).length >= switches;
      const choice = prefix[taken.length] ?? 0;
      taken.push({ choice, count: isSpent ? 1 : count });
      return choice;
    });
    const last = taken.findLastIndex(({ choice, count }) => choice + 1 < count);
    given = last === -1 ? undefined : taken.slice(0, last + 1).map(({ choice }) => choice);
    if (given !== undefined) given[last] = (given[last] ?? 0) + 1;
  }
}
