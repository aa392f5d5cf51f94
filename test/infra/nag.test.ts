import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type App, Stack, Validations } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { ResacaConfig } from '../../infra/config/types.ts';
import { createApp, stackOf } from '../support/templates.ts';

const SHAPES: Readonly<Record<string, ResacaConfig>> = {
  'without a configuration': {},
  'with an existing bucket': { landing: { bucketName: 'mine' } },
  'through EventBridge': { landing: { notifications: 'eventbridge', prefixes: ['lake/raw'] } },
  'with a FIFO queue, keys of its own, traces and an e-mail': {
    encryption: 'kms',
    append: { queue: 'fifo', tracing: true },
    alarms: { email: 'someone@example.com' },
    convention: 'none',
    tables: [{ prefix: 'orders' }, { prefix: 'tenants/{tenant}/web' }],
  },
};

describe('the AwsSolutions pack of cdk-nag', () => {
  for (const [name, config] of Object.entries(SHAPES)) {
    it(`finds nothing in the stack ${name}`, () => {
      const app = checkedApp();
      stackOf(config, app);
      assert.deepEqual(findings(app), []);
    });
  }

  it('finds what is wrong in another stack', () => {
    const app = checkedApp();
    new Bucket(new Stack(app, 'other'), 'Bucket');
    assert.ok(findings(app).includes('AwsSolutions-S10'));
  });
});

function checkedApp(): App {
  const app = createApp();
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return app;
}

/** The rules that are violated; an app with violations cannot be synthesised. */
function findings(app: App): string[] {
  try {
    app.synth();
  } catch (error) {
    assert.match(String(error), /ValidationFailed/);
  }
  const report = JSON.parse(readFileSync(join(app.outdir, 'validation-report.json'), 'utf8'));
  return report.pluginReports.flatMap(({ violations }: { violations: { ruleName: string }[] }) =>
    violations.map(({ ruleName }) => ruleName),
  );
}
