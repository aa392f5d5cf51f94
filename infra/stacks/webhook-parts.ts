import { CfnOutput, type Stack } from 'aws-cdk-lib';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Topic } from 'aws-cdk-lib/aws-sns';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import type { Deployment } from '../config/parse-config.ts';
import type { WebhookDeployment } from '../config/webhook-config.ts';
import type { QueueIngestPipeline } from '../constructs/queue-ingest-pipeline.ts';
import { WebhookAlarms } from '../constructs/webhook-alarms.ts';
import { WebhookEndpoint } from '../constructs/webhook-endpoint.ts';

/** Adds the webhooks of a deployment, which send to its queues, and what watches them; undefined without any. */
export function addWebhooks(
  stack: Stack,
  { webhooks, webhookFunction, append }: Deployment,
  queues: ReadonlyMap<string, QueueIngestPipeline>,
  topic: Topic,
): WebhookEndpoint | undefined {
  if (webhooks.length === 0) return undefined;
  const secretOf = secrets(stack);
  const { logLevel, tracing, logRetention } = append;
  const { url, memorySize, reservedConcurrency, maxRefused } = webhookFunction;
  const endpoint = new WebhookEndpoint(stack, 'Webhooks', {
    webhooks: webhooks.map((deployment) => {
      const pipeline = queues.get(deployment.queue);
      if (pipeline === undefined) throw new ConfigError([`webhooks: there is no queue "${deployment.queue}"`]);
      return { ...deployment.webhook, queue: pipeline.queue, secret: secretOf(deployment) };
    }),
    url,
    memorySize,
    ...(reservedConcurrency !== undefined && { reservedConcurrency }),
    logLevel,
    tracing,
    logRetention,
    pipelineName: `${stack.stackName}-webhooks`,
  });
  new WebhookAlarms(stack, 'WebhookAlarms', { endpoint, topic, maxRefused });
  new CfnOutput(stack, 'WebhookFunctionName', { value: endpoint.function.functionName });
  if (endpoint.url !== undefined) new CfnOutput(stack, 'WebhookUrl', { value: endpoint.url.url });
  return endpoint;
}

/** Each secret once, which several webhooks may have. */
function secrets(stack: Stack): (deployment: WebhookDeployment) => ISecret {
  const known = new Map<string, ISecret>();
  return ({ secretName, secretArn }) => {
    const id = secretArn ?? secretName ?? '';
    const secret =
      known.get(id) ??
      (secretArn === undefined
        ? Secret.fromSecretNameV2(stack, `WebhookSecret-${known.size}`, secretName ?? '')
        : Secret.fromSecretCompleteArn(stack, `WebhookSecret-${known.size}`, secretArn));
    known.set(id, secret);
    return secret;
  };
}
