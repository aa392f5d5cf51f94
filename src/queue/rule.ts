import { assembleRule, type Rule } from '../kafka/rule.ts';
import type { QueueConfig } from './config.ts';
import { createMessageDecoder } from './decode-message.ts';
import { sourceColumns } from './source-columns.ts';

/** How the messages of a queue become rows. */
export function compileQueueRule({ rows, wrapper, sourceColumns: columns }: QueueConfig): Rule {
  return assembleRule(rows, sourceColumns(columns), createMessageDecoder(wrapper));
}
