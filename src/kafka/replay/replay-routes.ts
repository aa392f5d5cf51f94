import { type KafkaConfig, ruleOf } from '../config.ts';
import type { SchemaRegistries } from '../decode/create-decoder.ts';
import { groupByPartition, type PartitionRecords } from '../offsets.ts';
import type { KafkaRecord } from '../record.ts';
import { type Route, routeRecords } from '../routing.ts';
import { createRuleCache, type Rule } from '../rule.ts';
import type { TopicRule } from '../topic-rule.ts';

export interface ReplayRoutes {
  /** The records by table. */
  readonly routes: readonly Route[];
  /** Records whose topic has no rule. */
  readonly unrouted: readonly KafkaRecord[];
}

/** Tells which records go to which table. Throws what a rule throws that cannot be prepared. */
export type Router = (records: readonly KafkaRecord[]) => Promise<ReplayRoutes>;

/** The routes of a configuration, which are those of the function. */
export function createRouter(config: KafkaConfig, registries: SchemaRegistries): Router {
  const compiled = createRuleCache(registries);
  return async (records) => {
    const unrouted: KafkaRecord[] = [];
    const routed: KafkaRecord[] = [];
    const ruleByTopic = new Map<string, TopicRule>();
    for (const record of records) {
      const { topic } = record;
      const rule = ruleByTopic.get(topic) ?? ruleOf(config, topic);
      if (rule === undefined) {
        unrouted.push(record);
        continue;
      }
      ruleByTopic.set(topic, rule);
      routed.push(record);
    }
    const ruleFor = async (topic: string): Promise<Rule> => {
      const rule = ruleByTopic.get(topic);
      if (rule === undefined) throw new Error(`the topic "${topic}" is none of those that have a rule`);
      return compiled(rule);
    };
    const { routes, failures } = await routeRecords(inOrder(groupByPartition(routed)), ruleFor);
    for (const { error } of failures) throw error;
    return { routes, unrouted };
  };
}

function inOrder(partitions: readonly PartitionRecords[]): PartitionRecords[] {
  return partitions.map((one) => ({ ...one, records: one.records.toSorted((a, b) => a.offset - b.offset) }));
}
