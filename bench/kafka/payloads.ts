/** The web requests as values of Kafka records, and the rule by which they become rows. */
import avro from 'avsc';
import type { TopicRuleInput } from '../../src/kafka/config.ts';
import { webRequests } from './web-requests.ts';

export type PayloadFormat = 'json' | 'avro';

/** The Avro schema of a web request. */
export const AVRO_SCHEMA = {
  type: 'record',
  name: 'WebRequest',
  fields: [
    { name: 'ts', type: { type: 'long', logicalType: 'timestamp-micros' } },
    { name: 'method', type: 'string' },
    { name: 'url', type: 'string' },
    { name: 'status', type: 'long' },
    { name: 'bytes', type: 'long' },
    { name: 'took_ms', type: 'double' },
    { name: 'user_agent', type: 'string' },
    {
      name: 'client',
      type: {
        type: 'record',
        name: 'Client',
        fields: ['ip', 'country', 'session'].map((name) => ({ name, type: 'string' })),
      },
    },
  ],
} as const;

/** Values of records, the same for the same format and seed. */
export function* payloadsOf(format: PayloadFormat, count: number, seed?: number): Generator<Buffer> {
  const type = avro.Type.forSchema(AVRO_SCHEMA as unknown as avro.Schema);
  for (const request of webRequests(count, seed)) {
    if (format === 'json') yield Buffer.from(JSON.stringify(request));
    else yield type.toBuffer({ ...request, ts: 1000 * Date.parse(request.ts) });
  }
}

/** Typed columns, and the place in the topic, but neither values nor headers, as the peers have it. */
export function topicRule(topic: string, format: PayloadFormat): TopicRuleInput {
  return {
    topic,
    key: 'omit',
    headers: 'omit',
    ...(format === 'json'
      ? { format: 'json', columns: { ts: 'timestamp' } }
      : { format: { type: 'avro', schema: JSON.stringify(AVRO_SCHEMA) } }),
  };
}
