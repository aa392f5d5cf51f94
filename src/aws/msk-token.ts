import { createHash, createHmac } from 'node:crypto';

/** Keys of AWS, as the SDK has them. */
export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** How long a token may be used, seconds: the most that Amazon MSK takes. */
const LIFETIME = 900;
/** Named to the brokers, which log it. */
const USER_AGENT = 'resaca';

/**
 * The token with which a client logs in at Amazon MSK by IAM, over SASL/OAUTHBEARER: a presigned URL of the action
 * `kafka-cluster:Connect`, in base64 for URLs. `now` in ms since the epoch.
 * Source: the format of aws/aws-msk-iam-sasl-signer-js, `MSKAuthTokenProvider`.
 */
export function mskToken(region: string, keys: AwsKeys, now: number): string {
  const url = presign({
    host: `kafka.${region}.amazonaws.com`,
    query: { Action: 'kafka-cluster:Connect' },
    service: 'kafka-cluster',
    payloadHash: sha256(''),
    seconds: LIFETIME,
    region,
    keys,
    now,
  });
  // The agent is no part of what is signed.
  return Buffer.from(`${url}&User-Agent=${USER_AGENT}`).toString('base64url');
}

export interface PresignRequest {
  readonly host: string;
  /** @default '/' */
  readonly path?: string;
  readonly query: Readonly<Record<string, string>>;
  readonly service: string;
  readonly region: string;
  readonly keys: AwsKeys;
  readonly payloadHash: string;
  /** How long the URL may be used. */
  readonly seconds: number;
  /** ms since the epoch. */
  readonly now: number;
}

/** A GET by Signature Version 4 in the query ("AWS Signature Version 4 for API requests", IAM user guide). */
export function presign(request: PresignRequest): string {
  const { host, path = '/', query, service, region, keys, payloadHash, seconds, now } = request;
  const time = new Date(now).toISOString().replace(/[-:]|\.\d+/g, '');
  const date = time.slice(0, 8);
  const scope = `${date}/${region}/${service}/aws4_request`;
  const parameters = {
    ...query,
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${keys.accessKeyId}/${scope}`,
    'X-Amz-Date': time,
    'X-Amz-Expires': String(seconds),
    'X-Amz-SignedHeaders': 'host',
    ...(keys.sessionToken !== undefined && { 'X-Amz-Security-Token': keys.sessionToken }),
  };
  const canonicalQuery = Object.entries(parameters)
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&');
  const canonical = ['GET', path, canonicalQuery, `host:${host}`, '', 'host', payloadHash].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n');
  const key = [date, region, service, 'aws4_request'].reduce<Buffer | string>(hmac, `AWS4${keys.secretAccessKey}`);
  const signature = hmac(key, toSign).toString('hex');
  return `https://${host}${path}?${canonicalQuery}&X-Amz-Signature=${signature}`;
}

/** All but RFC 3986's unreserved characters. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
