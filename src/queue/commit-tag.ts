import type { Commit } from '../delta/commit-file.ts';
import { DeltaError } from '../delta/errors.ts';
import type { TableRef } from '../delta/table.ts';
import { DIGEST_BYTES } from './identity.ts';

/** Under this name the `tags` of a `commitInfo` have the digests of the messages that the commit holds, as base64. */
const TAG = 'resaca.messages';

/** What a commit says of the messages with these digests. */
export function messageTags(digests: Iterable<string>): Readonly<Record<string, string>> {
  return { [TAG]: Buffer.from([...digests].join(''), 'latin1').toString('base64') };
}

/** The digests of the messages that a commit holds. Throws `CORRUPT_LOG` for a tag that is cut off. */
export function messagesOf(table: TableRef, { version, actions }: Commit): string[] {
  const text = tagOf(actions);
  if (text === undefined) return [];
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length % DIGEST_BYTES !== 0) {
    throw new DeltaError(
      'CORRUPT_LOG',
      `Version ${version} of ${table.url} has ${bytes.length} bytes in the tag ${TAG}, expected a multiple of ${DIGEST_BYTES}`,
      { table: table.url, version },
    );
  }
  const all = bytes.toString('latin1');
  return Array.from({ length: all.length / DIGEST_BYTES }, (_, index) =>
    all.slice(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES),
  );
}

function tagOf(actions: Commit['actions']): string | undefined {
  const info = actions.find((action) => 'commitInfo' in action)?.commitInfo;
  const tags = info?.tags;
  if (typeof tags !== 'object' || tags === null) return undefined;
  const text = (tags as Readonly<Record<string, unknown>>)[TAG];
  return typeof text === 'string' ? text : undefined;
}
