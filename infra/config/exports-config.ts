import {
  EXPORT_SETTINGS,
  type ExportBuckets,
  type ExportRule,
  type ExportRuleInput,
  readExportRule,
} from '../../src/cdf/config.ts';
import type { ConfigReader } from '../../src/ingest/config-reader.ts';

/** Tables whose changes are exported at times, and where to; see `ExportRuleInput`. */
export interface ExportDeploymentConfig extends Omit<ExportRuleInput, 'bucket'> {
  /** Of the tables: that into which files land, or that of Kafka's. @default 'landing' */
  readonly source?: 'landing' | 'kafka';
  /** Name of one of `queues`, for tables of its bucket; in the place of `source`. @default none */
  readonly queue?: string;
  /** Minutes between two exports: 1-44640. @default 60 */
  readonly every?: number;
  /** ARN of the key with which the bucket of `to` is encrypted. @default none, or S3's own */
  readonly keyArn?: string;
}

export interface ExportDeployment {
  readonly source: 'landing' | 'kafka' | { readonly queue: string };
  readonly every: number;
  readonly keyArn?: string;
  readonly name: string;
  readonly prefix: string;
  /** Undefined for the bucket of the tables. */
  readonly to: Partial<ExportRule['to']> & Pick<ExportRule['to'], 'prefix'>;
  /** As it was written, without what is of the deployment. */
  readonly rule: Omit<ExportRuleInput, 'bucket' | 'to'>;
}

/** A month. */
const MAX_MINUTES = 44_640;
const KEY_ARN = /^arn:aws[\w-]*:kms:[\w-]+:\d{12}:key\/[\w-]+$/;
/** Stands for the bucket of the tables, whose name is not known yet. */
const OWN_BUCKETS: ExportBuckets = { tables: 'own', to: 'own' };
const FURTHER = ['source', 'queue', 'every', 'keyArn'];

/** What there is to export from beside the landing bucket. */
export interface ExportSources {
  readonly hasKafka: boolean;
  /** Names of queues. */
  readonly queues: readonly string[];
}

/** Reads the part for exports. */
export function readExports(root: ConfigReader, sources: ExportSources): readonly ExportDeployment[] {
  const seen = new Set<string>();
  return root.children('exports').map((reader) => {
    const source = readSource(reader, sources);
    if (reader.has('bucket')) reader.problem('bucket', 'is that of the deployment: see source and queue');
    const { name, tables, to } = readExportRule(reader, () => OWN_BUCKETS, FURTHER);
    if (seen.has(name)) reader.problem('name', `"${name}" is there twice; give each a name of its own`);
    seen.add(name);
    const keyArn = reader.has('keyArn')
      ? reader.matching('keyArn', KEY_ARN, 'the ARN of a KMS key, not of an alias', '')
      : undefined;
    return {
      source,
      every: reader.integer('every', 1, MAX_MINUTES, 60),
      ...(keyArn !== undefined && { keyArn }),
      name,
      prefix: tables.prefix,
      to: to.bucket === OWN_BUCKETS.to ? { prefix: to.prefix } : to,
      rule: reader.pick(
        EXPORT_SETTINGS.filter((setting) => setting !== 'to' && setting !== 'bucket'),
      ) as unknown as ExportDeployment['rule'],
    };
  });
}

function readSource(reader: ConfigReader, { hasKafka, queues }: ExportSources): ExportDeployment['source'] {
  const source = reader.choice('source', ['landing', 'kafka'], 'landing');
  if (source === 'kafka' && !hasKafka) reader.problem('source', 'is kafka, and there is no part kafka');
  if (!reader.has('queue')) return source;
  if (reader.has('source')) reader.problem('source', 'is given, and so is queue; expected one of them');
  const queue = reader.matching('queue', /./, 'the name of a queue', '');
  if (!queues.includes(queue)) {
    const known = queues.length === 0 ? 'there are none' : `there are ${queues.join(', ')}`;
    reader.problem('queue', `expected the name of one of queues (${known}), got "${queue}"`);
  }
  return { queue };
}
