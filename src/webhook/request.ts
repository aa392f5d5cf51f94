/** A request, as far as it is looked at. */
export interface WebhookRequest {
  readonly method: string;
  readonly path: string;
  /** By names in lower case; several of one name are joined by commas. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** As it was sent. */
  readonly body: Uint8Array;
}

/**
 * The event of a function URL, or of an HTTP API with payload format 2.0 (Lambda guide, "Invoking Lambda function URLs"; API
 * Gateway guide, "Working with AWS Lambda proxy integrations for HTTP APIs").
 */
export interface HttpEvent {
  readonly version?: string;
  readonly rawPath?: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: string | null;
  readonly isBase64Encoded?: boolean;
  readonly requestContext?: { readonly stage?: string; readonly http?: { readonly method?: string } };
}

export interface HttpResponse {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** An event that is no request. */
export class HttpEventError extends Error {
  override readonly name = 'HttpEventError';
  readonly code = 'INVALID_EVENT';
}

/** Throws HttpEventError. */
export function parseHttpEvent(event: HttpEvent): WebhookRequest {
  const { version, rawPath, headers = {}, body, isBase64Encoded = false, requestContext = {} } = event ?? {};
  const { stage = '$default', http: { method } = {} } = requestContext;
  if (version !== '2.0' || typeof rawPath !== 'string' || typeof method !== 'string') {
    throw new HttpEventError('expected the event of a function URL or of an HTTP API with payload format 2.0');
  }
  return {
    method: method.toUpperCase(),
    path: withoutStage(rawPath, stage),
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
    body: Buffer.from(body ?? '', isBase64Encoded ? 'base64' : 'utf8'),
  };
}

/** The path of an HTTP API begins with its stage, unless that is the default one. A slash at the end says nothing. */
function withoutStage(path: string, stage: string): string {
  const below = stage !== '$default' && path.startsWith(`/${stage}/`) ? path.slice(stage.length + 1) : path;
  return below.length > 1 && below.endsWith('/') ? below.slice(0, -1) : below;
}
