/**
 * Values from one part of the program to another, one at a time: `push` waits until the value before was taken, so that
 * nothing piles up.
 */
export class Channel<T> implements AsyncIterable<T> {
  #waiting: { readonly value: T; readonly taken: () => void; readonly refused: (reason: unknown) => void } | undefined;
  #asked: { readonly give: (result: IteratorResult<T>) => void; readonly fail: (reason: unknown) => void } | undefined;
  #end: { readonly failure?: { readonly reason: unknown } } | undefined;

  /** Resolves when the value was taken. Rejects when the channel is closed with a failure before that. */
  push(value: T): Promise<void> {
    if (this.#end !== undefined) return this.#refuse();
    if (this.#asked !== undefined) {
      this.#asked.give({ done: false, value });
      this.#asked = undefined;
      return Promise.resolve();
    }
    return new Promise((taken, refused) => {
      this.#waiting = { value, taken, refused };
    });
  }

  /** No more values come. */
  end(): void {
    this.#end ??= {};
    this.#asked?.give({ done: true, value: undefined });
    this.#asked = undefined;
  }

  /** Ends both sides: the one that takes gets the reason, and so does the one that gives. */
  fail(reason: unknown): void {
    this.#end ??= { failure: { reason } };
    this.#asked?.fail(reason);
    this.#asked = undefined;
    this.#waiting?.refused(reason);
    this.#waiting = undefined;
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    return {
      next: () => this.#next(),
      return: async () => {
        this.fail(new Error('nobody takes the values any more'));
        return { done: true, value: undefined };
      },
    };
  }

  #next(): Promise<IteratorResult<T>> {
    const waiting = this.#waiting;
    if (waiting !== undefined) {
      this.#waiting = undefined;
      waiting.taken();
      return Promise.resolve({ done: false, value: waiting.value });
    }
    const { failure } = this.#end ?? {};
    if (failure !== undefined) return Promise.reject(failure.reason);
    if (this.#end !== undefined) return Promise.resolve({ done: true, value: undefined });
    return new Promise((give, fail) => {
      this.#asked = { give, fail };
    });
  }

  #refuse(): Promise<void> {
    return Promise.reject(this.#end?.failure?.reason ?? new Error('the channel is at its end'));
  }
}
