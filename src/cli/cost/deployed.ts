import type { KafkaDeployment } from '../../../infra/config/kafka-config.ts';
import { loadConfig } from '../../../infra/config/load-config.ts';
import { type Deployment, parseResacaConfig } from '../../../infra/config/parse-config.ts';
import type { AppendPart } from '../../cost/files.ts';
import type { MaintenancePart } from '../../cost/parts/maintenance.ts';
import type { BronzePart } from '../../cost/streams.ts';
import type { Suite } from '../../cost/suite.ts';
import { ConfigError } from '../../ingest/config-reader.ts';
import { UsageError } from '../args.ts';

/** What a configuration has on, and of what there is a count that a load needs. */
export interface Deployed {
  readonly suite: Suite;
  /** Topics of its Kafka. */
  readonly topics: number;
}

/** `kms`: one for the bucket, one for queues and topic (docs/configuration.md). */
const KEYS = { kms: 2, managed: 0 };
/** Seconds that a batch of the append function is gathered, unless the configuration says otherwise. */
const APPEND_WINDOW = 30;

/** The parts that a configuration file has on. Throws UsageError for what is wrong with it. */
export async function readDeployed(path: string): Promise<Deployed> {
  try {
    return deployedOf(parseResacaConfig(await loadConfig(path)));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new UsageError(`${path}: ${error.problems.join('; ')}`);
  }
}

/** Those of a deployment without a configuration. */
export function defaultSuite(): Suite {
  return deployedOf(parseResacaConfig({})).suite;
}

export function deployedOf(deployment: Deployment): Deployed {
  const { kafka, queues, webhooks, webhookFunction, loader, merge, tagging, catalog, exports } = deployment;
  const { maintenance, medallion, dashboard, encryption } = deployment;
  const suite: Suite = {
    append: appendPart(deployment),
    ...(kafka !== undefined && { bronze: bronzeOf(kafka) }),
    queues: queues.map(({ name, batchingWindow = 0, batchSize, memorySize, isFifo }) => {
      return { name, window: batchingWindow, batchSize, memory: memorySize, fifo: isFifo };
    }),
    ...(webhooks.length > 0 && { webhooks: { secrets: webhooks.length, memory: webhookFunction.memorySize } }),
    ...(loader !== undefined && { loader: { memory: loader.memorySize } }),
    ...(merge !== undefined && {
      merge: {
        window: merge.batchingWindow,
        batchSize: merge.batchSize,
        memory: merge.memorySize,
        deleteSources: merge.settings.deleteSources,
      },
    }),
    ...(tagging !== undefined && { tagging: { eventBridge: tagging.notifications === 'eventbridge' } }),
    ...(catalog !== undefined && { catalog: { every: catalog.every } }),
    ...(exports.length > 0 && { exports: { every: exports.map(({ every }) => every) } }),
    ...(maintenance !== undefined && { maintenance: maintenancePart(maintenance) }),
    ...(medallion !== undefined && {
      medallion: {
        steps: medallion.steps.length,
        window: medallion.batchingWindow,
        every: medallion.every,
        memory: medallion.memorySize,
        eventBridge: medallion.notifications === 'eventbridge',
      },
    }),
    dashboard,
    keys: KEYS[encryption],
  };
  return { suite, topics: kafka?.topics.length ?? 0 };
}

function bronzeOf({ schedule, batchingWindow, memorySize: memory }: KafkaDeployment): BronzePart {
  if (schedule === undefined) return { reader: 'mapping', window: batchingWindow, memory };
  return { reader: 'schedule', window: 60 * schedule.every, memory };
}

function appendPart({ append, landing }: Deployment): AppendPart {
  const { queue, batchingWindow, batchSize, memorySize } = append;
  return {
    window: queue === 'fifo' ? 0 : (batchingWindow ?? APPEND_WINDOW),
    batchSize,
    memory: memorySize,
    queue,
    eventBridge: landing.notifications === 'eventbridge',
  };
}

function maintenancePart(maintenance: NonNullable<Deployment['maintenance']>): MaintenancePart {
  const { memorySize, optimize, vacuum, cleanLog, reconcile } = maintenance;
  return {
    memory: memorySize,
    ...(optimize !== undefined && { optimizeEvery: optimize.every }),
    ...(vacuum !== undefined && { vacuumEvery: vacuum.every }),
    ...(cleanLog !== undefined && { cleanLogEvery: cleanLog.every }),
    ...(reconcile !== undefined && { reconcileEvery: reconcile.every }),
  };
}
