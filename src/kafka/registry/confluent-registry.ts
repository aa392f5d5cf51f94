import { PayloadError } from '../decode/payload-error.ts';
import { cacheRegistry } from './cached-registry.ts';
import { getJson } from './json-request.ts';
import {
  isUnknownSchema,
  type SchemaReference,
  type SchemaRegistry,
  type SchemaType,
  unknownSchemaId,
} from './schema-registry.ts';

export type RegistryAuth =
  | { readonly username: string; readonly password: string }
  /** A bearer token. */
  | { readonly token: string };

export interface ConfluentRegistryOptions {
  /** Where the API is, such as `https://registry.example.com` or `http://registry:8080/apis/ccompat/v7`. */
  readonly url: string;
  readonly auth?: RegistryAuth;
  /** @default that of Node */
  readonly fetch?: typeof fetch;
  /** Time in ms before the second try of a request. @default 200 */
  readonly backoff?: number;
  /** Time in ms in which a response must be there. @default 5,000 */
  readonly timeout?: number;
}

/** Bytes of a response; Confluent's own registry takes schemas up to 1 MB. */
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_ATTEMPTS = 4;
/** Registries before version 8 have no GUIDs, and so no words for one that is missing. */
const GUIDS = 'schemas/guids/';
/** An id is an `int` of Java. */
const MAX_ID = 2 ** 31 - 1;
/** Codes of the API are the status and two digits (Confluent's API reference, "Errors"). */
const MIN_API_ERROR = 40_000;
/** Schemas that one may need, also by way of others. */
const MAX_REFERENCES = 500;

/**
 * Confluent's Schema Registry, and others with its API, such as Apicurio and Karapace. Schemas are kept for the process,
 * and an id that has none for a minute. Throws for a URL that is none.
 */
export function createConfluentRegistry(options: ConfluentRegistryOptions): SchemaRegistry {
  const { fetch = globalThis.fetch, backoff = 200, timeout = 5_000 } = options;
  const base = baseUrl(options.url);
  const headers = {
    accept: 'application/vnd.schemaregistry.v1+json, application/json',
    ...authorization(options.auth),
  };
  const request = { headers, fetch, timeout, backoff, maxBytes: MAX_BYTES, maxAttempts: MAX_ATTEMPTS };

  /** A schema as the API gives it; undefined for none. */
  async function find(path: string): Promise<SchemaAnswer | undefined> {
    const url = new URL(path, base);
    const response = await getJson(url, request);
    if (response.status === 200) return parseAnswer(response.body, url);
    // At another path than that of the API, a server says 404 to everything, in words of its own.
    if (errorCodeOf(response.body) < MIN_API_ERROR && !path.startsWith(GUIDS)) {
      throw new Error(`GET ${url} failed: the status 404, and no error of the API of Confluent's registry`);
    }
    return undefined;
  }

  return cacheRegistry({
    async get(id) {
      if (Number(id) > MAX_ID) throw unknownSchemaId(id, `ids are up to ${MAX_ID}`);
      const path = `${id.includes('-') ? GUIDS : 'schemas/ids/'}${encodeURIComponent(id)}`;
      const answer = await find(path);
      if (answer === undefined) throw unknownSchemaId(id, `${new URL(path, base)} says that there is none`);
      try {
        const references = await resolveReferences(answer, find);
        return { type: answer.type, schema: answer.schema, references };
      } catch (error) {
        throw isUnknownSchema(error) ? unknownSchemaId(id, error.message, { cause: error }) : error;
      }
    },
  });
}

interface SchemaAnswer {
  readonly type: SchemaType;
  readonly schema: string;
  readonly references: readonly { readonly name: string; readonly subject: string; readonly version: number }[];
}

/** All schemas that one needs, each behind those that it needs itself, and each once. */
async function resolveReferences(
  root: SchemaAnswer,
  find: (path: string) => Promise<SchemaAnswer | undefined>,
): Promise<readonly SchemaReference[]> {
  const resolved = new Map<string, SchemaReference>();
  const seen = new Set<string>();
  async function visit({ references }: SchemaAnswer): Promise<void> {
    for (const { name, subject, version } of references) {
      const key = JSON.stringify([name, subject, version]);
      if (seen.has(key)) continue;
      seen.add(key);
      if (seen.size > MAX_REFERENCES) throw refused(`it needs more than ${MAX_REFERENCES} others`);
      const answer = await find(`subjects/${encodeURIComponent(subject)}/versions/${version}`);
      if (answer === undefined)
        throw refused(`its reference "${name}" is the subject "${subject}", version ${version}, which is missing`);
      await visit(answer);
      resolved.set(key, { name, schema: answer.schema });
    }
  }
  await visit(root);
  return [...resolved.values()];
}

function refused(reason: string): PayloadError {
  return new PayloadError('UNKNOWN_SCHEMA', reason);
}

const TYPES: ReadonlySet<unknown> = new Set<SchemaType>(['AVRO', 'JSON', 'PROTOBUF']);

/** The registry leaves the type out for Avro. */
function parseAnswer(body: unknown, url: URL): SchemaAnswer {
  if (!isObject(body) || typeof body.schema !== 'string') throw new Error(`GET ${url} gave no schema`);
  const { schema, schemaType = 'AVRO', references = [] } = body;
  if (!TYPES.has(schemaType)) {
    throw refused(`it is of the type ${JSON.stringify(schemaType)?.slice(0, 50)}, expected AVRO, JSON or PROTOBUF`);
  }
  if (!Array.isArray(references)) throw new Error(`GET ${url} gave references that are no list`);
  return {
    type: schemaType as SchemaType,
    schema,
    references: references.map((reference: unknown) => {
      const { name, subject, version } = isObject(reference) ? reference : {};
      if (typeof name !== 'string' || typeof subject !== 'string' || !Number.isSafeInteger(version)) {
        throw new Error(`GET ${url} gave a reference without name, subject or version`);
      }
      return { name, subject, version: Number(version) };
    }),
  };
}

function errorCodeOf(body: unknown): number {
  return isObject(body) && typeof body.error_code === 'number' ? body.error_code : 0;
}

function authorization(auth: RegistryAuth | undefined): Readonly<Record<string, string>> {
  if (auth === undefined) return {};
  if ('token' in auth) {
    // Node's own error would quote it.
    if (!/^[!-~]+$/.test(auth.token))
      throw new Error('The token of the schema registry has characters that no token has');
    return { authorization: `Bearer ${auth.token}` };
  }
  const pair = Buffer.from(`${auth.username}:${auth.password}`).toString('base64');
  return { authorization: `Basic ${pair}` };
}

/** With a slash at the end, so that paths go behind it. Credentials in it would be in every message. */
function baseUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new Error('The URL of the schema registry is none, expected one that begins with https:// or http://');
  }
  if (url.username !== '' || url.password !== '') {
    throw new Error(`The URL of the schema registry at ${url.host} has credentials in it, expected them as a secret`);
  }
  if (url.search !== '' || url.hash !== '') {
    throw new Error(`The URL of the schema registry ${url.origin}${url.pathname} has more behind its path`);
  }
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
