import { readFile } from 'node:fs/promises';
import { parseConsumerConfig } from '../../consumer/config.ts';
import type { TableRef } from '../../delta/table.ts';
import { ConfigError } from '../../ingest/config-reader.ts';
import { bronzeCommitRules, type KafkaConfig, parseKafkaConfig } from '../../kafka/config.ts';
import { UsageError } from '../args.ts';
import { openConfigured } from '../location.ts';

/** The configuration that tables are written by, and where they are. */
export interface TablesConfig {
  readonly config: KafkaConfig;
  /** The table at a root of the bucket, or of the folder that stands for it. */
  tableAt(root: string): TableRef;
}

/**
 * Reads the configuration of a function (what RESACA_CONFIG has), or that of the consumer, which has it under `tables`.
 * Throws UsageError for what is none.
 */
export async function readTablesConfig(path: string | undefined): Promise<TablesConfig> {
  if (path === undefined) throw new UsageError('the configuration is missing: --config FILE');
  const { config, location } = await parse(path);
  const { store, root: base, url } = await openConfigured(location, bronzeCommitRules(config));
  return {
    config,
    tableAt: (root) => ({ store, root: base === '' ? root : `${base}/${root}`, url: `${url}/${root}` }),
  };
}

async function parse(path: string): Promise<{ readonly config: KafkaConfig; readonly location: string }> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof value !== 'object' || value === null || !('brokers' in value || 'tables' in value)) {
      const config = parseKafkaConfig(value);
      return { config, location: `s3://${config.bucket}` };
    }
    const { tables, storage } = parseConsumerConfig(value);
    return { config: tables, location: 'folder' in storage ? storage.folder : `s3://${storage.bucket}` };
  } catch (error) {
    const isTheirs = error instanceof ConfigError || error instanceof SyntaxError;
    if (!isTheirs && !(error instanceof Error && 'code' in error)) throw error;
    throw new UsageError(`${path}: ${error.message}`);
  }
}
