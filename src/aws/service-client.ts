/** Where a service is. */
export interface ServiceAddress {
  /** @default what the SDK finds: environment, then the shared config file */
  readonly region?: string | undefined;
  /** URL of another service than Amazon's. @default what the SDK finds, in `AWS_ENDPOINT_URL_…` for example */
  readonly endpoint?: string | undefined;
}

/** Times in ms within which a connection must stand and the response be there, and tries of a request, the first included. */
export interface Patience {
  readonly connectTimeout: number;
  readonly responseTimeout: number;
  readonly maxAttempts: number;
}

/** Options for the SDK's client of a service to which few and small requests go. */
export function serviceClientOptions(
  { region, endpoint }: ServiceAddress,
  { connectTimeout, responseTimeout, maxAttempts }: Patience,
) {
  return {
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    retryMode: 'standard',
    maxAttempts,
    requestHandler: {
      connectionTimeout: connectTimeout,
      requestTimeout: responseTimeout,
      throwOnRequestTimeout: true,
    },
  };
}
