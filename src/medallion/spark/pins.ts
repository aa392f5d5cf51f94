import type { CheckpointReader } from '../../delta/checkpoint.ts';
import { isDeltaError } from '../../delta/errors.ts';
import { loadSnapshot, type Snapshot } from '../../delta/snapshot.ts';
import type { TableRef } from '../../delta/table.ts';

/** Versions of tables by their URLs; null for a table that was not there. */
export type Versions = Readonly<Record<string, number | null>>;

/**
 * The versions at which tables are looked at: those of the first look, for as long as a batch is under way. So a batch that is
 * gone on with later is the same batch, although its tables have grown meanwhile.
 */
export class VersionPins {
  readonly #versions: Map<string, number | null>;

  constructor(versions: Versions = {}) {
    this.#versions = new Map(Object.entries(versions));
  }

  get versions(): Versions {
    return Object.fromEntries(this.#versions);
  }

  /** Undefined where there was no table at the first look. Throws what `loadSnapshot` throws. */
  async snapshotOf(table: TableRef, reader: CheckpointReader): Promise<Snapshot | undefined> {
    const version = this.#versions.get(table.url);
    if (version === null) return undefined;
    try {
      const snapshot = await loadSnapshot(table, reader, version === undefined ? {} : { version });
      this.#versions.set(table.url, snapshot.version);
      return snapshot;
    } catch (error) {
      if (!isDeltaError(error, 'TABLE_NOT_FOUND') || version !== undefined) throw error;
      this.#versions.set(table.url, null);
      return undefined;
    }
  }
}
