import type { SqsBatchResponse } from '../ingest/handler.ts';
import type { Telemetry } from '../ingest/telemetry.ts';
import type { MedallionConfig } from './config.ts';
import { stepsTriggeredBy } from './graph.ts';
import {
  type CommitEvent,
  parseMedallionMessage,
  parseStepSchedule,
  type StepMessage,
  StepMessageError,
  type StepSchedule,
} from './messages.ts';
import { reportFailure, reportRun } from './report.ts';
import type { StepRule } from './rule.ts';
import type { RunOptions, StepRun } from './step-run.ts';

/** Where runs of steps wait: a FIFO queue with a message group for each target. */
export interface StepQueue {
  /** `occasion` makes a message another than one that was sent for something else. Throws what keeps it from that. */
  send(message: StepMessage, rule: StepRule, occasion: string): Promise<void>;
  /** Has a received message come again after so many s, in the place of the queue's own time. */
  showAfter(receiptHandle: string, seconds: number): Promise<void>;
}

export interface MedallionDeps {
  readonly config: MedallionConfig;
  readonly queue: StepQueue;
  readonly telemetry: Telemetry;
  /** Brings a step's target up to its source: `runStep`. */
  run(rule: StepRule, options: RunOptions): Promise<StepRun>;
  /** Called after a run that committed; throws nothing. */
  afterCommits?(rule: StepRule, run: StepRun): Promise<void>;
  /** The name of a table for people. */
  urlOf(place: StepRule['target']): string;
  /** ms since the epoch. */
  now(): number;
}

interface SqsRecord {
  readonly messageId: string;
  readonly body: string;
  readonly receiptHandle?: string;
  readonly attributes?: { readonly ApproximateReceiveCount?: string };
}

interface InvocationContext {
  readonly awsRequestId: string;
  getRemainingTimeInMillis(): number;
}

/** Kept back of the invocation's time, to end a batch and send on what is left. ms. */
const TIME_RESERVE = 30_000;
/** Turns after which work is given up until the next event or schedule: days of work. */
const MAX_TURNS = 500;
/** s that a failed run waits: after the first failure, and at most. In between, four times as long after each. */
const [FIRST_DELAY, LONGEST_DELAY] = [30, 3_600];
/** s between two looks at a Spark job: it takes minutes to begin. */
const WAIT = 300;
/** Deliveries of a message that waits, below those after which the queue gives a message up. */
const MAX_WAITS = 3;

/**
 * The medallion function. Its events are notifications of commits and a schedule, from which it makes one message for each
 * step that they concern, and these messages, each of which is one run of a step. What the time is not enough for is put into
 * the queue again. A message that failed comes again, later each time.
 */
export function createMedallionHandler(deps: MedallionDeps) {
  return async function handleMedallion(event: unknown, context: InvocationContext): Promise<SqsBatchResponse> {
    const deadline = deps.now() + Math.max(context.getRemainingTimeInMillis() - TIME_RESERVE, 0);
    const schedule = parseStepSchedule(event);
    if (schedule !== undefined) return enqueueScheduled(deps, schedule);
    const commits: CommitEvent[] = [];
    const senders: string[] = [];
    const failed: string[] = [];
    for (const record of (event as { readonly Records: readonly SqsRecord[] }).Records) {
      let isStep = false;
      try {
        const parsed = parseMedallionMessage(record.body);
        isStep = parsed.kind === 'step';
        if (parsed.kind === 'step') {
          const isWaiting = await work(deps, parsed.message, record, { deadline, occasion: context.awsRequestId });
          // It is not a failure, but only so is it kept back.
          if (isWaiting) failed.push(record.messageId);
        } else {
          commits.push(...parsed.commits);
          senders.push(record.messageId);
        }
      } catch (error) {
        deps.telemetry.log('error', 'message failed and will be delivered again', { body: record.body, error });
        failed.push(record.messageId);
        if (isStep) await delay(deps, record);
      }
    }
    if (!(await enqueueTriggered(deps, commits, context.awsRequestId))) failed.push(...senders);
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
  };
}

async function enqueueScheduled(deps: MedallionDeps, { steps, time }: StepSchedule): Promise<SqsBatchResponse> {
  for (const step of steps) await deps.queue.send({ step }, ruleOf(deps, step), time);
  return { batchItemFailures: [] };
}

/** One message for each step, however many commits concern it. Whether all were sent. */
async function enqueueTriggered(
  deps: MedallionDeps,
  commits: readonly CommitEvent[],
  occasion: string,
): Promise<boolean> {
  const oldest = new Map<StepRule, number>();
  for (const { table, time } of commits) {
    for (const rule of stepsTriggeredBy(deps.config.steps, table)) {
      oldest.set(rule, Math.min(oldest.get(rule) ?? time, time));
    }
  }
  try {
    for (const [rule, since] of oldest) await deps.queue.send({ step: rule.name, since }, rule, occasion);
    return true;
  } catch (error) {
    deps.telemetry.log('error', 'steps could not be put into the queue, their events will be delivered again', {
      error,
    });
    return false;
  }
}

/** One run of a step. Whether its message is to come again, because a Spark job has to be waited for. */
async function work(
  deps: MedallionDeps,
  message: StepMessage,
  record: SqsRecord,
  { deadline, occasion }: { readonly deadline: number; readonly occasion: string },
): Promise<boolean> {
  const rule = ruleOf(deps, message.step);
  const begin = deps.now();
  let run: StepRun;
  try {
    run = await deps.run(rule, { deadline });
  } catch (error) {
    if (reportFailure(deps, rule, error) === 'nothing to do') return false;
    throw error;
  }
  reportRun(deps, rule, run, { ms: deps.now() - begin, ...message });
  if (run.metrics.commits > 0) await deps.afterCommits?.(rule, run);
  if (run.state === 'done') return false;
  if (run.state === 'waiting' && (await keepBack(deps, record))) return true;
  const turn = (message.turn ?? 0) + 1;
  if (turn > MAX_TURNS) throw new Error(`the step ${rule.name} came to no end in ${MAX_TURNS} turns`);
  await deps.queue.send({ ...message, turn }, rule, occasion);
  return false;
}

/**
 * Has the message of a step that waits come again later. Not for ever: a message that came too often would go to the dead letters,
 * so that another one takes its place then.
 */
async function keepBack({ queue }: MedallionDeps, { receiptHandle, attributes }: SqsRecord): Promise<boolean> {
  if (receiptHandle === undefined || Number(attributes?.ApproximateReceiveCount ?? 1) >= MAX_WAITS) return false;
  await queue.showAfter(receiptHandle, WAIT);
  return true;
}

/** Best effort: without it the message comes again after the queue's time, which is longer. */
async function delay({ queue, telemetry }: MedallionDeps, { receiptHandle, attributes }: SqsRecord): Promise<void> {
  if (receiptHandle === undefined) return;
  const received = Number(attributes?.ApproximateReceiveCount ?? 1);
  try {
    await queue.showAfter(receiptHandle, Math.min(FIRST_DELAY * 4 ** (received - 1), LONGEST_DELAY));
  } catch (error) {
    telemetry.log('warn', 'the delay of a failed message could not be set', { error });
  }
}

function ruleOf({ config }: MedallionDeps, name: string): StepRule {
  const rule = config.steps.find((step) => step.name === name);
  if (rule !== undefined) return rule;
  const known = config.steps.map((step) => step.name).join(', ');
  throw new StepMessageError(`expected the name of a step (${known}), got "${name}"`);
}
