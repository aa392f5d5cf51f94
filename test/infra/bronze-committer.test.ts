import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Duration } from 'aws-cdk-lib';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { actionsOf, roleStatements, type Statement, textOf } from '../support/templates.ts';
import { bronzeTemplate } from './bronze-stacks.ts';

const resourcesOf = ({ Resource }: Statement): string[] => [Resource].flat().map(textOf);

describe('deferred commits', () => {
  const template = bronzeTemplate(() => ({ config: { commits: 'deferred' }, commitInterval: Duration.minutes(2) }));

  it('have a committer, which is called by a schedule', () => {
    template.resourceCountIs('AWS::Lambda::Function', 2);
    template.hasResourceProperties('AWS::Events::Rule', { ScheduleExpression: 'rate(2 minutes)' });
  });

  it('let the function leave files for it, and only the committer delete, and only their descriptions', () => {
    const statements = roleStatements(template);
    const pending = statements.filter((one) => resourcesOf(one).some((arn) => arn.includes('/_resaca/pending/')));
    assert.deepEqual(actionsOf(pending).sort(), ['s3:DeleteObject', 's3:GetObject', 's3:PutObject']);
    const deletes = statements.filter((one) => actionsOf([one]).includes('s3:DeleteObject'));
    assert.deepEqual(
      deletes.flatMap(resourcesOf).map((arn) => arn.slice(arn.indexOf('/'))),
      ['/_resaca/pending/*'],
    );
  });

  it('are not there without being asked for', () => {
    bronzeTemplate().resourceCountIs('AWS::Lambda::Function', 1);
    assert.throws(() => bronzeTemplate(() => ({ commitInterval: Duration.minutes(2) })), ConfigError);
  });
});
