import type { StructType } from '../../src/delta/schema.ts';

/** The table of the soak test: its files, and what its processes agree on. */
export const SOAK_FILE_SCHEMA: StructType = {
  type: 'struct',
  fields: [
    { name: 'id', type: 'long', nullable: true, metadata: {} },
    { name: 'text', type: 'string', nullable: true, metadata: {} },
  ],
};
export const ROWS_A_COMMIT = 20;
/** More than a writer has. */
export const IDS_OF_A_WRITER = 1_000_000;
/** For the vacuum: longer than any writer needs from its file to its commit, ms. */
export const SOAK_RETENTION = 60_000;
