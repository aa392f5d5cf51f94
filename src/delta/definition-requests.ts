import type { Snapshot } from './snapshot.ts';

/** Takes word of tables that are new, or have other columns or properties than before. */
export interface DefinitionRequests {
  /** Throws what keeps it from being told. */
  send(bucket: string, root: string): Promise<void>;
}

/** Called after a commit of ours that made a table or changed its metadata, with the table as it is then. Does not throw. */
export type OnDefinition = (snapshot: Snapshot) => Promise<void>;

export interface DefinitionTelling {
  /** Undefined where nobody is told. */
  readonly requests: DefinitionRequests | undefined;
  readonly bucket: string;
  /** Told what keeps it from being passed on, which is no failure of the commit: a schedule makes up for it. */
  warn(message: string, data: Readonly<Record<string, unknown>>): void;
}

/** Passes on which tables of a bucket were made or changed. */
export function tellDefinitions({ requests, bucket, warn }: DefinitionTelling): OnDefinition | undefined {
  if (requests === undefined) return undefined;
  return async ({ table }) => {
    try {
      await requests.send(bucket, table.root);
    } catch (error) {
      warn('the table is new or changed, and the catalog could not be told', { table: table.url, error });
    }
  };
}
