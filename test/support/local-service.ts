/** Serves the folder of the first argument with short times, until it is killed: the process for the kill tests. */
import { startFast } from './local-landing.ts';

const [folder = ''] = process.argv.slice(2);
const service = await startFast(folder, { batchSize: 4 });
process.stdout.write('serving\n');
await service.done;
