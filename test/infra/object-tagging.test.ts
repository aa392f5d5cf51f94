import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Template } from 'aws-cdk-lib/assertions';
import fc from 'fast-check';
import { parseResacaConfig } from '../../infra/config/parse-config.ts';
import type { ResacaConfig } from '../../infra/config/types.ts';
import { disjoint, type KeyFilter, overlap } from '../../infra/prefixes.ts';
import { tagFilter } from '../../infra/tag-filters.ts';
import type { TagRuleInput } from '../../src/tag/config.ts';
import { itRefuses } from '../support/refusals.ts';
import { alarmsOf, announcedTo, statementsOf, templateOf, textOf } from '../support/templates.ts';

const tags = { team: 'data' };

function tagging(rules: readonly TagRuleInput[], config: ResacaConfig = {}): Template {
  return templateOf({ maintenance: false, ...config, tagging: { rules, ...config.tagging } });
}

/** What the role of the tag function may do, on which resources. */
function rightsOf(template: Template): (readonly [string, string[]])[] {
  return statementsOf(template, 'Tagging').map(({ Action, Resource }) => [
    [Action].flat().join(),
    [Resource].flat().map((arn) => textOf(arn).replace(/[0-9A-F]{8}\.Arn>/, '')),
  ]);
}

describe('a deployment that tags objects', () => {
  const rules = [
    { prefix: 'tenants/{tenant}/raw', suffix: '.csv', tags: { tenant: '{tenant}' } },
    { prefix: 'docs', glob: 'public/**/*.pdf', tags },
  ];
  const template = tagging(rules);

  it('is told of what its rules mean, and only of what is made', () => {
    assert.deepEqual(announcedTo(template, 'Tagging'), [
      's3:ObjectCreated:*, suffix .csv, prefix tenants/',
      's3:ObjectCreated:*, suffix .pdf, prefix docs/public/',
    ]);
  });

  it('may read and set the tags of these objects and of their versions, and nothing else of them', () => {
    assert.deepEqual(rightsOf(template).toSorted(), [
      ['logs:CreateLogStream,logs:PutLogEvents', ['<TaggingLogs']],
      [
        's3:GetObjectTagging,s3:GetObjectVersionTagging,s3:PutObjectTagging,s3:PutObjectVersionTagging',
        ['<LandingBucket/docs/public/*.pdf', '<LandingBucket/tenants/*.csv'],
      ],
      ['s3:ListBucket', ['<LandingBucket']],
      [
        'sqs:ChangeMessageVisibility,sqs:DeleteMessage,sqs:GetQueueAttributes,sqs:GetQueueUrl,sqs:ReceiveMessage',
        ['<TaggingEventsQueue'],
      ],
    ]);
  });

  it('alarms where objects get no tags', () => {
    assert.deepEqual(alarmsOf(template, 'Tagging'), [
      'TaggingDeadLetters',
      'TaggingErrors',
      'TaggingLeftOut',
      'TaggingMessageAge',
    ]);
  });

  it('takes the events of files that become tables through EventBridge', () => {
    const bridged = tagging([{ suffix: '.parquet', tags }], {
      tagging: { rules: [{ suffix: '.parquet', tags }], notifications: 'eventbridge' },
    });
    bridged.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: { 'detail-type': ['Object Created'], detail: { object: { key: [{ suffix: '.parquet' }] } } },
    });
    // The append function is told by S3 itself, as before.
    bridged.hasResourceProperties('Custom::S3BucketNotifications', {
      NotificationConfiguration: { EventBridgeConfiguration: {} },
    });
    bridged.resourceCountIs('AWS::Events::Rule', 1);
    const both = tagging([{ suffix: '.parquet', tags }], { landing: { notifications: 'eventbridge' } });
    both.resourceCountIs('AWS::Events::Rule', 2);
  });
});

describe('the part for tags', () => {
  itRefuses([
    [
      'files that S3 announces to the append function already',
      {
        tagging: {
          rules: [
            { suffix: '.csv', tags },
            { prefix: 'web', tags },
          ],
        },
      },
      /^tagging.rules\[1\]: keys web\/\* overlap with keys \*.parquet, .* expected tagging.notifications or landing/,
    ],
    [
      'the same where the ending is in a glob',
      { landing: { prefixes: ['lake'] }, tagging: { rules: [{ glob: '**/part-*.parquet', tags }] } },
      /^tagging.rules\[0\]: keys \*.parquet overlap with keys lake\/\*.parquet/,
    ],
    [
      'files that S3 announces to the loader already',
      {
        loader: { rules: [{ prefix: 'in', table: 'lake/t', suffixes: ['.csv'] }] },
        tagging: { rules: [{ suffix: '.csv', tags }] },
      },
      /^tagging.rules\[0\]: keys \*.csv overlap with keys in\/\*.csv, which go to the load function/,
    ],
    [
      'small files that S3 announces to the merge already',
      {
        landing: { prefixes: ['lake'] },
        merge: { rules: [{ prefix: 'staging', table: 'lake/t' }] },
        tagging: { rules: [{ prefix: 'staging/a', tags }] },
      },
      /^tagging.rules\[0\]: keys staging\/a\/\* overlap with keys staging\/\*.parquet, which go to the merge function/,
    ],
    [
      'a mistake in a rule',
      { tagging: { rules: [{ tags: { a: '{' } }] } },
      /^tagging: rules\[0\].tags\["a"\]: expected/,
    ],
    ['no rules', { tagging: {} }, /^tagging: rules: has none/],
    [
      'a misspelt setting',
      { tagging: { rules: [{ suffix: '.csv', tags }], rule: 1 } },
      /^tagging.rule: is not a setting/,
    ],
    [
      'a prefix that filters of S3 do not take',
      { tagging: { rules: [{ prefix: 'my files', suffix: '.csv', tags }] } },
      /^tagging: rules\[0\]: has characters that filters/,
    ],
    [
      'more notifications than a bucket should have',
      { tagging: { rules: Array.from({ length: 31 }, (_, index) => ({ prefix: `p${index}`, suffix: '.csv', tags })) } },
      /^tagging: rules: expected 30 prefixes and endings .* at most, got 31/,
    ],
  ]);

  it('takes what does not overlap, or goes another way', () => {
    const overlapping = [{ prefix: 'lake', tags }];
    const fine: ResacaConfig[] = [
      { tagging: { rules: [{ suffix: '.csv', tags }] } },
      { landing: { prefixes: ['lake'] }, tagging: { rules: [{ prefix: 'lakeside', tags }] } },
      { landing: { notifications: 'eventbridge' }, tagging: { rules: overlapping } },
      { landing: { notifications: 'eventbridge' }, tagging: { rules: overlapping, notifications: 's3' } },
      { tagging: { rules: overlapping, notifications: 'eventbridge' } },
    ];
    for (const config of fine) parseResacaConfig(config);
  });
});

describe('the filter of a rule', () => {
  it('is the beginning and the end that all its keys have', () => {
    const filterOf = (rule: Parameters<typeof tagFilter>[0]) => Object.values(tagFilter(rule)).join(' ~ ');
    assert.equal(filterOf({ prefix: '', suffix: '' }), ' ~ ');
    assert.equal(filterOf({ prefix: 'a/{b}/c', suffix: '.csv', glob: 'x/*' }), 'a ~ .csv');
    assert.equal(filterOf({ prefix: 'a', suffix: '', glob: 'x/y*/z/*.tar.gz' }), 'a/x ~ .tar.gz');
    assert.equal(filterOf({ prefix: '', suffix: '', glob: 'x/plain.txt' }), 'x ~ plain.txt');
    assert.equal(filterOf({ prefix: '', suffix: ' é.csv' }), ' ~ .csv');
  });
});

describe('filters', () => {
  const text = (parts: readonly string[], separator: string) =>
    fc.array(fc.constantFrom(...parts), { maxLength: 3 }).map((list) => list.join(separator));
  const filter = fc.record({ prefix: text(['a', 'b', 'ab'], '/'), suffix: text(['.x', '.y'], '') });
  const keys = text(['a', 'b', 'ab'], '/').chain((folder) =>
    text(['.x', '.y'], '').map((ending) => `${folder === '' ? '' : `${folder}/`}file${ending}`),
  );
  const passes = ({ prefix, suffix }: KeyFilter, key: string) =>
    (prefix === '' || key.startsWith(`${prefix}/`)) && key.endsWith(suffix);

  it('are put together until no two overlap, and let no fewer keys through', () => {
    fc.assert(
      fc.property(fc.array(filter, { maxLength: 8 }), fc.array(keys, { maxLength: 20 }), (filters, some) => {
        const kept = disjoint(filters);
        for (const [index, one] of kept.entries()) {
          for (const other of kept.slice(index + 1)) assert.ok(!overlap(one, other));
        }
        for (const key of some) {
          if (filters.some((one) => passes(one, key))) assert.ok(kept.some((one) => passes(one, key)));
          // Whoever lets one key through overlaps with whoever lets it through, too.
          const both = filters.filter((one) => passes(one, key));
          for (const one of both) for (const other of both) assert.ok(overlap(one, other));
        }
      }),
    );
  });
});
