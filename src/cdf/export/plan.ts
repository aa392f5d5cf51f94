import { versionName } from '../../delta/log-path.ts';
import { ConfigReader } from '../../ingest/config-reader.ts';
import type { ChangeLog } from '../changes/change-log.ts';
import { type ChangeShape, hasSameColumns } from '../changes/change-schema.ts';
import { bytesOf, changesOf } from '../changes/commit-changes.ts';
import { shapeAt } from '../changes/read-changes.ts';
import { CdfError } from '../errors.ts';
import { type OutputSettings, readOutputSettings } from '../output/settings.ts';
import type { VersionRange } from './range.ts';
import { type ExportTarget, jsonBytes, numberIn, readJson, targetKey } from './target.ts';

/** What a range is to be: laid down before its first file, so that whoever goes on with it writes the same files. */
export interface RangePlan extends VersionRange {
  readonly tableId: string;
  readonly output: OutputSettings;
}

/** The limits of a range. */
export interface RangeLimits {
  /** The last version that may be in it. */
  readonly last: number;
  readonly maxVersions: number;
  readonly maxRangeBytes: number;
}

/**
 * The range that begins at a version: up to the last one, to as many versions and bytes as it may have, or to a change
 * of the columns, which begins another one.
 */
export async function planRange(
  log: ChangeLog,
  from: number,
  shape: ChangeShape,
  { last, maxVersions, maxRangeBytes }: RangeLimits,
): Promise<VersionRange> {
  let until = from;
  let bytes = 0;
  for await (const commit of log.commits(from, Math.min(last, from + maxVersions - 1))) {
    const changed = shapeAt(log.latest, commit);
    if (commit.version > from && changed !== undefined && !hasSameColumns(shape, changed)) break;
    bytes += bytesOf(changesOf(log.latest.table, commit.actions));
    if (commit.version > from && bytes > maxRangeBytes) break;
    until = commit.version;
  }
  return { from, until };
}

/** The plan of the range that begins at a version; undefined where none was begun. Throws `CORRUPT_EXPORT`. */
export async function readPlan(target: ExportTarget, from: number): Promise<RangePlan | undefined> {
  const key = planKey(target, from);
  const object = await readJson(target.store, key);
  if (object === undefined) return undefined;
  const problems: string[] = [];
  const output = readOutputSettings(new ConfigReader(object.output, 'output', problems));
  const until = numberIn(object, 'until', key);
  if (numberIn(object, 'from', key) !== from || until < from) problems.push(`from and until: expected from ${from} on`);
  if (problems.length > 0) {
    throw new CdfError('CORRUPT_EXPORT', `"${key}" is no plan of a range: ${problems.join('; ')}`, { key });
  }
  return { from, until, tableId: String(object.tableId), output };
}

/** Lays the plan down. Where another writer was first, that one's holds. */
export async function claimPlan(target: ExportTarget, plan: RangePlan): Promise<RangePlan> {
  const { csv: _csv, ...output } = plan.output;
  const written = { ...plan, output: output.format === 'csv' ? plan.output : output };
  const outcome = await target.store.putIfAbsent(planKey(target, plan.from), jsonBytes(written));
  return outcome === 'created' ? plan : ((await readPlan(target, plan.from)) ?? plan);
}

function planKey(target: ExportTarget, from: number): string {
  return targetKey(target, `_plans/${versionName(from)}.json`);
}
