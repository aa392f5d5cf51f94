import { isDeltaError } from '../delta/errors.ts';
import { assertWritable } from '../delta/features.ts';
import type { RowEngine } from '../kafka/engine.ts';
import { planRows, type RowPlan } from '../kafka/plan-records.ts';
import type { KafkaRecord } from '../kafka/record.ts';
import type { Rule } from '../kafka/rule.ts';
import { uploadFiles } from '../kafka/table-writer.ts';
import type { QueueConfig } from './config.ts';
import { type DeadMessage, deadMessageRows } from './dead-letters.ts';
import { openEnvelope } from './envelope.ts';
import { type Identity, identify } from './identity.ts';
import type { QueueMessage } from './message.ts';
import type { MessageLog } from './message-log.ts';
import { toRecord } from './source-columns.ts';

/** Where the messages of a queue go. */
export interface QueueTables {
  readonly table: MessageLog;
  /** For those that the table cannot take. */
  readonly deadLetters: MessageLog;
}

export interface QueueWriter extends QueueTables {
  readonly engine: RowEngine;
  readonly config: Pick<QueueConfig, 'name' | 'rows' | 'fifo' | 'keyWindow' | 'clockMargin'>;
  readonly rule: Rule;
}

/** What happened with the messages of a batch, which grows as it is written: what is done stays so if the rest fails. */
export interface Progress {
  /** In the table, in the dead letters, left out by the filter, or there before. */
  readonly done: Set<QueueMessage>;
  rows: number;
  files: number;
  bytes: number;
  commits: number;
  conflicts: number;
  deadLetters: number;
  duplicates: number;
  /** Left out by the filter. */
  dropped: number;
  /** Of the oldest message that is in the table now, ms since the epoch. */
  oldest: number | undefined;
}

export function noProgress(): Progress {
  return {
    done: new Set(),
    rows: 0,
    files: 0,
    bytes: 0,
    commits: 0,
    conflicts: 0,
    deadLetters: 0,
    duplicates: 0,
    dropped: 0,
    oldest: undefined,
  };
}

interface Entry {
  /** The message, and its repeats in the batch: all are done when it is. */
  readonly messages: QueueMessage[];
  readonly record: KafkaRecord;
  readonly identity: Identity;
}

/**
 * Writes messages to their table, each once, whatever came before. First those that the table or its dead letters have are
 * left out; then the files of the others are uploaded, and one commit adds them and says which messages they hold. What is too
 * much for the memory is written with further commits. A lost race shows the messages that the winner has.
 *
 * Messages that the table cannot take are committed to the dead letters first. Those of which the log cannot tell whether
 * it had them, because it was cleaned up too early, are not done. Throws the errors of `commitRows`, and the store's.
 */
export async function writeMessages(
  writer: QueueWriter,
  messages: readonly QueueMessage[],
  progress: Progress,
  deadline: number,
): Promise<void> {
  const { engine, table, deadLetters } = writer;
  const entries = firstOfEach(writer, messages, progress);
  await Promise.all([table.refresh(engine.now()), deadLetters.refresh(engine.now())]);
  let rest: readonly Entry[] = await leaveOutKnown(writer, entries, progress);
  while (rest.length > 0) rest = await writePart(writer, rest, progress, deadline);
}

/** Each message once. */
function firstOfEach({ config }: QueueWriter, messages: readonly QueueMessage[], progress: Progress): Entry[] {
  const rules = { clockMargin: config.clockMargin, keyWindow: config.keyWindow * 3_600_000 };
  const entries = new Map<string, Entry>();
  for (const message of messages) {
    const letter = openEnvelope(message.body);
    const identity = identify(message, letter, rules);
    const first = entries.get(identity.digest);
    if (first === undefined) {
      const record = toRecord(config.name, message, letter.text, entries.size);
      entries.set(identity.digest, { messages: [message], identity, record });
    } else {
      first.messages.push(message);
      progress.duplicates++;
    }
  }
  return [...entries.values()];
}

/** Those that are neither in the table nor in its dead letters; without those of which that is not known. */
async function leaveOutKnown(
  { engine, table, deadLetters, config }: QueueWriter,
  entries: readonly Entry[],
  progress: Progress,
): Promise<Entry[]> {
  const identities = entries.map(({ identity }) => identity);
  const [taken, lettered] = await Promise.all([table.sort(identities), deadLetters.sort(identities)]);
  const news: Entry[] = [];
  const inDoubt: Entry[] = [];
  /** Groups whose later messages have to wait for an earlier one, which comes again. */
  const heldGroups = new Set<string>();
  for (const entry of entries) {
    const { digest } = entry.identity;
    const [{ groupId = '' } = {}] = entry.messages;
    if (taken.known.has(digest) || lettered.known.has(digest)) {
      finish(progress, [entry]);
      progress.duplicates++;
    } else if (taken.undecided.has(digest) || lettered.undecided.has(digest)) {
      inDoubt.push(entry);
      heldGroups.add(groupId);
    } else if (!config.fifo || !heldGroups.has(groupId)) {
      news.push(entry);
    }
  }
  if (inDoubt.length > 0) {
    const seenSince = Math.max(taken.seenSince, lettered.seenSince);
    engine.telemetry.log('error', 'the log has lost commits that may hold messages, which are not taken', {
      table: table.table.url,
      messages: inDoubt.length,
      first: inDoubt[0]?.messages[0]?.id,
      logSince: new Date(seenSince).toISOString(),
      expected: 'delta.logRetentionDuration of more days than the queue keeps messages',
    });
  }
  return news;
}

function finish({ done }: Progress, entries: readonly Entry[]): void {
  for (const { messages } of entries) for (const message of messages) done.add(message);
}

/** Writes as many of the messages as one commit takes; returns those that are still to be written. */
async function writePart(
  writer: QueueWriter,
  entries: readonly Entry[],
  progress: Progress,
  deadline: number,
): Promise<readonly Entry[]> {
  const { engine, table, rule, config } = writer;
  const { snapshot: head } = table;
  if (head !== undefined) assertWritable(head);
  const records = entries.map(({ record }) => record);
  const plan = planRows(rule, records, head, engine.now());
  const planned = entries.slice(0, plan.planned);
  const problems = new Map(plan.rejected.map(({ record, problem }) => [record, problem]));
  const rejected = planned.flatMap(({ record, ...entry }) => {
    const problem = problems.get(record);
    return problem === undefined ? [] : [{ ...entry, record, problem }];
  });
  const good = planned.filter(({ record }) => !problems.has(record));
  await writeLetters(writer, rejected, progress, deadline);
  const rest = entries.slice(plan.planned);
  if (plan.taken === 0) {
    finish(progress, good);
    progress.dropped += plan.dropped;
    return rest;
  }
  const files = await uploadFiles(engine, table.table, plan.files, `${config.name}-${engine.now()}`);
  try {
    const { isCommitted, conflicts } = await table.commit(engine, {
      target: targetOf(config, plan),
      files,
      digests: new Set(good.map(({ identity }) => identity.digest)),
      deadline,
    });
    progress.conflicts += conflicts;
    // Another writer has some of the messages, or other columns: decided anew, with what it did.
    if (!isCommitted) return [...(await leaveOutKnown(writer, good, progress)), ...rest];
  } catch (error) {
    if (!isDeltaError(error, 'INVALID_SCHEMA')) throw error;
    // The table is as the plan saw it, and will not take the files the next time either.
    const problem = { code: 'TABLE_REFUSED' as const, message: error.message };
    const refused = good.map((entry) => ({ ...entry, problem }));
    await writeLetters(writer, refused, progress, deadline);
    return rest;
  }
  finish(progress, good);
  progress.rows += plan.rows;
  progress.files += files.length;
  progress.bytes += files.reduce((sum, { size }) => sum + size, 0);
  progress.dropped += plan.dropped;
  progress.commits++;
  if (plan.oldest !== undefined) progress.oldest = Math.min(progress.oldest ?? plan.oldest, plan.oldest);
  return rest;
}

function targetOf({ rows }: QueueWriter['config'], { schema }: RowPlan) {
  const { schemaPolicy, properties, partitionBy } = rows;
  return {
    schema,
    schemaPolicy,
    properties,
    partitionColumns: partitionBy.map(({ name, type }) => ({ name, type })),
  };
}

type Rejected = Entry & Pick<DeadMessage, 'problem'>;

/** Commits messages as they came, with the reasons, those that are not there yet. */
async function writeLetters(
  { engine, deadLetters, config }: QueueWriter,
  rejected: readonly Rejected[],
  progress: Progress,
  deadline: number,
): Promise<void> {
  let rest = rejected;
  while (rest.length > 0) {
    const now = engine.now();
    const letters = rest.flatMap(({ messages: [message], problem }) => (message ? [{ message, problem }] : []));
    const { target, files: rows } = deadMessageRows(letters, config.name, now);
    const files = await uploadFiles(engine, deadLetters.table, rows, `${config.name}-${now}`);
    const digests = new Set(rest.map(({ identity }) => identity.digest));
    const { isCommitted } = await deadLetters.commit(engine, { target, files, digests, deadline });
    if (isCommitted) {
      progress.deadLetters += rest.length;
      engine.telemetry.log('warn', 'messages in the dead letters', {
        table: deadLetters.table.url,
        messages: rest.length,
        codes: [...new Set(rest.map(({ problem }) => problem.code))],
        first: rest[0]?.problem.message,
      });
      break;
    }
    const { known } = await deadLetters.sort(rest.map(({ identity }) => identity));
    progress.duplicates += known.size;
    rest = rest.filter(({ identity }) => !known.has(identity.digest));
  }
  finish(progress, rejected);
}
