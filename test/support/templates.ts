import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import type { ResacaConfig } from '../../infra/config/types.ts';
import { ResacaStack } from '../../infra/stacks/resaca-stack.ts';
import { makeTempFolder } from './temp-folder.ts';

/** An app with the feature flags of `cdk.json`. */
export function createApp(): App {
  const { context } = JSON.parse(readFileSync(join(import.meta.dirname, '../../cdk.json'), 'utf8'));
  return new App({ context, outdir: makeTempFolder() });
}

export function stackOf(config: ResacaConfig = {}, app = createApp()): ResacaStack {
  return new ResacaStack(app, `resaca-${config.stage ?? 'dev'}`, { config });
}

/** What CloudFormation would get for a configuration. */
export function templateOf(config: ResacaConfig = {}): Template {
  return Template.fromStack(stackOf(config));
}

export interface Statement {
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

/** The statements of all policies of roles in a template. */
export function roleStatements(template: Template): Statement[] {
  return Object.values(template.findResources('AWS::IAM::Policy')).flatMap(
    ({ Properties }) => Properties.PolicyDocument.Statement,
  );
}

/** The actions of statements, one by one. */
export function actionsOf(statements: readonly Statement[]): string[] {
  return statements.flatMap(({ Action }) => Action);
}

/** A value of a template as text: `<LandingBucket.Arn>/orders/*`. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const [[name, content] = ['', '']] = Object.entries(value ?? {});
  if (name === 'Fn::Join') return content[1].map(textOf).join(content[0]);
  if (name === 'Fn::GetAtt') return `<${content.join('.')}>`;
  return name === 'Ref' ? `<${content}>` : JSON.stringify(value);
}
