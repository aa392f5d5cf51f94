import type { ResacaConfig } from './infra/config/types.ts';

/**
 * What `cdk deploy` deploys. Every setting has a default: an empty configuration makes a landing bucket that takes any
 * table by the path convention. All settings: docs/configuration.md.
 */
export const config: ResacaConfig = {
  stage: 'dev',
  tables: [],
};
