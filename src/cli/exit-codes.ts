/** How the command ends; documented in docs/cli.md. */
export const EXIT = {
  ok: 0,
  /** It could not be done; the message says why. */
  failed: 1,
  /** The command line is wrong; nothing was done. */
  usage: 2,
  /** Not all was done: files are in quarantine, or something is left for the next run, or was found that is to be done. */
  incomplete: 3,
  /** Ended by a second interrupt, without waiting for what was under way. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
