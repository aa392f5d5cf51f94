import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseResacaConfig } from '../../infra/config/parse-config.ts';
import { partOf, rulesOf } from '../../src/cli/config-file.ts';
import { DEPLOYMENT_PARTS } from '../../src/ingest/config.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';

describe("a deployment's configuration, as commands read it", () => {
  it('has the parts that a deployment knows', () => {
    const unknown = (name: string) =>
      problemsOf({ [name]: 'x' }).filter((problem) => problem.includes('is not a setting;'));
    assert.deepEqual(DEPLOYMENT_PARTS.flatMap(unknown), []);
    assert.equal(unknown('parts').length, 1);
    assert.deepEqual(rulesOf(Object.fromEntries(DEPLOYMENT_PARTS.map((name) => [name, 'x']))), {});
  });

  it('is taken apart into the rules of tables and the rest', () => {
    const config = { stage: 'prod', merge: { rules: [1] }, tables: [{ prefix: 'lake' }], tabels: [] };
    assert.deepEqual(rulesOf(config), { tables: [{ prefix: 'lake' }], tabels: [] });
    assert.deepEqual(partOf(config, 'merge'), { rules: [1] });
    assert.equal(partOf(config, 'toString'), undefined);
    assert.equal(partOf('text', 'merge'), undefined);
  });
});

function problemsOf(config: unknown): readonly string[] {
  try {
    parseResacaConfig(config);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}
