import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { COMMANDS } from '../../src/cli/commands.ts';

describe('the commands', () => {
  it('are found by the names that they have', async () => {
    for (const [name, load] of COMMANDS) assert.equal((await load()).name, name);
  });
});
