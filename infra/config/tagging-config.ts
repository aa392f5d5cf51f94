import { ConfigError, type ConfigReader } from '../../src/ingest/config-reader.ts';
import { parseTagConfig, type TagConfigInput, type TagRule } from '../../src/tag/config.ts';
import {
  atMost,
  disjoint,
  type KeyFilter,
  keyFilters,
  MAX_NOTIFIED_PREFIXES,
  overlap,
  prefixProblem,
} from '../prefixes.ts';
import { tagFilter } from '../tag-filters.ts';
import type { LandingConfig } from './types.ts';

/** Objects of the landing bucket that get tags. */
export interface TaggingDeploymentConfig extends TagConfigInput {
  /** How events come from the bucket to the queue of this function. @default that of `landing` */
  readonly notifications?: 's3' | 'eventbridge';
  /** Invocations at the same time at most: 2-1000. @default 2 */
  readonly maxConcurrency?: number;
}

export type TaggingDeployment = Required<TaggingDeploymentConfig>;

type Landing = LandingConfig & Required<Pick<LandingConfig, 'notifications' | 'suffixes'>>;

/** Each is a notification of the bucket, which takes 100, or a rule of EventBridge. */
const MAX_FILTERS = 30;

/** Reads the part for the tags of objects. */
export function readTagging(reader: ConfigReader, landing: Landing): TaggingDeployment {
  reader.onlyKnows(['rules', 'notifications', 'maxConcurrency']);
  const notifications = reader.choice('notifications', ['s3', 'eventbridge'], landing.notifications);
  const { rules } = reader.pick(['rules']);
  for (const problem of rulesProblems(rules, notifications)) reader.problem('', problem);
  return {
    rules: rules as TagConfigInput['rules'],
    notifications,
    maxConcurrency: reader.integer('maxConcurrency', 2, 1_000, 2),
  };
}

function rulesProblems(input: unknown, notifications: 's3' | 'eventbridge'): readonly string[] {
  const { rules, problems } = parseRules(input);
  const filters = rules.map(tagFilter);
  const refused = filters.flatMap(({ prefix }, index) => {
    const problem = prefix === '' ? undefined : prefixProblem(prefix, notifications);
    return problem === undefined ? [] : [`rules[${index}]: ${problem}`];
  });
  const { length } = disjoint(filters);
  return [
    ...problems,
    ...refused,
    ...(length > MAX_FILTERS
      ? [`rules: expected ${MAX_FILTERS} prefixes and endings that do not overlap at most, got ${length}`]
      : []),
  ];
}

/** The rules, none where something is wrong with them. */
function parseRules(rules: unknown): { readonly rules: readonly TagRule[]; readonly problems: readonly string[] } {
  try {
    return { rules: parseTagConfig({ rules }).rules, problems: [] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { rules: [], problems: error.problems };
  }
}

/** Keys that are announced to another function. */
export interface OthersKeys {
  readonly filters: readonly KeyFilter[];
  /** The other function: `load function`. */
  readonly by: string;
}

/**
 * What keeps the bucket from notifying two queues: S3 takes no two filters for one kind of event that overlap (S3 user
 * guide, "Configuring event notifications using object key name filtering"). Events of EventBridge go wherever they are
 * wanted. `prefixes` are those of the tables.
 */
export function taggingProblems(
  { rules, notifications }: TaggingDeployment,
  landing: Landing,
  prefixes: readonly string[],
  others: readonly OthersKeys[],
): string[] {
  if (notifications !== 's3' || landing.notifications !== 's3') return [];
  const landed = keyFilters(atMost(MAX_NOTIFIED_PREFIXES, prefixes), landing.suffixes);
  const taken = [{ filters: landed, by: 'append function' }, ...others].flatMap(({ filters, by }) =>
    filters.map((filter) => ({ filter, by })),
  );
  return parseRules(rules).rules.flatMap((rule, index) => {
    const filter = tagFilter(rule);
    const other = taken.find((one) => overlap(one.filter, filter));
    if (other === undefined) return [];
    return [
      `tagging.rules[${index}]: ${describe(filter)} overlap with ${describe(other.filter)}, which go to the ${other.by}, and ` +
        "S3 notifies one of the two only: expected tagging.notifications or landing.notifications to be 'eventbridge'",
    ];
  });
}

function describe({ prefix, suffix }: KeyFilter): string {
  return `keys ${prefix === '' ? '' : `${prefix}/`}*${suffix}`;
}
