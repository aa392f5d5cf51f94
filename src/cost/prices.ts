import { ConfigError, ConfigReader } from '../ingest/config-reader.ts';

/** A list price of us-east-1, without free tiers and discounts. */
export interface Price {
  /** USD for one `unit`. */
  readonly usd: number;
  readonly unit: string;
  /** Where it was read. */
  readonly source: string;
  /** Day on which it was read, `YYYY-MM-DD`. */
  readonly asOf: string;
  /** `stated`: by the source. `assumed`: nothing stated it for this region, or the source is old; look it up. */
  readonly standing: 'stated' | 'assumed';
}

const DAY = '2026-11-24';

/** The prices of the model, by name; a file may give others (`applyPrices`). */
export const PRICES = {
  'lambda.request': stated(0.2e-6, 'request', 'AWS, "How AWS Pricing Works", Lambda'),
  'lambda.gbSecond': stated(0.0000133334, 'GB-second on ARM', 'aws.amazon.com/lambda/pricing, first tier'),
  's3.get': stated(0.4e-6, 'GET or HEAD', 'aws.amazon.com/s3/pricing, S3 Standard, by infracost'),
  's3.put': stated(5e-6, 'PUT or LIST', 'aws.amazon.com/s3/pricing, S3 Standard, by infracost'),
  'sqs.standard': stated(0.4e-6, 'request', 'aws.amazon.com/sqs/pricing, by infracost'),
  'sqs.fifo': stated(0.5e-6, 'request', 'aws.amazon.com/sqs/pricing, by infracost'),
  'eventbridge.event': assumed(1e-6, 'event', 'aws.amazon.com/eventbridge/pricing, custom events'),
  'cloudwatch.logs': assumed(0.5, 'GB', 'aws.amazon.com/cloudwatch/pricing'),
  'cloudwatch.metric': assumed(0.3, 'metric and month', 'aws.amazon.com/cloudwatch/pricing, first 10,000'),
  'cloudwatch.alarm': assumed(0.1, 'alarm and month', 'aws.amazon.com/cloudwatch/pricing'),
  'cloudwatch.dashboard': assumed(3, 'dashboard and month', 'aws.amazon.com/cloudwatch/pricing'),
  'fargate.vcpuHour': assumed(0.03238, 'vCPU-hour on ARM', 'aws.amazon.com/fargate/pricing'),
  'fargate.gbHour': assumed(0.00356, 'GB-hour on ARM', 'aws.amazon.com/fargate/pricing'),
  'glue.dpuHour': stated(0.44, 'DPU-hour', 'aws.amazon.com/glue/pricing, by infracost'),
  'flink.kpuHour': assumed(0.11, 'KPU-hour', 'aws.amazon.com/managed-service-apache-flink/pricing'),
  'mskConnect.mcuHour': assumed(0.11, 'MCU-hour', 'aws.amazon.com/msk/pricing, MSK Connect'),
  'firehose.mskGb': assumed(0.055, 'GB from MSK', 'aws.amazon.com/firehose/pricing'),
  'firehose.formatGb': assumed(0.018, 'GB turned into Parquet', 'aws.amazon.com/firehose/pricing'),
} as const satisfies Readonly<Record<string, Price>>;

export type PriceName = keyof typeof PRICES;
export type PriceList = Readonly<Record<PriceName, Price>>;

const NAMES = Object.keys(PRICES) as PriceName[];

/**
 * The list with other prices in it: `given` is plain data, `{"lambda.gbSecond": 0.00001}`, in USD for the same units.
 * Throws ConfigError naming all that is wrong.
 */
export function applyPrices(given: unknown, source: string, asOf: string, list: PriceList = PRICES): PriceList {
  const problems: string[] = [];
  const reader = new ConfigReader(given, '', problems);
  reader.onlyKnows(NAMES);
  const values = reader.pick(NAMES) as Partial<Record<PriceName, unknown>>;
  const changed: Partial<Record<PriceName, Price>> = {};
  for (const name of NAMES) {
    const usd = values[name];
    if (usd === undefined) continue;
    if (typeof usd === 'number' && Number.isFinite(usd) && usd >= 0) {
      changed[name] = { ...list[name], usd, source, asOf, standing: 'stated' };
    } else reader.problem(name, `expected USD for one ${list[name].unit}, from 0, got ${JSON.stringify(usd)}`);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return { ...list, ...changed };
}

function stated(usd: number, unit: string, source: string): Price {
  return { usd, unit, source, asOf: DAY, standing: 'stated' };
}

function assumed(usd: number, unit: string, source: string): Price {
  return { usd, unit, source, asOf: DAY, standing: 'assumed' };
}
