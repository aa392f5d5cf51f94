import type { StructType } from '../../delta/schema.ts';
import type { CheckpointLayout } from '../../parquet/checkpoint-schema.ts';
import type { Footer } from '../../parquet/footer.ts';

/**
 * Whether the statistics and the parsed partition values of a sidecar stand in the columns of this layout. Readers take
 * the columns of one sidecar for those of all (Spark: `schemaForSidecarFile`), so sidecars must not be mixed.
 */
export function hasLayout({ columns }: Pick<Footer, 'columns'>, layout: CheckpointLayout): boolean {
  const found = columns
    .map(({ path }) => path)
    .filter(([action, field]) => action === 'add' && OPTIONAL.has(field ?? ''));
  const wanted = [
    ...(layout.stats ? [['add', 'stats']] : []),
    ...leavesOf(layout.partitionValuesParsed?.type, ['add', 'partitionValues_parsed']),
    ...leavesOf(layout.statsParsed?.type, ['add', 'stats_parsed']),
  ];
  return keyOf(found) === keyOf(wanted);
}

const OPTIONAL: ReadonlySet<string> = new Set(['stats', 'partitionValues_parsed', 'stats_parsed']);

function leavesOf(type: StructType | undefined, path: readonly string[]): (readonly string[])[] {
  if (type === undefined) return [];
  return type.fields.flatMap((field) => {
    const own = [...path, field.name];
    return typeof field.type !== 'string' && field.type.type === 'struct' ? leavesOf(field.type, own) : [own];
  });
}

function keyOf(paths: readonly (readonly string[])[]): string {
  return JSON.stringify(paths.map((path) => JSON.stringify(path)).sort());
}
