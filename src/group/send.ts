import { mapConcurrently } from '../ingest/concurrently.ts';
import type { GroupEntry, GroupMessage, Lane } from './plan.ts';

/** The FIFO queue that messages are sent to. */
export interface GroupQueue {
  /**
   * Sends messages of different groups. Tells which of them the queue has, and why it did not take the others. Throws where
   * that is not known: sending the same again is safe, since messages have deduplication ids.
   */
  send(messages: readonly GroupMessage[]): Promise<{
    readonly sent: readonly GroupMessage[];
    readonly refusals: readonly string[];
  }>;
}

export interface SendDeps {
  readonly queue: GroupQueue;
  readonly now: () => number;
  readonly random: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

/** Messages that one group did not get, from the first that failed on. */
export interface LaneFailure {
  readonly lane: Lane;
  readonly entries: readonly GroupEntry[];
  readonly reason: string;
}

/** Messages of a request (SQS API reference, SendMessageBatch), and requests at the same time. */
const MAX_ENTRIES = 10;
const CONCURRENT_REQUESTS = 4;
/** Tries of a message that was refused, beside those of the client. */
const ATTEMPTS = 4;
/** Before the second try at most, ms; doubled for each further one. */
const BACKOFF = 100;

/**
 * Sends the messages of all groups, until the deadline in ms since the epoch. A group gets its messages one after the
 * other, never two in one request, of which SQS could take the second only; what comes behind one that failed is not sent.
 */
export async function sendLanes(
  deps: SendDeps,
  lanes: readonly Lane[],
  deadline: number,
): Promise<readonly LaneFailure[]> {
  const failures: LaneFailure[] = [];
  let open = lanes;
  for (let round = 0; open.length > 0; round += 1) {
    const heads = new Map<GroupEntry, Lane>();
    for (const lane of open) {
      const entry = lane.entries[round];
      if (entry !== undefined) heads.set(entry, lane);
    }
    const reasons = await sendAll(deps, [...heads.keys()], deadline);
    for (const [entry, reason] of reasons) {
      const lane = heads.get(entry);
      if (lane !== undefined) failures.push({ lane, entries: lane.entries.slice(round), reason });
    }
    open = [...heads].filter(([entry]) => !reasons.has(entry)).map(([, lane]) => lane);
  }
  return failures;
}

/** Why each of the messages that the queue has not got is not there. */
async function sendAll(
  deps: SendDeps,
  entries: readonly GroupEntry[],
  deadline: number,
): Promise<ReadonlyMap<GroupEntry, string>> {
  let missing = new Map(entries.map((entry) => [entry, 'the time was up before it could be sent']));
  for (let attempt = 1; missing.size > 0; attempt += 1) {
    const parts = await mapConcurrently(inParts([...missing.keys()]), CONCURRENT_REQUESTS, async (part) => {
      if (deps.now() < deadline) return sendPart(deps.queue, part);
      return part.map((entry) => [entry, missing.get(entry) ?? ''] as const);
    });
    missing = new Map(parts.flat());
    if (attempt === ATTEMPTS || deps.now() >= deadline || missing.size === 0) break;
    await deps.sleep(deps.random() * BACKOFF * 2 ** (attempt - 1));
  }
  return missing;
}

async function sendPart(
  queue: GroupQueue,
  part: readonly GroupEntry[],
): Promise<readonly (readonly [GroupEntry, string])[]> {
  try {
    const { sent, refusals } = await queue.send(part);
    const reason = refusals.length === 0 ? 'the queue did not say that it has it' : [...new Set(refusals)].join('; ');
    return part.filter((entry) => !sent.includes(entry)).map((entry) => [entry, reason]);
  } catch (error) {
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    return part.map((entry) => [entry, reason]);
  }
}

function inParts(entries: readonly GroupEntry[]): (readonly GroupEntry[])[] {
  const count = Math.ceil(entries.length / MAX_ENTRIES);
  return Array.from({ length: count }, (_, index) => entries.slice(index * MAX_ENTRIES, (index + 1) * MAX_ENTRIES));
}
