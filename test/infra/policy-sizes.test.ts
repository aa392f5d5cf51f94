import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Policy, Role } from 'aws-cdk-lib/aws-iam';
import type { ResacaConfig } from '../../infra/config/types.ts';
import { allow } from '../../infra/constructs/policies.ts';
import { MAX_POLICY_TEXT, policyText } from '../../infra/constructs/policy-size.ts';
import { ResacaFunction } from '../../infra/constructs/resaca-function.ts';
import { createApp, keysFor, stackOf, templateOf } from '../support/templates.ts';
import { CLUSTER_ARN } from './bronze-stacks.ts';

/** What is left for what is not thought of. */
const MARGIN = 1_000;
const TABLES = 100;
const QUEUES = 30;

const numbered = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));
const dynamo = { commitProtocol: { type: 'dynamodb', scheme: 's3' } } as const;

/** Every part, of many tables with names as people give them. */
function everything(parents: number): ResacaConfig {
  const folder = (index: number) => `lake/department-${index % parents}/customer_orders_${index}`;
  return {
    encryption: 'kms',
    convention: 'none',
    tables: numbered(TABLES, (index) => ({ prefix: folder(index), ...(index % 2 === 0 && dynamo) })),
    landing: { notifications: 'eventbridge', enforceConditionalCommits: false },
    append: { queue: 'grouped', tracing: true },
    loader: {
      rules: numbered(20, (index) => ({ prefix: `in/source-${index}`, table: folder(index), suffixes: ['.csv'] })),
    },
    merge: {
      rules: numbered(20, (index) => ({ prefix: `staging/s-${index}`, table: folder(20 + index) })),
      deleteSources: true,
    },
    tagging: { rules: numbered(20, (index) => ({ prefix: `in/source-${index}`, suffix: '.csv', tags: { a: 'b' } })) },
    queues: numbered(QUEUES, (index) => ({ name: `queue-${index}`, table: `bronze/messages_of_${index}`, ...dynamo })),
    webhooks: numbered(QUEUES, (index) => ({
      path: `/hook-${index}`,
      queue: `queue-${index}`,
      secretName: `secret-of-the-webhook-${index}`,
      signature: 'github' as const,
    })),
    kafka: {
      clusterArn: CLUSTER_ARN,
      topics: numbered(50, (index) => `company.domain.topic-${index}`),
      tables: {
        commits: 'deferred',
        topics: [
          ...numbered(50, (index) => ({ topic: `company.domain.topic-${index}`, table: `bronze/topic_${index}` })),
          { topic: '*' },
        ],
      },
    },
    catalog: {
      rules: numbered(20, (index) => ({
        root: folder(index),
        database: `department_${index}`,
        table: `customer_orders_${index}`,
      })),
      createDatabase: true,
    },
    medallion: {
      architecture: process.arch === 'x64' ? 'x86_64' : 'arm64',
      notifications: 'eventbridge',
      spark: {},
      steps: numbered(40, (index) => ({
        target:
          index % 2 === 0
            ? `silver/orders_of_${index}`
            : { bucket: 'gold-of-the-company', prefix: `gold/sum_${index}` },
        source: index % 2 === 0 ? folder(index) : { step: `silver-orders_of_${index - 1}` },
        lookups: [{ bucket: 'kafka', prefix: `bronze/topic_${index}` }],
        sql: 'SELECT 1 AS a',
      })),
    },
    exports: numbered(20, (index) => ({ prefix: folder(index), to: `s3://feeds-of-the-company/cdf/${index}` })),
    maintenance: { optimize: {}, vacuum: {}, cleanLog: {}, reconcile: {}, spark: {} },
  };
}

/** Characters of the policies of each role, the largest first. */
function sizes(stack: Stack): [string, number][] {
  const roles = stack.node.findAll().filter((node) => node instanceof Role);
  return roles.map((role): [string, number] => [role.node.path, policyText(role).total]).sort(([, a], [, b]) => b - a);
}

describe('the policies of the roles of a deployment with everything', () => {
  for (const parents of [1, 4, 100]) {
    it(`fit into IAM with ${TABLES} tables in ${parents} folders, ${QUEUES} queues and 50 topics`, () => {
      const all = sizes(stackOf(everything(parents)));
      assert.ok(all.length > 10);
      assert.deepEqual(
        all.filter(([, size]) => size > MAX_POLICY_TEXT - MARGIN),
        [],
      );
    });
  }
});

describe('very many exports', () => {
  const many = (to: (index: number) => string): ResacaConfig => ({
    exports: numbered(30, (index) => ({ prefix: `lake/table-${index}`, to: to(index) })),
  });

  it('may write to a common parent', () => {
    assert.deepEqual(
      keysFor(templateOf(many((index) => `exports/${index}`)), 'CdfExportExportPolicy', 's3:PutObject'),
      ['exports/*'],
    );
  });

  it('are refused where the parent has tables', () => {
    const config = many((index) => `lake/feed-${index}`);
    assert.throws(() => stackOf(config), /granted by their parent "lake", in which there are tables, too: "lake"/);
  });
});

describe('the size of policies', () => {
  const functionWith = (count: number) => {
    const stack = new Stack(createApp(), 'theirs');
    const own = new ResacaFunction(stack, 'Own', { name: 'append', config: {} });
    const keys = numbered(count, (index) => `arn:aws:s3:::bucket/${'x'.repeat(80)}-${index}/*`);
    own.grant(new Policy(stack, 'Many', { statements: [allow(['s3:GetObject'], keys)] }));
    return stack;
  };

  it('is what the template has, with references at their longest', () => {
    const stack = functionWith(10);
    const [[, size] = ['', 0]] = sizes(stack);
    const written = Object.values(Template.fromStack(stack).findResources('AWS::IAM::Policy'))
      .map(({ Properties }) => JSON.stringify(Properties.PolicyDocument))
      .join('');
    // Of the log group's ARN the template has a reference, which is shorter.
    assert.ok(size > written.length, `${size} of ${written.length}`);
    assert.ok(size < written.length + 300, `${size} of ${written.length}`);
  });

  it('is refused at synthesis where IAM would refuse it at deployment, with what to do', () => {
    Template.fromStack(functionWith(80));
    assert.throws(
      () => Template.fromStack(functionWith(120)),
      /theirs\/Own\] the inline policies of the role would have 1\d{4} characters, IAM takes 10240 \(theirs\/.*\): put what they name under common prefixes/,
    );
  });
});
