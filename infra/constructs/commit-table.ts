import { RemovalPolicy } from 'aws-cdk-lib';
import { AttributeType, BillingMode, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';

export interface CommitTableProps {
  /** The name that all writers are configured with. @default 'delta_log', as Spark and delta-rs have it */
  readonly tableName?: string;
  /** @default DynamoDB's own key; entries hold names of files and no data */
  readonly encryptionKey?: IKey;
  /** What becomes of the entries when the stack is deleted. @default RemovalPolicy.RETAIN */
  readonly removalPolicy?: RemovalPolicy;
}

/**
 * The DynamoDB table by which writers of Delta tables agree on versions, in the format of Spark's `S3DynamoDBLogStore`: billed
 * by request, and with the expiry of entries that neither Spark nor delta-rs turns on where they make the table themselves.
 */
export class CommitTable extends Construct {
  readonly table: Table;

  constructor(scope: Construct, id: string, props: CommitTableProps = {}) {
    super(scope, id);
    const { tableName = 'delta_log', encryptionKey, removalPolicy = RemovalPolicy.RETAIN } = props;
    this.table = new Table(this, 'Table', {
      tableName,
      partitionKey: { name: 'tablePath', type: AttributeType.STRING },
      sortKey: { name: 'fileName', type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      timeToLiveAttribute: 'expireTime',
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      ...(encryptionKey === undefined
        ? { encryption: TableEncryption.DEFAULT }
        : { encryption: TableEncryption.CUSTOMER_MANAGED, encryptionKey }),
      removalPolicy,
    });
  }
}
