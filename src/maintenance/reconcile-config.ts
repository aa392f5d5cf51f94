import { type AppendConfig, type AppendConfigInput, parseAppendConfig } from '../ingest/config.ts';
import { ConfigError, type ConfigReader } from '../ingest/config-reader.ts';

/** How what events missed is looked for. */
export interface ReconcileSettings {
  /** Younger files are left to their events, and to the commits of those who write them, in minutes. @default 60 */
  readonly minAge: number;
  /** What becomes of active files whose objects are gone. @default as the table's rule has it for delete events */
  readonly deletes?: 'keep' | 'remove';
  /** Endings of the keys that are announced; an empty list is all of them. @default ['.parquet'] */
  readonly suffixes: readonly string[];
  /** The rules of the append function. */
  readonly append: AppendConfig;
}

/** Settings as a user writes them: what is left out has its default. */
export interface ReconcileInput extends Partial<Omit<ReconcileSettings, 'append'>> {
  readonly append?: AppendConfigInput;
}

/** A year. */
const MAX_AGE = 525_600;

/** The settings that stand beside the schedule, without the rules. */
export const RECONCILE_SETTINGS = ['minAge', 'deletes'] as const satisfies readonly (keyof ReconcileSettings)[];

/** Reads the settings with the rules. */
export function readReconcile(reader: ConfigReader): ReconcileSettings {
  reader.onlyKnows([...RECONCILE_SETTINGS, 'suffixes', 'append']);
  return {
    ...readReconcileSchedule(reader),
    suffixes: reader.has('suffixes') ? reader.texts('suffixes') : ['.parquet'],
    append: readRules(reader),
  };
}

/** Reads what a deployment says of it; its rules and suffixes are those of its landing. */
export function readReconcileSchedule(reader: ConfigReader): Pick<ReconcileSettings, 'minAge' | 'deletes'> {
  return {
    minAge: reader.integer('minAge', 0, MAX_AGE, 60),
    ...(reader.has('deletes') && { deletes: reader.choice('deletes', ['keep', 'remove'], 'keep') }),
  };
}

function readRules(reader: ConfigReader): AppendConfig {
  try {
    return parseAppendConfig(reader.pick(['append']).append ?? {});
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) reader.problem('append', problem);
    return parseAppendConfig({});
  }
}
