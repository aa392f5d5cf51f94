import assert from 'node:assert/strict';
import { it } from 'node:test';
import { parseResacaConfig } from '../../infra/config/parse-config.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';

/** What is wrong, a configuration with it, and how it is named. */
export type Refusal = readonly [string, unknown, RegExp];

/** A test for each configuration: it is refused, and the one mistake is named, before anything is synthesised. */
export function itRefuses(refusals: readonly Refusal[]): void {
  for (const [what, config, expected] of refusals) {
    it(`refuses ${what}`, () => {
      assert.throws(
        () => parseResacaConfig(config),
        (error) => {
          assert.ok(error instanceof ConfigError);
          assert.equal(error.problems.length, 1, error.message);
          assert.match(error.problems[0] ?? '', expected);
          return true;
        },
      );
    });
  }
}
