import { cpus, loadavg, release, totalmem, type } from 'node:os';

/** The machine in one line. */
export function describeMachine(): string {
  const all = cpus();
  const gib = (totalmem() / 2 ** 30).toFixed(0);
  return `${all.length} cores of ${all[0]?.model ?? 'an unknown processor'}, ${gib} GiB, ${type()} ${release()}, Node ${process.version}`;
}

/** Over 1, 5 and 15 minutes. */
export function loadText(): string {
  return loadavg()
    .map((load) => load.toFixed(1))
    .join(', ');
}
