/**
 * What an invocation of each function takes: `npm run bench:functions`. The deployed bundles, driven through the Lambda
 * Runtime API, over a local AWS (MiniStack, needs Python). `-- WORDS` runs those with the words in their names. The figures
 * are those of `src/cost/measured.ts`; docs/cost.md says what they mean.
 */
import { parseArgs } from 'node:util';
import { UnavailableError } from '../../test/support/unavailable.ts';
import { describeMachine, loadText } from '../append/machine.ts';
import { LOADS } from './loads.ts';
import { type FunctionCost, fitLine, measureFunction } from './measure.ts';
import { createWorld } from './world.ts';

const MIB = 2 ** 20;
const { positionals } = parseArgs({ allowPositionals: true });
const wanted = LOADS.filter(({ name }) => positionals.length === 0 || positionals.some((word) => name.includes(word)));

try {
  console.log(`${describeMachine()}; load average ${loadText()}\n`);
  const world = await createWorld();
  for (const load of wanted) print(await measureFunction(world, load));
} catch (error) {
  if (!(error instanceof UnavailableError)) throw error;
  console.log(`skipped: ${error.message}`);
}
process.exit();

function print({ name, unit, sizes }: FunctionCost): void {
  const { fixed, each } = fitLine(sizes);
  console.log(`${name}: ${fixed.toFixed(1)} ms of CPU an invocation and ${each.toFixed(3)} ms a ${unit}`);
  for (const { size, cpuMs, requests, peakRss } of sizes) {
    const counts = Object.entries(requests).flatMap(([kind, count]) =>
      count > 0 ? [`${Number(count.toFixed(2))} ${kind}`] : [],
    );
    console.log(`  ${size} ${unit}: ${cpuMs.toFixed(1)} ms, ${counts.join(', ')}, ${(peakRss / MIB).toFixed(0)} MiB`);
  }
}
