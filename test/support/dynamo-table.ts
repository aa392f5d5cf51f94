import { randomUUID } from 'node:crypto';
import { CreateTableCommand, DynamoDBClient, waitUntilTableExists } from '@aws-sdk/client-dynamodb';
import { CREDENTIALS, REGION } from '../../scripts/local-aws/ministack.ts';
import type { S3Server } from './s3-server.ts';

/** Where a test's DynamoDB is, and its keys. */
export function dynamoOptions({ endpoint }: Pick<S3Server, 'endpoint'>) {
  return { region: REGION, endpoint, credentials: CREDENTIALS };
}

export function dynamoClient(server: Pick<S3Server, 'endpoint'>): DynamoDBClient {
  return new DynamoDBClient(dynamoOptions(server));
}

/** Makes a table for commits and returns its name. */
export async function createCommitTable(server: Pick<S3Server, 'endpoint'>): Promise<string> {
  const client = dynamoClient(server);
  const name = `commits-${randomUUID()}`;
  await client.send(
    new CreateTableCommand({
      TableName: name,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [
        { AttributeName: 'tablePath', KeyType: 'HASH' },
        { AttributeName: 'fileName', KeyType: 'RANGE' },
      ],
      AttributeDefinitions: [
        { AttributeName: 'tablePath', AttributeType: 'S' },
        { AttributeName: 'fileName', AttributeType: 'S' },
      ],
    }),
  );
  await waitUntilTableExists({ client, maxWaitTime: 30 }, { TableName: name });
  return name;
}
