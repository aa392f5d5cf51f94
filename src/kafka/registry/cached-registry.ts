import { createLru } from './lru.ts';
import { isUnknownSchema, type RegisteredSchema, type SchemaRegistry } from './schema-registry.ts';

/** Characters of schemas that are kept. */
const MAX_CHARACTERS = 64 * 1024 * 1024;
/** Ids without a schema that are kept. */
const MAX_MISSING = 10_000;
/** Time in ms for which an id without a schema is not asked for again: it may be registered any time. */
const MISSING_TIME = 60_000;

export interface CacheOptions {
  /** Time in ms, of any beginning. @default that of the process */
  readonly now?: () => number;
}

/**
 * A registry that asks another one once for each id. Schemas never change, so they are kept as long as there is room;
 * that there is none is kept for a minute, so that a flood of ids that do not exist is none for the registry.
 */
export function cacheRegistry(
  registry: SchemaRegistry,
  { now = () => performance.now() }: CacheOptions = {},
): SchemaRegistry {
  const known = createLru<RegisteredSchema>({ maxWeight: MAX_CHARACTERS, weigh: weightOf });
  const missing = createLru<{ readonly error: Error; readonly until: number }>({ maxWeight: MAX_MISSING });
  const asked = new Map<string, Promise<RegisteredSchema>>();

  async function ask(id: string): Promise<RegisteredSchema> {
    try {
      const schema = await registry.get(id);
      known.set(id, schema);
      return schema;
    } catch (error) {
      if (isUnknownSchema(error)) missing.set(id, { error, until: now() + MISSING_TIME });
      throw error;
    } finally {
      asked.delete(id);
    }
  }

  return {
    async get(id) {
      const schema = known.get(id);
      if (schema !== undefined) return schema;
      const failure = missing.get(id);
      if (failure !== undefined && now() < failure.until) throw failure.error;
      const pending = asked.get(id) ?? ask(id);
      asked.set(id, pending);
      return pending;
    },
  };
}

/** Strings, and what there is around them. */
function weightOf({ schema, references }: RegisteredSchema): number {
  return references.reduce((sum, reference) => sum + reference.schema.length + 100, schema.length + 1000);
}
