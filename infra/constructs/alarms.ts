import { Stack } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Effect, PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';

export interface AlarmSpec {
  /** Also the heading in the runbook. */
  readonly id: string;
  /** Tells alarms of one heading apart. @default none */
  readonly suffix?: string;
  readonly description: string;
  readonly metric: IMetric;
  /** Fires above this. */
  readonly threshold: number;
  /** Periods in a row. @default 1 */
  readonly periods?: number;
}

/** A topic, in a construct, to which the alarms of this account may publish. */
export function createAlarmTopic(
  scope: Construct,
  { email, encryptionKey }: { readonly email?: string; readonly encryptionKey?: IKey },
): Topic {
  const topic = new Topic(scope, 'Topic', {
    enforceSSL: true,
    ...(encryptionKey !== undefined && { masterKey: encryptionKey }),
  });
  // A topic with a policy of its own loses the one by which the account's alarms may publish.
  const fromThisAccount = { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } };
  const cloudWatch = new ServicePrincipal('cloudwatch.amazonaws.com');
  topic.addToResourcePolicy(
    new PolicyStatement({
      effect: Effect.ALLOW,
      principals: [cloudWatch],
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
      conditions: fromThisAccount,
    }),
  );
  encryptionKey?.addToResourcePolicy(
    new PolicyStatement({
      effect: Effect.ALLOW,
      principals: [cloudWatch],
      actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
      resources: ['*'],
      conditions: fromThisAccount,
    }),
  );
  if (email !== undefined) topic.addSubscription(new EmailSubscription(email));
  return topic;
}

/**
 * Alarms of a pipeline that notify a topic, also when they are over. Their descriptions name the sections of a runbook,
 * docs/operations.md unless told otherwise.
 */
export function createAlarms(
  scope: Construct,
  topic: Topic,
  specs: readonly AlarmSpec[],
  { pipelineName, runbook = 'docs/operations.md' }: { readonly pipelineName: string; readonly runbook?: string },
): readonly Alarm[] {
  const action = new SnsAction(topic);
  return specs.map(({ id, suffix, description, metric, threshold, periods = 1 }) => {
    const alarm = new Alarm(scope, suffix === undefined ? id : `${id} ${suffix}`, {
      alarmName: [pipelineName, id, ...(suffix === undefined ? [] : [suffix])].join('-'),
      alarmDescription: `${description} What to do: ${runbook}, "${id}".`,
      metric,
      threshold,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: periods,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(action);
    alarm.addOkAction(action);
    return alarm;
  });
}
