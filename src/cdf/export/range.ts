import { versionName } from '../../delta/log-path.ts';

/** Versions, both included, whose changes are exported together. */
export interface VersionRange {
  readonly from: number;
  readonly until: number;
}

/** The name of the range's folder; names sort as the ranges do. */
export function rangeName({ from, until }: VersionRange): string {
  return from === until ? versionName(from) : `${versionName(from)}-${versionName(until)}`;
}
