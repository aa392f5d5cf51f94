/** Parquet files that land: the same for the same seed and size. */
import { createRandom } from '../../src/local/demo/random.ts';
import { webRequests } from '../../src/local/demo/web-requests.ts';
import { WRITERS, writeFile } from '../../src/local/demo/writers.ts';

export interface LandingFiles {
  /** Different contents, which come in turn. */
  readonly bodies: readonly Uint8Array[];
  /** How many files land. */
  readonly count: number;
  /** Of all files. */
  readonly bytes: number;
  readonly rows: number;
}

/** Rows of a file, which make it about 4 MB. */
export const ROWS = 50_000;
/** Different files; what they cost does not depend on their being different. */
const DIFFERENT = 4;
const START = Date.parse('2026-11-24T00:00:00Z');

/** As many files as reach so many bytes. */
export function landingFiles(bytes: number, seed: number, rows = ROWS): LandingFiles {
  const bodies = Array.from({ length: DIFFERENT }, (_, index) =>
    writeFile(webRequests(createRandom(seed + index), { rows, from: START, userAgent: true }), WRITERS[0]),
  );
  const round = bodies.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const count = Math.max(1, Math.ceil((bytes / round) * DIFFERENT));
  const sizes = Array.from({ length: count }, (_, index) => bodies[index % DIFFERENT]?.byteLength ?? 0);
  return { bodies, count, bytes: sizes.reduce((sum, size) => sum + size, 0), rows: count * rows };
}

/** Key of a file below the table. */
export function landingKey(table: string, index: number, name = 'part'): string {
  return `${table}/ds=2026-11-24/${name}-${String(index).padStart(6, '0')}.parquet`;
}
