import type { TableState } from './table-state.ts';

/** The states of the tables used last. A state is out of the cache while it is in use, so a failure drops it. */
export class TableCache {
  private readonly capacity: number;
  /** In the order of use, oldest first. */
  private readonly states = new Map<string, TableState>();

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  take(url: string): TableState | undefined {
    const state = this.states.get(url);
    this.states.delete(url);
    return state;
  }

  keep(url: string, state: TableState): void {
    this.states.delete(url);
    this.states.set(url, state);
    for (const oldest of this.states.keys()) {
      if (this.states.size <= this.capacity) break;
      this.states.delete(oldest);
    }
  }
}
