import { App } from 'aws-cdk-lib';
import { ResacaStack } from './stacks/resaca-stack.ts';

const app = new App();
const stage: unknown = app.node.tryGetContext('stage') ?? 'dev';
if (typeof stage !== 'string' || !/^[a-z][a-z0-9-]{0,15}$/.test(stage)) {
  throw new Error(
    `context "stage": expected 1-16 lower-case letters, digits and hyphens, got ${JSON.stringify(stage)}`,
  );
}

new ResacaStack(app, `resaca-${stage}`, { stage });
