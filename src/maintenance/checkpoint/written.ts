import type { CheckpointHint } from '../../delta/last-checkpoint.ts';

/** A checkpoint that is whole, and not yet announced. */
export interface WrittenCheckpoint {
  /** Of the file that has the checkpoint's name. */
  readonly key: string;
  readonly kind: 'classic' | 'v2';
  readonly hint: CheckpointHint;
  /** Actions, those in sidecars included. */
  readonly rows: number;
  /** Undefined where another writer's sidecars do not tell. */
  readonly adds: number | undefined;
  /** Of all its files. */
  readonly bytes: number;
  /** Of those that were written for it. */
  readonly bytesWritten: number;
  readonly sidecars: { readonly reused: number; readonly written: number };
}
