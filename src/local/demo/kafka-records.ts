import type { Random } from './random.ts';

export const TOPIC = 'web_requests';

/** A request that a web server sends to Kafka, as JSON. */
export function webRequest(random: Random): { readonly key: string; readonly value: object } {
  const user = random.whole(1, 200);
  const value = {
    time: new Date().toISOString(),
    method: random.pick(['GET', 'GET', 'GET', 'POST', 'DELETE']),
    path: `/${random.pick(['products', 'orders', 'search', 'login'])}/${random.whole(1, 5_000)}`,
    status: random.pick([200, 200, 200, 304, 404, 500]),
    bytes: random.whole(200, 90_000),
    seconds: random.whole(2, 4_000) / 1000,
    user: { id: user, agent: random.pick(['Firefox', 'Chrome', 'Safari', 'curl']) },
  };
  return { key: `user-${user}`, value };
}

/** What Lambda's event source mapping hands over of records of one partition (Lambda guide, "Example event" of MSK). */
export function mskEvent(values: readonly string[], firstOffset: number): object {
  const records = values.map((value, index) => ({
    topic: TOPIC,
    partition: 0,
    offset: firstOffset + index,
    timestamp: Date.now(),
    timestampType: 'CREATE_TIME',
    value: Buffer.from(value).toString('base64'),
    headers: [],
  }));
  return {
    eventSource: 'SelfManagedKafka',
    bootstrapServers: '127.0.0.1:9092',
    records: { [`${TOPIC}-0`]: records },
  };
}
