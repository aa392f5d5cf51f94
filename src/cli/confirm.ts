import { UsageError } from './args.ts';
import type { CommandContext } from './command.ts';

/** Asks before something is done that cannot be taken back. Throws UsageError where nobody can be asked. */
export async function isConfirmed(question: string, { ask }: Pick<CommandContext, 'ask'>): Promise<boolean> {
  if (ask === undefined) throw new UsageError('--yes is needed where nobody can be asked (or --dry-run)');
  return /^y(es)?$/i.test((await ask(`${question} [y/N] `)).trim());
}
