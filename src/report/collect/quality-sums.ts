import type { CommitInfo } from '../../delta/actions.ts';
import type { QualityFacts } from '../facts.ts';

/** Rules that are told apart. */
const MAX_RULES = 50;

/**
 * Adds up what rules of quality found: a step's commit says in the operation parameter `quality` how many of its rows broke which
 * rule, as a JSON object. What is none is passed over: anybody may write commits.
 */
export class QualitySums {
  readonly #rows = new Map<string, number>();

  add({ operationParameters }: CommitInfo): void {
    for (const [rule, rows] of countsOf(operationParameters?.quality)) {
      const known = this.#rows.get(rule);
      if (known === undefined && this.#rows.size === MAX_RULES) continue;
      this.#rows.set(rule, (known ?? 0) + rows);
    }
  }

  facts(): readonly QualityFacts[] {
    return [...this.#rows].map(([rule, rows]) => ({ rule, rows })).sort((a, b) => b.rows - a.rows);
  }
}

function countsOf(text: unknown): [string, number][] {
  if (typeof text !== 'string') return [];
  try {
    const counts: unknown = JSON.parse(text);
    if (typeof counts !== 'object' || counts === null || Array.isArray(counts)) return [];
    return Object.entries(counts).filter(
      (entry): entry is [string, number] => typeof entry[1] === 'number' && entry[1] > 0 && Number.isFinite(entry[1]),
    );
  } catch {
    return [];
  }
}
