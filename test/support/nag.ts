import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { createApp } from './templates.ts';

/** An app whose stacks are checked by the AwsSolutions pack of cdk-nag. */
export function checkedApp(): App {
  const app = createApp();
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return app;
}

/** The rules that are violated; an app with violations cannot be synthesised. */
export function findings(app: App): string[] {
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
