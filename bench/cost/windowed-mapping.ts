import { startEventSourceMapping } from '../../test/support/event-source-mapping.ts';
import { type EventRecord, type MskEvent, mskEventOf } from '../../test/support/kafka-events.ts';

/** Seconds, as `kafka.window` has it; records of an event; bytes of its payload ("Lambda quotas"), less the head. */
const WINDOW = 60;
const RECORDS = 10_000;
const BYTES = 6 * 1024 * 1024 - 2_048;

/** What is gathered for an invocation. */
interface Gathered {
  readonly records: Record<string, EventRecord[]>;
  count: number;
  bytes: number;
  readonly since: number;
}

/**
 * One poller for all partitions, which gathers an event until its window is over or it is full, whichever is first
 * ("Lambda developer guide", "Batching behavior"). Unlike Lambda's, it has the offsets committed when it has read.
 */
export async function startWindowedMapping(
  { bootstrap, topic }: { readonly bootstrap: string; readonly topic: string },
  invoke: (event: MskEvent) => Promise<unknown>,
): Promise<{ stop(): Promise<void> }> {
  let gathered: Gathered | undefined;
  let running: Promise<unknown> = Promise.resolve();
  let failure: unknown;
  /** One invocation after the other, whoever cuts; resolves when the one before is through. */
  const cut = (): Promise<unknown> => {
    const before = running;
    const { records } = gathered ?? {};
    gathered = undefined;
    if (records !== undefined) {
      running = before
        .then(() => invoke(mskEventOf(records)))
        .catch((error: unknown) => {
          failure ??= error;
        });
    }
    return before;
  };
  const mapping = await startEventSourceMapping({
    bootstrap,
    topic,
    batchSize: 1_000,
    pollers: [
      {
        partitions: [0, 1, 2, 3],
        async invoke({ records }) {
          const bytes = JSON.stringify(records).length;
          const count = Object.values(records).reduce((sum, list) => sum + list.length, 0);
          if (gathered !== undefined && (gathered.bytes + bytes > BYTES || gathered.count + count > RECORDS))
            await cut();
          gathered ??= { records: {}, count: 0, bytes: 0, since: Date.now() };
          gathered.count += count;
          gathered.bytes += bytes;
          for (const [name, list] of Object.entries(records)) {
            gathered.records[name] = [...(gathered.records[name] ?? []), ...list];
          }
        },
      },
    ],
  });
  const timer = setInterval(() => {
    if (gathered !== undefined && Date.now() - gathered.since >= WINDOW * 1_000) void cut();
  }, 100);
  return {
    async stop() {
      clearInterval(timer);
      await mapping.stop();
      await cut();
      await running;
      if (failure !== undefined) throw failure;
    },
  };
}
