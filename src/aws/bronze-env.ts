import { type KafkaConfig, parseKafkaConfig } from '../kafka/config.ts';
import { type FunctionEnvironment, isObject, readEnvironment } from './env.ts';

/**
 * The environment of the bronze function; see `readEnvironment`. `RESACA_BUCKET` is the bucket of the tables, whose name
 * is often known at the deployment only; the configuration may name it instead.
 */
export function bronzeEnvironment(env: NodeJS.ProcessEnv = process.env): FunctionEnvironment<KafkaConfig> {
  const { RESACA_BUCKET: bucket, ...rest } = env;
  return readEnvironment(rest, (value) => parseKafkaConfig(bucket && isObject(value) ? { bucket, ...value } : value));
}
