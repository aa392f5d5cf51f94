import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { parseResacaConfig } from '../../infra/config/parse-config.ts';
import { WebhookEndpoint, type WebhookEndpointProps } from '../../infra/constructs/webhook-endpoint.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { createApp, roleStatements, templateOf, textOf } from '../support/templates.ts';

const SECRET_ARN = 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:hooks-AbCdEf';
const QUEUE_ARN = 'arn:aws:sqs:eu-west-1:111122223333:theirs';

function templateWith(props: Partial<WebhookEndpointProps> = {}): Template {
  const stack = new Stack(createApp(), 'hooks');
  const queue = Queue.fromQueueArn(stack, 'Queue', QUEUE_ARN);
  const named = Secret.fromSecretNameV2(stack, 'Named', 'github');
  const secret = Secret.fromSecretCompleteArn(stack, 'Whole', SECRET_ARN);
  new WebhookEndpoint(stack, 'Hooks', {
    webhooks: [
      { path: '/github', signature: 'github', queue, secret: named },
      { path: '/own', signature: 'bearer', queue, secret },
    ],
    ...props,
  });
  return Template.fromStack(stack);
}

describe('the webhook function', () => {
  it('may send to its queues and read its secrets: nothing else', () => {
    const statements = roleStatements(templateWith()).map(({ Effect, Action, Resource }) => [
      Effect,
      [Action].flat().sort().join(),
      [Resource]
        .flat()
        .map(textOf)
        .sort()
        .join()
        .replaceAll(/[0-9A-F]{8}(?=[.>])/g, ''),
    ]);
    const prefix = 'arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret';
    assert.deepEqual(statements.toSorted(), [
      ['Allow', 'logs:CreateLogStream,logs:PutLogEvents', '<HooksFunctionLogs.Arn>'],
      ['Allow', 'secretsmanager:GetSecretValue', [`${prefix}:github-??????`, SECRET_ARN].join()],
      ['Allow', 'sqs:SendMessage', QUEUE_ARN],
    ]);
  });

  it('has a URL that anybody may call, and says where things are', () => {
    const template = templateWith({ reservedConcurrency: 20 });
    template.hasResourceProperties('AWS::Lambda::Url', { AuthType: 'NONE', Cors: Match.absent() });
    template.hasResourceProperties('AWS::Lambda::Permission', {
      Action: 'lambda:InvokeFunctionUrl',
      FunctionUrlAuthType: 'NONE',
      Principal: '*',
    });
    template.hasResourceProperties('AWS::Lambda::Function', { ReservedConcurrentExecutions: 20, Timeout: 10 });
    const [own] = Object.values(template.findResources('AWS::Lambda::Function'));
    const targets = JSON.parse(textOf(own?.Properties.Environment.Variables.RESACA_TARGETS));
    assert.deepEqual(Object.keys(targets), ['/github', '/own']);
    assert.equal(targets['/own'].secretId, SECRET_ARN);
    assert.match(targets['/own'].queueUrl, /^https:\/\/sqs\.eu-west-1\..*\/111122223333\/theirs$/);
  });

  it('may stand behind an HTTP API, without a URL', () => {
    templateWith({ url: false }).resourceCountIs('AWS::Lambda::Url', 0);
  });

  it('is not made of what is wrong', () => {
    assert.throws(() => templateWith({ webhooks: [] }), ConfigError);
  });
});

describe('the webhooks of a deployment', () => {
  it('have a queue for a table, or one of the queues, and are watched', () => {
    const template = templateOf({
      queues: [{ name: 'orders', table: 'bronze/orders' }],
      webhooks: [
        { path: '/github', table: 'bronze/github', secretName: 'github', signature: 'github' },
        { path: '/orders', queue: 'orders', secretArn: SECRET_ARN, signature: 'bearer' },
      ],
      maintenance: false,
    });
    const own = Object.values(template.findResources('AWS::Lambda::Function')).find(
      ({ Properties }) => 'RESACA_TARGETS' in (Properties.Environment?.Variables ?? {}),
    );
    const targets = JSON.parse(textOf(own?.Properties.Environment.Variables.RESACA_TARGETS));
    assert.match(targets['/github'].queueUrl, /^<Queuewebhookgithub/);
    assert.match(targets['/orders'].queueUrl, /^<Queueorders/);
    const alarms = Object.values(template.findResources('AWS::CloudWatch::Alarm')).map(
      ({ Properties }) => Properties.AlarmName as string,
    );
    assert.deepEqual(
      alarms.filter((name) => name.startsWith('resaca-dev-webhooks-')).sort(),
      ['Errors', 'Failed', 'Refused', 'Throttles'].map((id) => `resaca-dev-webhooks-Webhook${id}`),
    );
    assert.ok('WebhookUrl' in template.toJSON().Outputs);
  });

  it('are checked as a whole', () => {
    const signature = 'github';
    const webhooks = [
      { path: '/a', signature, table: 'x' },
      { path: '/a', signature, queue: 'none', secretName: 's' },
      { path: 'b', signature: 'x', queue: 'q', table: 't', secretName: 's', secretArn: 'arn' },
    ];
    try {
      parseResacaConfig({ webhooks, webhookFunction: { reservedConcurrency: 0 } });
      assert.fail('expected problems');
    } catch (error) {
      assert.ok(error instanceof ConfigError);
      for (const part of [
        'webhooks[0].secretName: expected it or secretArn',
        'webhooks[1].path: "/a" is there twice',
        'webhooks[1].queue: "none" is none of queues',
        'webhooks[2].path: expected a path',
        'webhooks[2].signature: expected bearer',
        'webhooks[2].queue: expected the name of one of queues, or table',
        'webhooks[2].secretName: expected it or secretArn',
        'webhooks[2].secretArn: expected the whole ARN',
        'webhookFunction.reservedConcurrency: expected',
      ]) {
        assert.ok(error.message.includes(part), `${part} in ${error.message}`);
      }
    }
  });
});
