import type { ObjectStore } from '../storage/object-store.ts';
import { openCheckpointFile } from './checkpoint-file.ts';
import { type ColumnChunk, columnChunks } from './column-chunk.ts';
import { type Cell, ColumnReader, type ColumnReaderOptions } from './column-reader.ts';
import { ParquetError } from './errors.ts';
import { formatNodeType, type GroupNode, type LeafNode } from './schema-node.ts';

/** What a column is read as; a `timestamp` is a number of ms since the epoch. */
export type FlatType = 'string' | 'integer' | 'boolean' | 'timestamp';
type FlatValue<T extends FlatType> = T extends 'string' ? string : T extends 'boolean' ? boolean : number;

/** Some rows that follow each other: for each column that the file has, a cell a row. */
export interface FlatBatch<S extends FlatColumns> {
  /** Place of the first row in the file, from 0. */
  readonly firstRow: number;
  readonly rowCount: number;
  readonly cells: { readonly [C in keyof S]?: readonly (FlatValue<S[C]> | null)[] };
}

export type FlatColumns = Readonly<Record<string, FlatType>>;

export interface FlatFile<S extends FlatColumns> {
  /** Those of the wanted columns that the file has. */
  readonly columns: ReadonlySet<keyof S & string>;
  /** The rows in their order. Throws ParquetError for what cannot be read, and the store's errors. */
  batches(): AsyncGenerator<FlatBatch<S>, void, undefined>;
}

const OPTIONS: ColumnReaderOptions = {
  blockBytes: 256 * 1024,
  // DuckDB makes a page of 100 MB, other writers of 1.
  maxPageBytes: 128 * 1024 * 1024,
  maxCallBytes: 64 * 1024 * 1024,
};
/** Rows of a batch. */
const BATCH_ROWS = 2_048;

/**
 * Opens a file of which some top-level columns of plain values are wanted, by their names; the others are not read. Memory: for
 * each column two blocks of 256 KiB, a page and a dictionary, whatever the size of the file and its row groups.
 * Throws ParquetError, for a column of another type than is wanted as well, and the store's errors.
 */
export async function openFlatFile<const S extends FlatColumns>(
  store: ObjectStore,
  key: string,
  wanted: S,
): Promise<FlatFile<S>> {
  const { footer, source, dataEnd } = await openCheckpointFile(store, { key });
  const leaves = new Map<keyof S & string, LeafNode>();
  for (const [name, type] of Object.entries(wanted)) {
    const leaf = findLeaf(footer.root, name, type);
    if (leaf !== undefined) leaves.set(name, leaf);
  }
  const groups = columnChunks(footer, new Set(leaves.values()), dataEnd);
  return {
    columns: new Set(leaves.keys()),
    async *batches() {
      let firstRow = 0;
      for (const [index, chunks] of groups.entries()) {
        const groupRows = footer.rowGroups[index]?.rowCount ?? 0;
        const readers = Array.from(leaves, ([name, leaf]) => {
          const chunk = checkedChunk(leaf, chunks.get(leaf.column), groupRows);
          return { name, scale: scaleOf(leaf), reader: new ColumnReader(source, chunk, 0, OPTIONS) };
        });
        for (let start = 0; start < groupRows; start += BATCH_ROWS) {
          const rows = Array.from({ length: Math.min(BATCH_ROWS, groupRows - start) }, (_, row) => start + row);
          const cells: Record<string, readonly Cell[]> = {};
          for (const { name, scale, reader } of readers) cells[name] = toMs(await reader.readRows(rows), scale);
          // The types of the cells are those of the columns, which were checked.
          yield { firstRow, rowCount: rows.length, cells: cells as FlatBatch<S>['cells'] };
          firstRow += rows.length;
        }
      }
    },
  };
}

const PHYSICAL = {
  string: 'BYTE_ARRAY',
  integer: 'INT64',
  boolean: 'BOOLEAN',
  timestamp: 'INT64',
} as const satisfies Record<FlatType, string>;

function findLeaf(root: GroupNode, name: string, type: FlatType): LeafNode | undefined {
  const node = root.children.find((child) => child.name === name);
  if (node === undefined) return undefined;
  const isPlain = node.kind === 'leaf' && node.repeats === 0 && node.physical === PHYSICAL[type];
  if (isPlain && (type === 'timestamp') === (node.logical?.kind === 'TIMESTAMP')) return node;
  const got = `${node.repetition} ${formatNodeType(node)}`;
  const expected = type === 'timestamp' ? 'INT64 TIMESTAMP' : PHYSICAL[type];
  throw new ParquetError('CORRUPT', `column "${name}" is ${got}, expected ${expected}`, { column: name });
}

function checkedChunk(leaf: LeafNode, chunk: ColumnChunk | undefined, rows: number): ColumnChunk {
  if (chunk?.entries === rows) return chunk;
  const got = chunk === undefined ? 'no chunk' : `${chunk.entries} entries`;
  throw new ParquetError('CORRUPT', `column "${leaf.name}" has ${got} in a row group of ${rows} rows`, {
    column: leaf.name,
  });
}

const UNITS_A_MS = { MILLIS: 1, MICROS: 1_000, NANOS: 1_000_000 } as const;

/** Units of a timestamp in a ms; undefined for other columns. */
function scaleOf({ logical }: LeafNode): number | undefined {
  if (logical?.kind !== 'TIMESTAMP') return undefined;
  return logical.unit === undefined ? Number.NaN : UNITS_A_MS[logical.unit];
}

function toMs(cells: readonly Cell[], scale: number | undefined): readonly Cell[] {
  if (scale === undefined || scale === 1) return cells;
  return cells.map((cell) => (typeof cell === 'number' ? Math.floor(cell / scale) : cell));
}
