import { Duration, Stack, Validations } from 'aws-cdk-lib';
import type { Role } from 'aws-cdk-lib/aws-iam';
import {
  CfnFunction,
  type FunctionUrl,
  FunctionUrlAuthType,
  type Function as LambdaFunction,
} from 'aws-cdk-lib/aws-lambda';
import type { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { parseWebhookConfig, type WebhookInput } from '../../src/webhook/config.ts';
import { allow, sendStatements } from './policies.ts';
import { type FunctionSettings, ResacaFunction } from './resaca-function.ts';

/** An address, and where what comes there goes. */
export interface WebhookTargetProps extends WebhookInput {
  /** Gets the messages; a `QueueIngestPipeline` takes them. */
  readonly queue: IQueue;
  /** Holds what the sender has to know: a text, or a JSON list of texts that are right at the same time. */
  readonly secret: ISecret;
}

export interface WebhookEndpointProps extends Omit<FunctionSettings, 'metricsByTable' | 'maintenanceQueue'> {
  readonly webhooks: readonly WebhookTargetProps[];
  /** Whether the function has a URL of its own; without one it is for an HTTP API (payload format 2.0). @default true */
  readonly url?: boolean;
  /** Requests at the same time at most, which are taken from those that the account has. @default those that the account has left */
  readonly reservedConcurrency?: number;
}

/** Senders wait for seconds only: Slack for three, GitHub for ten. */
const TIMEOUT = Duration.seconds(10);

/** HTTPS -> webhook function -> queues. */
export class WebhookEndpoint extends Construct {
  readonly function: LambdaFunction;
  readonly role: Role;
  readonly logGroup: LogGroup;
  /** Undefined without one of its own. */
  readonly url: FunctionUrl | undefined;
  readonly pipelineName: string;

  /** Throws ConfigError naming every mistake of the webhooks. */
  constructor(scope: Construct, id: string, props: WebhookEndpointProps) {
    super(scope, id);
    const webhooks = props.webhooks.map(({ queue: _queue, secret: _secret, ...webhook }) => webhook);
    parseWebhookConfig({ webhooks });
    const targets = props.webhooks.map(({ path, queue, secret }) => {
      return [path, { queueUrl: queue.queueUrl, secretId: secret.secretArn }] as const;
    });
    this.pipelineName = props.pipelineName ?? `${Stack.of(this).stackName}-${id}`;
    const webhook = new ResacaFunction(this, 'Function', {
      ...props,
      timeout: props.timeout ?? TIMEOUT,
      name: 'webhook',
      config: { webhooks },
      environment: { RESACA_TARGETS: Stack.of(this).toJsonString(Object.fromEntries(targets)) },
      pipelineName: this.pipelineName,
    });
    this.function = webhook.function;
    this.role = webhook.role;
    this.logGroup = webhook.logGroup;
    this.grant(props.webhooks);
    if (props.reservedConcurrency !== undefined) this.reserve(props.reservedConcurrency);
    this.url = props.url === false ? undefined : this.createUrl();
  }

  private grant(webhooks: readonly WebhookTargetProps[]): void {
    for (const queue of new Set(webhooks.map((webhook) => webhook.queue))) {
      for (const statement of sendStatements(queue)) this.role.addToPolicy(statement);
    }
    for (const secret of new Set(webhooks.map((webhook) => webhook.secret))) {
      // A secret that is known by its name has six characters more in its ARN.
      const arn = secret.secretFullArn ?? `${secret.secretArn}-??????`;
      this.role.addToPolicy(allow(['secretsmanager:GetSecretValue'], [arn]));
      const { encryptionKey: key } = secret;
      if (key !== undefined) this.role.addToPolicy(allow(['kms:Decrypt'], [key.keyArn]));
    }
  }

  private reserve(count: number): void {
    const { defaultChild } = this.function.node;
    if (defaultChild instanceof CfnFunction) defaultChild.reservedConcurrentExecutions = count;
  }

  private createUrl(): FunctionUrl {
    const url = this.function.addFunctionUrl({ authType: FunctionUrlAuthType.NONE });
    for (const pack of ['HIPAA.Security', 'NIST.800.53.R5', 'PCI.DSS.321']) {
      Validations.of(url).acknowledge({
        id: `${pack}-LambdaFunctionUrlAuth`,
        reason:
          'Senders of webhooks sign their requests and have no AWS credentials: the function itself refuses every request ' +
          'that does not show that it knows the secret, before it reads anything of it.',
      });
    }
    return url;
  }
}
