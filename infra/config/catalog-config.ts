import { CATALOG_SETTINGS, type CatalogConfigInput, readCatalog } from '../../src/catalog/config.ts';
import type { ConfigReader } from '../../src/ingest/config-reader.ts';

/** Tables are kept in the AWS Glue Data Catalog. Settings: docs/glue.md. */
export interface CatalogDeploymentConfig extends CatalogConfigInput {
  /** Hours between two comparisons of all tables with the catalog: 1-744. @default 24 */
  readonly every?: number;
}

export interface CatalogDeployment {
  /** As the function reads it. */
  readonly config: CatalogConfigInput;
  readonly every: number;
}

/** A month. */
const MAX_HOURS = 744;

/** Reads the part for the catalog. */
export function readCatalogPart(reader: ConfigReader): CatalogDeployment {
  reader.onlyKnows([...CATALOG_SETTINGS, 'every']);
  readCatalog(reader);
  return {
    config: reader.pick(CATALOG_SETTINGS) as CatalogConfigInput,
    every: reader.integer('every', 1, MAX_HOURS, 24),
  };
}
