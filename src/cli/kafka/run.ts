import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createDefinitionRequests } from '../../aws/catalog-queue.ts';
import { createS3Client } from '../../aws/clients.ts';
import { type ConsumerEnvironment, consumerEnvironment } from '../../aws/consumer-env.ts';
import { coordinate } from '../../aws/coordinate.ts';
import { createRegistries } from '../../aws/registries.ts';
import { createS3Store } from '../../aws/s3-store.ts';
import { createCheckpointRequests } from '../../aws/upkeep-queue.ts';
import { type ConsumerConfig, parseConsumerConfig } from '../../consumer/config.ts';
import { createLog } from '../../consumer/log.ts';
import { startKafkaService } from '../../consumer/service.ts';
import { ConfigError } from '../../ingest/config-reader.ts';
import type { LogLevel } from '../../ingest/telemetry.ts';
import { bronzeCommitRules } from '../../kafka/config.ts';
import { createFolderStore } from '../../storage/folder-store.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import { type ParsedArgs, UsageError } from '../args.ts';
import type { CommandContext } from '../command.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';

const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** Consumes until it is interrupted. Throws UsageError, and what `startKafkaService` throws. */
export async function runKafka(args: ParsedArgs, { terminal, signal }: CommandContext): Promise<ExitCode> {
  const level = args.value('log-level') ?? 'info';
  const least = LOG_LEVELS.find((known) => known === level);
  if (least === undefined) throw new UsageError(`--log-level expects ${LOG_LEVELS.join(' or ')}, got "${level}"`);
  const environment = consumerEnvironment();
  const config = await readConfig(args.value('config'), environment);
  if (args.flag('check')) {
    await terminal.print('The configuration is right.');
    return EXIT.ok;
  }
  const log = createLog(least, Date.now, (line) => void terminal.print(line));
  const service = await startKafkaService({
    config,
    credentials: environment,
    store: storeOf(config),
    registries: createRegistries(config.tables),
    checkpoints: checkpointsOf(config, environment),
    definitions: definitionsOf(config, environment),
    log,
  });
  await aborted(signal);
  log('info', 'stopping');
  const isAllWritten = await service.stop();
  log('info', 'stopped');
  // The client may hold a connection that does not end.
  setTimeout(() => process.exit(), EXIT_LIMIT).unref();
  return isAllWritten ? EXIT.ok : EXIT.failed;
}

/** ms. */
const EXIT_LIMIT = 2_000;

/** Where a container has its configuration unless it is told otherwise. */
const DEFAULT_FILE = '/etc/resaca/kafka.json';

/** Throws UsageError: nothing is started with a configuration that is wrong. */
async function readConfig(named: string | undefined, { config }: ConsumerEnvironment): Promise<ConsumerConfig> {
  const isInline = named === undefined && config !== undefined;
  const path = named ?? DEFAULT_FILE;
  if (!isInline && named === undefined && !existsSync(path)) {
    throw new UsageError(`a configuration is missing: --config FILE, RESACA_KAFKA_CONFIG, or ${DEFAULT_FILE}`);
  }
  try {
    return parseConsumerConfig(JSON.parse(isInline ? config : await readFile(path, 'utf8')));
  } catch (error) {
    const isTheirs = error instanceof ConfigError || error instanceof SyntaxError;
    if (!isTheirs && !(error instanceof Error && 'code' in error)) throw error;
    throw new UsageError(`${isInline ? 'RESACA_KAFKA_CONFIG' : path}: ${error.message}`);
  }
}

/** A queue is of AWS, and so are the tables of the function that reads it. */
function checkpointsOf({ storage }: ConsumerConfig, { variable }: ConsumerEnvironment) {
  return 'folder' in storage ? undefined : createCheckpointRequests(variable('RESACA_MAINTENANCE_QUEUE_URL'));
}

/** Likewise. */
function definitionsOf({ storage }: ConsumerConfig, { variable }: ConsumerEnvironment) {
  return 'folder' in storage ? undefined : createDefinitionRequests(variable('RESACA_CATALOG_QUEUE_URL'));
}

function storeOf({ storage, tables }: ConsumerConfig): ObjectStore {
  if ('folder' in storage) return createFolderStore(storage.folder);
  const { bucket } = storage;
  return coordinate(createS3Store({ client: createS3Client(), bucket }), bucket, bronzeCommitRules(tables));
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done();
    else signal.addEventListener('abort', () => done(), { once: true });
  });
}
