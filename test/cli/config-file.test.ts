import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEPLOYMENT_PARTS as READ_BY_DEPLOYMENTS } from '../../infra/config/parse-config.ts';
import { DEPLOYMENT_PARTS, partOf, rulesOf } from '../../src/cli/config-file.ts';

describe("a deployment's configuration, as commands read it", () => {
  it('has the parts that a deployment knows', () => {
    assert.deepEqual(DEPLOYMENT_PARTS, READ_BY_DEPLOYMENTS);
  });

  it('is taken apart into the rules of tables and the rest', () => {
    const config = { stage: 'prod', merge: { rules: [1] }, tables: [{ prefix: 'lake' }], tabels: [] };
    assert.deepEqual(rulesOf(config), { tables: [{ prefix: 'lake' }], tabels: [] });
    assert.deepEqual(partOf(config, 'merge'), { rules: [1] });
    assert.equal(partOf(config, 'toString'), undefined);
    assert.equal(partOf('text', 'merge'), undefined);
  });
});
