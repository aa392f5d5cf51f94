import type { HistoryBucket, HistoryFacts, ReportFacts } from '../../report/facts.ts';
import { isoTime } from '../format.ts';

/** The facts as plain data, with times in ISO 8601; described in docs/report.md. */
export function factsJson({ generatedAt, committedAt, createdAt, history, ...facts }: ReportFacts): object {
  return {
    ...facts,
    generatedAt: isoTime(generatedAt),
    committedAt: isoTime(committedAt),
    createdAt: timeOrNull(createdAt),
    history: historyJson(history),
  };
}

function historyJson({ oldest, newest, since, buckets, writers, newestCommits, ...history }: HistoryFacts): object {
  return {
    ...history,
    since: timeOrNull(since),
    oldest: oldest && { ...oldest, time: isoTime(oldest.time) },
    newest: newest && { ...newest, time: isoTime(newest.time) },
    buckets: buckets.map(bucketJson),
    writers: writers.map(({ first, last, ...writer }) => ({ ...writer, first: isoTime(first), last: isoTime(last) })),
    newestCommits: newestCommits.map(({ time, ...commit }) => ({ ...commit, time: isoTime(time) })),
  };
}

function bucketJson({ from, to, time, ...bucket }: HistoryBucket): object {
  return { ...bucket, from: isoTime(from), to: isoTime(to), time: isoTime(time) };
}

function timeOrNull(time: number | null): string | null {
  return time === null ? null : isoTime(time);
}
