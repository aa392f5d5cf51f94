/** How a Delta table is named in the coordinator's table. All of its writers must spell it alike. */
export interface TablePathForm {
  /** Scheme of the URL under which Spark or delta-rs writes the table: `s3a://…` and `s3://…` are two tables there. */
  readonly scheme: 's3' | 's3a' | 's3n';
  /**
   * `hadoop`: characters as they are, as Spark has them. `url`: percent-encoded, as delta-rs has them since 1.3.0. They differ
   * for roots with spaces, non-ASCII and the like.
   */
  readonly pathForm: 'hadoop' | 'url';
}

/**
 * The `tablePath` of the Delta table at `root` of a bucket: Hadoop's `Path.toString` (no slash at the end, except for a
 * bucket's own root), or the text of a URL without slashes at its end.
 */
export function formatTablePath(bucket: string, root: string, { scheme, pathForm }: TablePathForm): string {
  if (pathForm === 'url') return `${scheme}://${bucket}${root === '' ? '' : `/${encodePath(root)}`}`;
  return `${scheme}://${bucket}/${root}`;
}

/** The path percent-encode set of the URL standard, and `%` itself, since keys are not encoded. */
const ENCODED = /[\0-\x20"#<>?`{}%\x7f]|[^\0-\x7f]+/g;

function encodePath(root: string): string {
  return root.replaceAll(ENCODED, (text) => encodeURIComponent(text));
}
