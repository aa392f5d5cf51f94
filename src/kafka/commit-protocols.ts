import { isDeepStrictEqual } from 'node:util';
import type { CommitRule } from '../ingest/config.ts';
import { DEAD_LETTERS } from './dead-letters.ts';
import type { TopicRule } from './topic-rule.ts';
import { compileTarget } from './transform/target.ts';

type Rules = readonly Pick<TopicRule, 'table' | 'commitProtocol'>[];

/**
 * How the tables of the topics commit, and their dead letters: a table that a rule names as that rule has it, others as the
 * first rule whose tables can be there. So all who write a table, the committer included, do it alike.
 */
export function bronzeCommitRules({ topics }: { readonly topics: Rules }): CommitRule[] {
  const places = topics.map(({ table, commitProtocol }) => {
    return { ...placeOf(table), rule: commitProtocol === undefined ? {} : { commitProtocol } };
  });
  const named = places.filter(({ isNamed }) => isNamed);
  const others = places.filter(({ isNamed }) => !isNamed);
  return [
    ...named.flatMap(({ folder, rule }) => [
      { root: folder, ...rule },
      { root: folder + DEAD_LETTERS, ...rule },
    ]),
    ...others.map(({ folder, rule }) => ({ root: folder === '' ? '**' : `${folder}/**`, ...rule })),
  ];
}

/** The rules that may have tables in common and give them different protocols. */
export function conflictingCommits(rules: Rules): string[] {
  const places = rules.map(({ table }) => placeOf(table));
  return rules.flatMap((rule, index) => {
    const earlier = rules.slice(0, index).findIndex((other, position) => {
      if (isDeepStrictEqual(other.commitProtocol, rule.commitProtocol)) return false;
      return canMeet(places[position], places[index]);
    });
    if (earlier === -1) return [];
    return [
      `topics[${index}].commitProtocol: expected that of topics[${earlier}], with which it may share tables ` +
        `("${rules[earlier]?.table}" and "${rule.table}")`,
    ];
  });
}

interface Place {
  /** The table itself if a rule names it, else the folder that all of its tables lie in; '' for the whole bucket. */
  readonly folder: string;
  readonly isNamed: boolean;
}

function placeOf(table: string): Place {
  const { fixedPrefix } = compileTarget(table);
  return { folder: fixedPrefix, isNamed: fixedPrefix === table };
}

/** A table that a rule names is that rule's, whatever others' expressions give. */
function canMeet(a: Place | undefined, b: Place | undefined): boolean {
  if (a === undefined || b === undefined || a.isNamed !== b.isNamed) return false;
  return a.isNamed ? a.folder === b.folder : isWithin(a.folder, b.folder) || isWithin(b.folder, a.folder);
}

function isWithin(folder: string, outer: string): boolean {
  return outer === '' || `${folder}/`.startsWith(`${outer}/`);
}
