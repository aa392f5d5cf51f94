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

/** The statements of the policies whose logical ids begin with `id`. */
export function statementsOf(template: Template, id: string): Statement[] {
  return Object.entries(template.findResources('AWS::IAM::Policy'))
    .filter(([name]) => name.startsWith(id))
    .flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement);
}

/** The keys of buckets for which policies, as `statementsOf` finds them, have an action; sorted. */
export function keysFor(template: Template, id: string, action: string): string[] {
  return statementsOf(template, id)
    .filter((one) => actionsOf([one]).includes(action))
    .flatMap(({ Resource }) => [Resource].flat().map(textOf))
    .map((arn) => arn.replace(/^<[^>]*>\/?/, ''))
    .sort();
}

interface Notification {
  readonly Events: readonly string[];
  readonly QueueArn: unknown;
  readonly Filter?: { readonly Key: { readonly FilterRules: readonly { Name: string; Value: string }[] } };
}

/** What a bucket tells the queues whose logical ids begin with `id`: `s3:ObjectCreated:*, suffix .csv, prefix in/`; sorted. */
export function announcedTo(template: Template, id: string): string[] {
  const [notifications] = Object.values(template.findResources('Custom::S3BucketNotifications'));
  const all: readonly Notification[] = notifications?.Properties.NotificationConfiguration.QueueConfigurations ?? [];
  return all
    .filter(({ QueueArn }) => textOf(QueueArn).startsWith(`<${id}`))
    .map(({ Events, Filter }) =>
      [...Events, ...(Filter?.Key.FilterRules ?? []).map(({ Name, Value }) => `${Name} ${Value}`)].join(', '),
    )
    .sort();
}

/** The names of the alarms that begin so, without the stage; sorted. */
export function alarmsOf(template: Template, beginning: string): string[] {
  return Object.values(template.findResources('AWS::CloudWatch::Alarm'))
    .map(({ Properties }): string => Properties.AlarmName.replace(/^resaca-dev-/, ''))
    .filter((name) => name.startsWith(beginning))
    .sort();
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
