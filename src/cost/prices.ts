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

/** Day on which all of them were read; one that is changed by hand is given with its own. */
const DAY = '2026-11-30';
const INFRACOST = 'by infracost, golden files of its tests';

/** The prices of the model, by name; a file may give others (`applyPrices`). */
export const PRICES = {
  'lambda.request': stated(0.2e-6, 'request', 'AWS, "How AWS Pricing Works", Lambda'),
  'lambda.gbSecond': stated(0.0000133334, 'GB-second on ARM', 'aws.amazon.com/lambda/pricing, first tier'),
  's3.get': stated(0.4e-6, 'GET or HEAD', 'aws.amazon.com/s3/pricing, S3 Standard, by infracost'),
  's3.put': stated(5e-6, 'PUT or LIST', 'aws.amazon.com/s3/pricing, S3 Standard, by infracost'),
  'sqs.standard': stated(0.4e-6, 'request', 'aws.amazon.com/sqs/pricing, by infracost'),
  'sqs.fifo': stated(0.5e-6, 'request', 'aws.amazon.com/sqs/pricing, by infracost'),
  'eventbridge.event': stated(1e-6, 'event', `aws.amazon.com/eventbridge/pricing, custom events, ${INFRACOST}`),
  'cloudwatch.logs': stated(0.5, 'GB', `aws.amazon.com/cloudwatch/pricing, ${INFRACOST}`),
  'cloudwatch.metric': stated(0.3, 'metric and month', 'aws.amazon.com/cloudwatch/pricing, first 10,000, by signoz.io'),
  'cloudwatch.alarm': stated(0.1, 'alarm and month', `aws.amazon.com/cloudwatch/pricing, ${INFRACOST}`),
  'cloudwatch.dashboard': stated(3, 'dashboard and month', `aws.amazon.com/cloudwatch/pricing, ${INFRACOST}`),
  'fargate.vcpuHour': stated(0.03238, 'vCPU-hour on ARM', 'aws.amazon.com/fargate/pricing, by vantage.sh'),
  'fargate.gbHour': stated(0.00356, 'GB-hour on ARM', 'aws.amazon.com/fargate/pricing, by vantage.sh'),
  'glue.dpuHour': stated(0.44, 'DPU-hour', 'aws.amazon.com/glue/pricing, by infracost'),
  'glue.request': stated(1e-6, 'request to the Data Catalog', 'aws.amazon.com/lake-formation/pricing, example'),
  'secrets.secret': stated(0.4, 'secret and month', `aws.amazon.com/secrets-manager/pricing, ${INFRACOST}`),
  'secrets.call': stated(5e-6, 'call', `aws.amazon.com/secrets-manager/pricing, ${INFRACOST}`),
  'kms.key': stated(1, 'key and month', `aws.amazon.com/kms/pricing, ${INFRACOST}`),
  'flink.kpuHour': stated(0.11, 'KPU-hour', 'Managed Service for Apache Flink, example of its pricing, us-east-1'),
  'mskConnect.mcuHour': stated(
    0.11,
    'MCU-hour',
    'aws.amazon.com/msk/pricing, example of MSK Connect, as others quote it',
  ),
  'firehose.mskGb': assumed(0.055, 'GB from MSK', 'aws.amazon.com/firehose/pricing'),
  'firehose.formatGb': stated(0.018, 'GB turned into Parquet', 'aws.amazon.com/firehose/pricing, as others quote it'),
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
