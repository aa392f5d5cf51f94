import { COMPANIONS, type StepRule, type StepSource, type TablePlace } from './rule.ts';

/** A table, in the graph of the steps: as text, `bucket/prefix`. */
export type TableId = string;

export function tableId({ bucket, prefix }: TablePlace): TableId {
  return `${bucket}/${prefix}`;
}

/** What a step reads. */
export function sourcesOf({ source, lookups }: StepRule): readonly StepSource[] {
  return [source, ...lookups];
}

/** What a step writes: its target, and the table beside it with the rows that its rules keep out, which others may read. */
export function targetsOf({ target, quality }: StepRule): readonly TablePlace[] {
  const keepsOut = quality.some(({ action }) => action === 'quarantine');
  return keepsOut ? [target, { ...target, prefix: target.prefix + COMPANIONS.quarantine }] : [target];
}

/**
 * Tables whose commits make the step run: its source, and the lookups where the whole target is computed anew. A change of
 * another lookup alone runs nothing.
 */
export function triggersOf(step: StepRule): readonly StepSource[] {
  return step.mode.kind === 'replace' ? sourcesOf(step) : [step.source];
}

/** Steps that a commit of a table makes run. */
export function stepsTriggeredBy(steps: readonly StepRule[], table: TableId): readonly StepRule[] {
  return steps.filter((step) => triggersOf(step).some((source) => tableId(source) === table));
}

/** Tables that follow from themselves, in the order of the way round; undefined where there are none. */
export function findCycle(steps: readonly StepRule[]): readonly TableId[] | undefined {
  const targets = followers(steps);
  const done = new Set<TableId>();
  const visit = (table: TableId, path: readonly TableId[]): readonly TableId[] | undefined => {
    const start = path.indexOf(table);
    if (start !== -1) return [...path.slice(start), table];
    if (done.has(table)) return undefined;
    for (const next of targets.get(table) ?? []) {
      const cycle = visit(next, [...path, table]);
      if (cycle !== undefined) return cycle;
    }
    done.add(table);
    return undefined;
  };
  for (const table of targets.keys()) {
    const cycle = visit(table, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

/** The steps so that each comes behind those whose targets it reads. There must be no cycle. */
export function inOrder(steps: readonly StepRule[]): readonly StepRule[] {
  const layers = layersOf(steps);
  const layerOf = ({ target }: StepRule) => layers.get(tableId(target)) ?? 0;
  return [...steps].sort((a, b) => layerOf(a) - layerOf(b));
}

/** Of each table, the number of steps on the longest way to it: 0 for those that no step makes. There must be no cycle. */
export function layersOf(steps: readonly StepRule[]): ReadonlyMap<TableId, number> {
  const layers = new Map<TableId, number>();
  const layerOf = (table: TableId): number => {
    const known = layers.get(table);
    if (known !== undefined) return known;
    const makers = steps.filter((step) => targetsOf(step).some((target) => tableId(target) === table));
    const before = makers.flatMap((step) => sourcesOf(step).map((source) => layerOf(tableId(source))));
    const layer = before.length === 0 ? 0 : Math.max(...before) + 1;
    layers.set(table, layer);
    return layer;
  };
  for (const step of steps) for (const place of [...sourcesOf(step), step.target]) layerOf(tableId(place));
  return layers;
}

/** Of each table that is read, those that follow from it. */
function followers(steps: readonly StepRule[]): ReadonlyMap<TableId, readonly TableId[]> {
  const found = new Map<TableId, TableId[]>();
  for (const step of steps) {
    for (const source of sourcesOf(step)) {
      const targets = found.get(tableId(source)) ?? [];
      found.set(tableId(source), [...targets, ...targetsOf(step).map(tableId)]);
    }
  }
  return found;
}
