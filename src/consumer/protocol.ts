import type { Consumer, FetchOptions } from '@platformatic/kafka';

/** The client exports these types of Kafka's protocol by its methods only. */
export type FetchResponse = Awaited<ReturnType<Consumer['fetch']>>;
export type FetchResponsePartition = FetchResponse['responses'][number]['partitions'][number];
export type FetchRequestTopic = FetchOptions<Buffer, Buffer, Buffer, Buffer>['topics'][number];
