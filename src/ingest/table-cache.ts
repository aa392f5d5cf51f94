import type { TableState } from './table-state.ts';

export interface TableCacheLimits {
  readonly tables: number;
  /** File actions in the windows of all tables together, of about 200 bytes each. */
  readonly files: number;
}

/** The states of the tables used last. A state is out of the cache while it is in use, so a failure drops it. */
export class TableCache {
  private readonly limits: TableCacheLimits;
  /** In the order of use, oldest first. */
  private readonly states = new Map<string, TableState>();
  private files = 0;

  constructor(limits: TableCacheLimits) {
    this.limits = limits;
  }

  take(url: string): TableState | undefined {
    const state = this.states.get(url);
    this.states.delete(url);
    this.files -= state?.window.size ?? 0;
    return state;
  }

  keep(url: string, state: TableState): void {
    this.take(url);
    this.states.set(url, state);
    this.files += state.window.size;
    for (const oldest of this.states.keys()) {
      if (this.states.size <= this.limits.tables && this.files <= this.limits.files) break;
      if (oldest !== url) this.take(oldest);
    }
  }
}
