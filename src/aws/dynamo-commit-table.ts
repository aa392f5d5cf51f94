import {
  type AttributeValue,
  ConditionalCheckFailedException,
  DynamoDBClient,
  type DynamoDBClientConfig,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { type CommitEntry, CommitProtocolError, type CommitTable } from '../storage/commits/commit-table.ts';
import { StoreError, type StoreErrorCode } from '../storage/object-store.ts';
import { httpStatus } from './s3-errors.ts';
import { type ServiceAddress, serviceClientOptions } from './service-client.ts';

export interface DynamoCommitTableOptions extends ServiceAddress {
  /** Of the DynamoDB table. Its keys: `tablePath` (HASH, string) and `fileName` (RANGE, string). */
  readonly name: string;
  /** @default the SDK's chain */
  readonly credentials?: DynamoDBClientConfig['credentials'] | undefined;
}

const PATIENCE = { connectTimeout: 2_000, responseTimeout: 5_000, maxAttempts: 4 };

/** The table of Spark's `S3DynamoDBLogStore`, which never asks for more than one small item. */
export function createDynamoCommitTable({
  name,
  region,
  endpoint,
  credentials,
}: DynamoCommitTableOptions): CommitTable {
  const client = new DynamoDBClient({
    ...serviceClientOptions({ region, endpoint }, PATIENCE),
    ...(credentials === undefined ? {} : { credentials }),
  });

  /** Turns what the SDK throws into typed errors; `file` is for messages. */
  async function call<T>(operation: string, file: string, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (cause) {
      const { code, text } = explain(cause);
      const message = `DynamoDB table "${name}": ${text}`;
      if (code !== undefined) throw new StoreError(code, operation, file, message, { cause });
      throw new CommitProtocolError(
        'COMMIT_TABLE_UNUSABLE',
        `${operation} of the commit ${file} failed. ${message}`,
        { commitTable: name, key: file },
        { cause },
      );
    }
  }

  return {
    name,
    latest: (tablePath) =>
      call('latest', tablePath, async () => {
        const command = new QueryCommand({
          TableName: name,
          ConsistentRead: true,
          ScanIndexForward: false,
          Limit: 1,
          KeyConditionExpression: 'tablePath = :path',
          ExpressionAttributeValues: { ':path': { S: tablePath } },
        });
        const { Items: [item] = [] } = await client.send(command);
        return item === undefined ? undefined : toEntry(name, item);
      }),
    get: (tablePath, fileName) =>
      call('get', fileName, async () => {
        const command = new GetItemCommand({
          TableName: name,
          ConsistentRead: true,
          Key: keyOf({ tablePath, fileName }),
        });
        const { Item: item } = await client.send(command);
        return item === undefined ? undefined : toEntry(name, item);
      }),
    putIfAbsent: (entry) =>
      call('putIfAbsent', entry.fileName, async () => {
        const command = new PutItemCommand({
          TableName: name,
          Item: { ...keyOf(entry), tempPath: { S: entry.tempPath }, complete: { S: 'false' } },
          ConditionExpression: 'attribute_not_exists(fileName)',
        });
        return (await isAccepted(() => client.send(command))) ? 'created' : 'exists';
      }),
    complete: (entry, expireTime) =>
      call('complete', entry.fileName, async () => {
        const command = new UpdateItemCommand({
          TableName: name,
          Key: keyOf(entry),
          UpdateExpression: 'SET complete = :true, expireTime = :expireTime',
          ConditionExpression: 'complete = :false AND tempPath = :tempPath',
          ExpressionAttributeValues: {
            ':true': { S: 'true' },
            ':false': { S: 'false' },
            ':expireTime': { N: String(expireTime) },
            ':tempPath': { S: entry.tempPath },
          },
        });
        await isAccepted(() => client.send(command));
      }),
  };
}

function keyOf({ tablePath, fileName }: Pick<CommitEntry, 'tablePath' | 'fileName'>): Record<string, AttributeValue> {
  return { tablePath: { S: tablePath }, fileName: { S: fileName } };
}

/** Whether the condition of a write held. */
async function isAccepted(send: () => Promise<unknown>): Promise<boolean> {
  try {
    await send();
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

/** `complete` is text; what is not "true" is not complete, as `Boolean.parseBoolean` has it. */
function toEntry(commitTable: string, item: Readonly<Record<string, AttributeValue>>): CommitEntry {
  const [tablePath, fileName, tempPath] = [item.tablePath?.S, item.fileName?.S, item.tempPath?.S];
  if (tablePath === undefined || fileName === undefined || tempPath === undefined) {
    throw new CommitProtocolError(
      'COMMIT_TABLE_UNUSABLE',
      `The DynamoDB table "${commitTable}" has an item that is no entry of a commit: expected texts under tablePath, fileName ` +
        `and tempPath, got ${JSON.stringify(item).slice(0, 200)}`,
      { commitTable },
    );
  }
  const expireTime = Number(item.expireTime?.N ?? Number.NaN);
  return {
    tablePath,
    fileName,
    tempPath,
    complete: item.complete?.S?.toLowerCase() === 'true',
    ...(Number.isFinite(expireTime) && { expireTime }),
  };
}

/** Error codes of DynamoDB and of the SDK (DynamoDB developer guide, "Error handling with DynamoDB"). */
const CODES: Readonly<Record<string, StoreErrorCode>> = {
  AccessDeniedException: 'ACCESS_DENIED',
  UnrecognizedClientException: 'ACCESS_DENIED',
  ExpiredTokenException: 'ACCESS_DENIED',
  InvalidSignatureException: 'ACCESS_DENIED',
  MissingAuthenticationTokenException: 'ACCESS_DENIED',
  CredentialsProviderError: 'ACCESS_DENIED',
  ProvisionedThroughputExceededException: 'UNAVAILABLE',
  RequestLimitExceeded: 'UNAVAILABLE',
  ThrottlingException: 'UNAVAILABLE',
  ItemCollectionSizeLimitExceededException: 'UNAVAILABLE',
};

/** No code where the table is wrong: absent, of other keys, with a key that cannot be had. */
function explain(error: unknown): { readonly code: StoreErrorCode | undefined; readonly text: string } {
  if (error instanceof CommitProtocolError) throw error;
  const status = httpStatus(error);
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const known = error instanceof Error ? CODES[error.name] : undefined;
  // Whatever is not known to be final: the write may have happened, and a reader may try again.
  const isOpen = status === undefined || status >= 500 || status < 400;
  return { code: known ?? (isOpen ? 'UNAVAILABLE' : undefined), text };
}
