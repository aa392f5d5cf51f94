import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { StepRule } from '../../src/medallion/rule.ts';
import { makeTempFolder } from './temp-folder.ts';

/** Deliveries of a message after which it would be a dead letter. */
const MAX_DELIVERIES = 5;

/** The queue of the medallion function, each of whose invocations is a process of its own. */
export interface StepProcesses {
  /** Processes that were killed before they were done. */
  readonly killed: number;
  /**
   * Delivers a message for a step until it is handled, and those that are sent for it. `kills` are the times in ms, from when
   * a process has its message, at which the first processes are killed (SIGKILL); such a message comes again. Throws when
   * a message fails as often as would make it a dead letter.
   */
  deliver(rule: StepRule, kills?: readonly number[]): Promise<void>;
  /** Delivers a message for a step to two processes, which begin at the same time; `kills` are for the second. */
  deliverTwice(rule: StepRule, kills?: readonly number[]): Promise<void>;
}

interface Start {
  /** ms after which the process is killed. */
  readonly kill: number | undefined;
  /** The process is loaded: resolves when it may have its message. */
  begin(): Promise<void>;
}

interface Answer {
  readonly failed: boolean;
  readonly sent: readonly unknown[];
  readonly problems: readonly string[];
}

/** `folder` has the tables. */
export function createStepProcesses(folder: string): StepProcesses {
  let killed = 0;

  async function deliver(rule: StepRule, kills: readonly number[], begin: Start['begin']): Promise<void> {
    const rules = join(makeTempFolder(), 'rules.json');
    writeFileSync(rules, JSON.stringify([rule]));
    const moments = [...kills];
    const messages: unknown[] = [{ step: rule.name }];
    let deliveries = 0;
    while (messages.length > 0) {
      const answer = await invoke([folder, rules], JSON.stringify(messages[0]), { kill: moments.shift(), begin });
      if (answer === 'killed') {
        killed += 1;
        continue;
      }
      if (answer.failed && ++deliveries === MAX_DELIVERIES) throw new Error(answer.problems.join('\n'));
      if (answer.failed) continue;
      messages.splice(0, 1, ...answer.sent);
      deliveries = 0;
    }
  }

  return {
    get killed() {
      return killed;
    },
    deliver: (rule, kills = []) => deliver(rule, kills, async () => {}),
    async deliverTwice(rule, kills = []) {
      const begin = meeting(2);
      await Promise.all([deliver(rule, [], begin), deliver(rule, kills, begin)]);
    },
  };
}

/** Gives a function that lets its callers go on when as many of them are there; later ones do not wait. */
function meeting(callers: number): () => Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let there = 0;
  return () => {
    there += 1;
    if (there === callers) resolve();
    return promise;
  };
}

/** One invocation. Throws when the process ends by itself, without an answer. */
async function invoke(args: readonly string[], message: string, { kill, begin }: Start): Promise<Answer | 'killed'> {
  const script = join(import.meta.dirname, 'step-process.ts');
  const child = spawn(process.execPath, [script, ...args, makeTempFolder()], { stdio: ['pipe', 'pipe', 'pipe'] });
  let timer: NodeJS.Timeout | undefined;
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const ended = endOf(child);
  const lines = createInterface({ input: child.stdout });
  let answer: Answer | undefined;
  lines.on('line', (line) => {
    const value: unknown = JSON.parse(line);
    if (value !== 'loaded') {
      answer = value as Answer;
      return;
    }
    void begin().then(() => {
      child.stdin.end(`${message}\n`);
      if (kill !== undefined) timer = setTimeout(() => child.kill('SIGKILL'), kill);
    });
  });
  const { code, signal } = await ended;
  clearTimeout(timer);
  if (answer !== undefined) return answer;
  if (signal === 'SIGKILL' && kill !== undefined) return 'killed';
  throw new Error(`the process of a step ended with ${signal ?? code}, without an answer: ${errors}`);
}

function endOf(child: ChildProcess): Promise<{ code: number | null; signal: string | null }> {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
}
