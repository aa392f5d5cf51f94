/** Where secrets are kept. */
export interface SecretSource {
  /** The text of a secret. Throws where it cannot be had. */
  load(): Promise<string>;
}

/** The secrets of one webhook, of which several may be right while they are changed. */
export interface Secrets {
  /** Throws where none was ever had, or not for long. */
  current(): Promise<readonly string[]>;
  /** After none of them was right: looks whether there are others, once a minute at most; undefined where it did not. */
  reloaded(): Promise<readonly string[] | undefined>;
}

/** After this they are looked at again: a secret that was taken away is right for so long. ms. */
const FRESH = 300_000;
/** When they cannot be had, those from before are right for so long. ms. */
const USABLE = 3_600_000;
/** Between two looks, whatever for. ms. */
const PAUSE = 60_000;

export interface SecretOptions {
  now(): number;
  /** Told why they could not be looked at. */
  warn(error: unknown): void;
}

export function createSecrets(source: SecretSource, { now, warn }: SecretOptions): Secrets {
  let known: { readonly secrets: readonly string[]; readonly time: number } | undefined;
  let lastLook = Number.NEGATIVE_INFINITY;
  let looking: Promise<readonly string[]> | undefined;

  function look(): Promise<readonly string[]> {
    looking ??= (async () => {
      lastLook = now();
      try {
        const secrets = parseSecrets(await source.load());
        known = { secrets, time: now() };
        return secrets;
      } finally {
        looking = undefined;
      }
    })();
    return looking;
  }

  return {
    async current() {
      if (known === undefined) return look();
      const age = now() - known.time;
      if (age < FRESH || (age < USABLE && now() - lastLook < PAUSE)) return known.secrets;
      const before = known;
      try {
        return await look();
      } catch (error) {
        if (age >= USABLE) throw error;
        warn(error);
        return before.secrets;
      }
    },

    async reloaded() {
      if (now() - lastLook < PAUSE) return undefined;
      try {
        return await look();
      } catch (error) {
        warn(error);
        return undefined;
      }
    },
  };
}

/** Secrets that are right at the same time. */
const MAX_SECRETS = 5;

/**
 * A secret is a text; or a JSON list of texts, or an object with such a list in `secrets`, all of which are right. Throws an
 * Error that quotes nothing of it.
 */
export function parseSecrets(text: string): readonly string[] {
  const trimmed = text.trim();
  const secrets = /^[[{]/.test(trimmed) ? listOf(trimmed) : [trimmed];
  const isFine = secrets.length > 0 && secrets.length <= MAX_SECRETS && secrets.every(isSecret);
  if (isFine) return secrets as string[];
  throw new Error(
    `the secret is no text of at least ${MIN_LENGTH} characters, and no JSON list of 1 to ${MAX_SECRETS} of them, alone or as "secrets"`,
  );
}

/** Characters: what is shorter is a slip, such as an empty value. */
const MIN_LENGTH = 8;

function isSecret(value: unknown): boolean {
  return typeof value === 'string' && value.length >= MIN_LENGTH;
}

function listOf(text: string): readonly unknown[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('the secret begins as JSON, and is none');
  }
  const list = typeof value === 'object' && value !== null && 'secrets' in value ? value.secrets : value;
  return Array.isArray(list) ? list : [];
}
