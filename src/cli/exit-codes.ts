/** How the command ends; documented in docs/cli.md. */
export const EXIT = {
  ok: 0,
  /** It could not be done; the message says why. */
  failed: 1,
  /** The command line is wrong; nothing was done. */
  usage: 2,
  /** It was done, but files were left out: they are in quarantine, or their messages are dead letters. */
  incomplete: 3,
  /** Ended by a second interrupt, without waiting for what was under way. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
