import { App } from 'aws-cdk-lib';
import { ConfigError } from '../src/ingest/config-reader.ts';
import { loadConfig } from './config/load-config.ts';
import { ResacaStack } from './stacks/resaca-stack.ts';

const app = new App();
try {
  const config = await loadConfig(
    app.node.tryGetContext('config') ?? 'resaca.config.ts',
    app.node.tryGetContext('stage'),
  );
  new ResacaStack(app, `resaca-${config.stage}`, { config });
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
