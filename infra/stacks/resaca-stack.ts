import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { AppendPipeline } from '../constructs/append-pipeline.ts';
import { LandingBucket } from '../constructs/landing-bucket.ts';

export interface ResacaStackProps extends StackProps {
  /** Name of the deployment; several live side by side in one account. */
  readonly stage: string;
}

/** A landing bucket in which any table lands by the path convention, and the pipeline that appends to the tables. */
export class ResacaStack extends Stack {
  readonly landing: LandingBucket;
  readonly append: AppendPipeline;

  constructor(scope: Construct, id: string, props: ResacaStackProps) {
    super(scope, id, { description: `resaca (${props.stage}): files that land in S3 become Delta tables`, ...props });
    this.landing = new LandingBucket(this, 'Landing');
    this.append = new AppendPipeline(this, 'Append', { bucket: this.landing.bucket });
    new CfnOutput(this, 'LandingBucketName', { value: this.landing.bucket.bucketName });
    new CfnOutput(this, 'QueueUrl', { value: this.append.queue.queueUrl });
    new CfnOutput(this, 'DeadLetterQueueUrl', { value: this.append.deadLetters.queueUrl });
  }
}
