import { layersOf, sourcesOf, type TableId, tableId, targetsOf } from './graph.ts';
import type { StepRule } from './rule.ts';

/** A table in the drawing, from its upper left corner, in units that are about pixels. */
export interface TableBox {
  readonly id: TableId;
  readonly x: number;
  readonly y: number;
  readonly layer: number;
}

/** A step's way from a table that it reads to its target. */
export interface StepLine {
  readonly step: StepRule;
  readonly from: TableBox;
  readonly to: TableBox;
  /** Lookups are read as they are. */
  readonly kind: 'source' | 'lookup';
}

export interface GraphLayout {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly TableBox[];
  readonly lines: readonly StepLine[];
}

export const BOX = { width: 210, height: 46 } as const;
const GAP = { x: 150, y: 28 } as const;
const MARGIN = 24;
/** Passes in which tables are put beside those that they follow from, and that follow from them. */
const SWEEPS = 8;

/**
 * Places the tables in columns, those that no step makes on the left and each other one behind all that it follows from; in a
 * column they stand in the order that has them nearest to their neighbours (the barycentre method of Sugiyama, Tagawa and
 * Toda, 1981). The same steps give the same drawing.
 */
export function layOut(steps: readonly StepRule[]): GraphLayout {
  const layers = layersOf(steps);
  const neighbours = neighboursOf(steps);
  const columns = order(columnsOf(layers), neighbours);
  const tallest = Math.max(...columns.map((column) => column.length));
  const heightOf = (count: number) => count * BOX.height + (count - 1) * GAP.y;
  const boxes = new Map<TableId, TableBox>();
  for (const [layer, column] of columns.entries()) {
    const top = MARGIN + (heightOf(tallest) - heightOf(column.length)) / 2;
    for (const [row, id] of column.entries()) {
      const x = MARGIN + layer * (BOX.width + GAP.x);
      boxes.set(id, { id, layer, x, y: top + row * (BOX.height + GAP.y) });
    }
  }
  return {
    width: 2 * MARGIN + columns.length * BOX.width + (columns.length - 1) * GAP.x,
    height: 2 * MARGIN + heightOf(tallest),
    boxes: [...boxes.values()],
    lines: steps.flatMap((step) => linesOf(step, boxes)),
  };
}

function linesOf(step: StepRule, boxes: ReadonlyMap<TableId, TableBox>): StepLine[] {
  return sourcesOf(step).flatMap((source, index) => {
    const from = boxes.get(tableId(source));
    const kind = index === 0 ? 'source' : 'lookup';
    // Rows that are kept out come from the source; their table is there where another step reads it.
    const targets = kind === 'source' ? targetsOf(step) : [step.target];
    return targets.flatMap((target) => {
      const to = boxes.get(tableId(target));
      return from === undefined || to === undefined ? [] : [{ step, from, to, kind } as const];
    });
  });
}

function columnsOf(layers: ReadonlyMap<TableId, number>): TableId[][] {
  const columns: TableId[][] = Array.from({ length: Math.max(...layers.values()) + 1 }, () => []);
  for (const [table, layer] of layers) columns[layer]?.push(table);
  return columns;
}

function neighboursOf(steps: readonly StepRule[]): ReadonlyMap<TableId, readonly TableId[]> {
  const found = new Map<TableId, TableId[]>();
  const add = (a: TableId, b: TableId) => void found.set(a, [...(found.get(a) ?? []), b]);
  for (const step of steps) {
    for (const source of sourcesOf(step)) {
      add(tableId(source), tableId(step.target));
      add(tableId(step.target), tableId(source));
    }
  }
  return found;
}

/** Sorts each column by the mean place of its tables' neighbours in the others, back and forth. */
function order(columns: readonly TableId[][], neighbours: ReadonlyMap<TableId, readonly TableId[]>): TableId[][] {
  const sorted = columns.map((column) => [...column]);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const places = new Map(
      sorted.flatMap((column) => column.map((table, row) => [table, (row + 0.5) / column.length] as const)),
    );
    const meanOf = (table: TableId) => {
      const near = neighbours.get(table) ?? [];
      return near.reduce((sum, other) => sum + (places.get(other) ?? 0), 0) / near.length;
    };
    const column = sorted[sweep % sorted.length];
    column?.sort((a, b) => meanOf(a) - meanOf(b));
  }
  return sorted;
}
