const LOG_DIR = '_delta_log/';
/** PROTOCOL.md "Delta Log Entries". */
const COMMIT = /^(\d{20})\.json$/;
const VERSION_DIGITS = 20;

/** The key of a commit, taken apart. */
export interface CommitKey {
  /** Of the Delta table, without slashes at its ends. */
  readonly root: string;
  /** `<20 digits>.json` */
  readonly fileName: string;
  readonly version: number;
}

/** Undefined for a key that is no commit's. */
export function parseCommitKey(key: string): CommitKey | undefined {
  const split = splitLogKey(key);
  const digits = split === undefined ? undefined : COMMIT.exec(split.name)?.[1];
  if (split === undefined || digits === undefined) return undefined;
  return { root: split.root, fileName: split.name, version: Number(digits) };
}

/** The root of the Delta table whose log a listing of `prefix` looks into; undefined for other listings. */
export function logRootOf(prefix: string): string | undefined {
  return splitLogKey(prefix)?.root;
}

export function commitName(version: number): string {
  return `${String(version).padStart(VERSION_DIGITS, '0')}.json`;
}

/** The key of something in the log folder of the table at `root`. */
export function logKeyOf(root: string, name: string): string {
  return `${root === '' ? '' : `${root}/`}${LOG_DIR}${name}`;
}

function splitLogKey(key: string): { root: string; name: string } | undefined {
  const start = key.lastIndexOf(`/${LOG_DIR}`) + 1;
  if (!key.startsWith(LOG_DIR, start)) return undefined;
  return { root: key.slice(0, Math.max(start - 1, 0)), name: key.slice(start + LOG_DIR.length) };
}
