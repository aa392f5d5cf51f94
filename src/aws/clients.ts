import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';

export interface S3ClientOptions {
  /** @default what the SDK finds: environment, then the shared config file */
  readonly region?: string | undefined;
  /** URL of another service than Amazon's. @default what the SDK finds, in `AWS_ENDPOINT_URL_S3` for example */
  readonly endpoint?: string | undefined;
  /** @default the SDK's chain: environment, shared files, the role of the function or machine */
  readonly credentials?: S3ClientConfig['credentials'] | undefined;
  /** Requests that may be under way at once; more wait. At least the concurrency of the footer reads. @default 64 */
  readonly maxSockets?: number | undefined;
  /** Tries of a request that fails in a way that may pass, the first included. @default 4 */
  readonly maxAttempts?: number | undefined;
  /** Time in ms within which a connection must stand. @default 2,000 */
  readonly connectTimeout?: number | undefined;
  /** Time in ms within which the response must begin, and in which a body may pause. @default 15,000 */
  readonly responseTimeout?: number | undefined;
}

const DEFAULTS = { maxSockets: 64, maxAttempts: 4, connectTimeout: 2_000, responseTimeout: 15_000 };

/**
 * The S3 client of this project. Make one for each process and keep it: its sockets stay open between requests, which
 * saves a TLS handshake each.
 */
export function createS3Client(options: S3ClientOptions = {}): S3Client {
  const { region, endpoint, credentials } = options;
  const maxSockets = options.maxSockets ?? DEFAULTS.maxSockets;
  const responseTimeout = options.responseTimeout ?? DEFAULTS.responseTimeout;
  const agentOptions = { keepAlive: true, maxSockets };
  const client = new S3Client({
    ...(region === undefined ? {} : { region }),
    ...(credentials === undefined ? {} : { credentials }),
    ...(endpoint === undefined ? {} : { endpoint }),
    retryMode: 'standard',
    maxAttempts: options.maxAttempts ?? DEFAULTS.maxAttempts,
    // TLS guards the transfer and every reader here parses what it got. Without this, each GET asks S3 for a checksum
    // and is piped through its computation.
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: options.connectTimeout ?? DEFAULTS.connectTimeout,
      requestTimeout: responseTimeout,
      throwOnRequestTimeout: true,
      socketTimeout: responseTimeout,
      httpAgent: new HttpAgent(agentOptions),
      httpsAgent: new HttpsAgent(agentOptions),
    },
  });
  // Not the client's option `forcePathStyle`: the endpoint may be one that the SDK finds only at the first request.
  const { endpointProvider } = client.config;
  client.config.endpointProvider = (params, context) => {
    const isPathStyle = params.Endpoint !== undefined && needsPathStyle(params.Endpoint);
    return endpointProvider(isPathStyle ? { ...params, ForcePathStyle: true } : params, context);
  };
  return client;
}

/**
 * Whether the bucket goes into the path of the URL rather than its host name. Amazon's endpoints take it in the host
 * name; local and other S3 servers rarely have a DNS entry for every bucket, and all of them take it in the path.
 */
export function needsPathStyle(endpoint: string): boolean {
  const { hostname } = new URL(endpoint);
  return !/(^|\.)amazonaws\.com(\.cn)?$/.test(hostname);
}
