import type { SqsQueue } from '../../aws/sqs-queue.ts';
import { UsageError } from '../args.ts';

/** URL of the queue that the letters come from. Throws UsageError when it is not known, or not the only one. */
export async function sourceOf(queue: SqsQueue): Promise<string> {
  const { found, reason } = await findSources(queue);
  const [source, ...more] = found;
  if (source !== undefined && more.length === 0) return source;
  const what =
    more.length === 0
      ? `the queue that they come from is not known${reason}`
      : `${found.length} queues send their dead letters here (${found.join(', ')})`;
  throw new UsageError(`${what}; name the one to send to: --to URL`);
}

async function findSources(queue: SqsQueue): Promise<{ found: readonly string[]; reason: string }> {
  try {
    return { found: await queue.sources(), reason: ': no queue has this one for its dead letters' };
  } catch (error) {
    return { found: [], reason: `: ${error instanceof Error ? error.message : String(error)}` };
  }
}
