import type { RowBatch } from '../../parquet/rewrite/batch.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { Channel } from './channel.ts';
import type { Block, Encoder } from './encode.ts';

/** A file that is written. */
export interface WrittenPart {
  readonly key: string;
  readonly rows: number;
  /** As it is stored. */
  readonly bytes: number;
}

/** A file that is being written. */
interface OpenPart {
  readonly key: string;
  readonly channel: Channel<Block>;
  /** Its size in the end. */
  readonly stored: Promise<number>;
  rows: number;
  bytes: number;
}

/**
 * Writes rows to files `<folder>/part-00000.<extension>`, …, as they come: one is open at a time, and ends when its rows
 * have `maxFileSize` bytes. The same rows make the same files under the same names. There is none without a row.
 */
export class PartWriter {
  readonly #store: ObjectStore;
  readonly #folder: string;
  readonly #encoder: Encoder;
  readonly #maxFileSize: number;
  readonly #written: WrittenPart[] = [];
  #open: OpenPart | undefined;

  constructor(store: ObjectStore, folder: string, encoder: Encoder, maxFileSize: number) {
    this.#store = store;
    this.#folder = folder;
    this.#encoder = encoder;
    this.#maxFileSize = maxFileSize;
  }

  /** Takes the rows once the store did, but for some pieces. Throws the store's errors. */
  async write(batch: RowBatch): Promise<void> {
    for (const block of this.#encoder.blocks(batch)) {
      this.#open ??= this.#begin();
      const part = this.#open;
      await give(part, block);
      part.rows += block.rows;
      part.bytes += block.bytes;
      if (part.bytes >= this.#maxFileSize) await this.#finish(part);
    }
  }

  /** Ends the last file, and names all. */
  async end(): Promise<readonly WrittenPart[]> {
    if (this.#open !== undefined) await this.#finish(this.#open);
    return this.#written;
  }

  /** Gives up the open file, of which nothing is to be seen then. */
  async abort(reason: unknown): Promise<void> {
    this.#open?.channel.fail(reason);
    await this.#open?.stored.catch(() => undefined);
    this.#open = undefined;
  }

  #begin(): OpenPart {
    const name = `part-${String(this.#written.length).padStart(5, '0')}.${this.#encoder.extension}`;
    const key = `${this.#folder}/${name}`;
    const channel = new Channel<Block>();
    const stored = this.#store.putStream(key, this.#encoder.pieces(channel));
    // Whoever gives rows is told, too, instead of waiting for one that takes nothing any more.
    stored.catch((error: unknown) => channel.fail(error));
    return { key, channel, stored, rows: 0, bytes: 0 };
  }

  async #finish({ key, channel, stored, rows }: OpenPart): Promise<void> {
    channel.end();
    const bytes = await stored;
    this.#open = undefined;
    this.#written.push({ key, rows, bytes });
  }
}

/** Throws what the store threw, where it takes no more. */
async function give({ channel, stored }: OpenPart, block: Block): Promise<void> {
  try {
    await channel.push(block);
  } catch (error) {
    await stored;
    throw error;
  }
}
