/** An app of someone's own, with a scheduled consumer: `cdk deploy --app`, with the settings in context. */
import { App, CfnOutput, Stack } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { ScheduledConsumer, ScheduledConsumerAlarms } from '../../infra/constructs/scheduled-consumer.ts';

const app = new App();
const stack = new Stack(app, 'theirs');
const bucket = new Bucket(stack, 'Bucket', { enforceSSL: true });
const secret = Secret.fromSecretCompleteArn(stack, 'Secret', app.node.getContext('secret'));
const consumer = new ScheduledConsumer(stack, 'Consumer', {
  bucket,
  config: {
    brokers: [app.node.getContext('broker')],
    topics: ['web-*'],
    group: 'theirs',
    sasl: { mechanism: 'SCRAM-SHA-512', username: { env: 'KAFKA_USER' }, password: { env: 'KAFKA_PASSWORD' } },
    tables: { topics: [{ topic: 'web-*', format: 'json' }] },
  },
  secrets: {
    KAFKA_USER: { secret, field: 'username' },
    KAFKA_PASSWORD: { secret, field: 'password' },
  },
});
new ScheduledConsumerAlarms(stack, 'Alarms', { consumer });
new CfnOutput(stack, 'BucketName', { value: bucket.bucketName });
new CfnOutput(stack, 'FunctionName', { value: consumer.function.functionName });
