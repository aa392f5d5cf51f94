import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type AppendConfigInput, appendCommitRules, commitsAt, parseAppendConfig } from '../../src/ingest/config.ts';
import { ConfigError } from '../../src/ingest/config-reader.ts';
import { routeKey } from '../../src/ingest/routing.ts';

const DYNAMODB = { type: 'dynamodb', scheme: 's3a' } as const;
const PARSED = {
  type: 'dynamodb',
  table: 'delta_log',
  scheme: 's3a',
  pathForm: 'hadoop',
  expireAfter: 86_400,
} as const;

const commitsOf = (config: AppendConfigInput, root: string, bucket = 'b') =>
  commitsAt(appendCommitRules(parseAppendConfig(config), bucket), root);

describe('the setting commitProtocol', () => {
  it('is conditional PUT unless it is given, and has the defaults of Spark', () => {
    assert.equal(commitsOf({}, 'orders'), undefined);
    assert.deepEqual(commitsOf({ defaults: { commitProtocol: DYNAMODB } }, 'orders'), PARSED);
    const full = {
      ...DYNAMODB,
      table: 'mine',
      region: 'eu-central-1',
      pathForm: 'url',
      expireAfter: 90_000,
    } as const;
    assert.deepEqual(commitsOf({ tables: [{ prefix: 'orders', commitProtocol: full }] }, 'orders'), full);
  });

  it('of a rule comes before that of the defaults, in both directions', () => {
    const config: AppendConfigInput = {
      defaults: { commitProtocol: DYNAMODB },
      tables: [
        { prefix: 'plain', commitProtocol: 'conditional-put' },
        { prefix: 'tenants/{tenant}/orders', commitProtocol: { ...DYNAMODB, scheme: 's3' } },
        { prefix: 'inherited' },
      ],
    };
    assert.equal(commitsOf(config, 'plain'), undefined);
    assert.equal(commitsOf(config, 'tenants/a/orders')?.scheme, 's3');
    assert.equal(commitsOf(config, 'inherited')?.scheme, 's3a');
    assert.equal(commitsOf(config, 'anything/else')?.scheme, 's3a');
  });

  it('is of the bucket that its rule is for', () => {
    const config: AppendConfigInput = { tables: [{ bucket: 'b', prefix: 'orders', commitProtocol: DYNAMODB }] };
    assert.deepEqual(commitsOf(config, 'orders'), PARSED);
    assert.equal(commitsOf(config, 'orders', 'another'), undefined);
  });

  it('must be the same in rules for one table', () => {
    const tables = [
      { prefix: 'orders/new', root: 'orders', commitProtocol: DYNAMODB },
      { prefix: 'orders/old', root: 'orders' },
    ];
    assert.match(
      problemsOf({ tables }),
      /tables\[1\]: has the same root as tables\[0\], but differs from it in commitProtocol/,
    );
  });

  for (const [value, expected] of [
    [{ type: 'dynamodb' }, /commitProtocol\.scheme: is required/],
    [{ scheme: 's3' }, /commitProtocol\.type: is required/],
    [{ type: 'zookeeper', scheme: 's3' }, /commitProtocol\.type: expected dynamodb, got "zookeeper"/],
    [{ ...DYNAMODB, scheme: 'gs' }, /commitProtocol\.scheme: expected s3 or s3a or s3n/],
    [{ ...DYNAMODB, table: 'a b' }, /commitProtocol\.table: expected 3-255 letters/],
    [{ ...DYNAMODB, region: 'Frankfurt' }, /commitProtocol\.region: expected the name of a region/],
    [{ ...DYNAMODB, expireAfter: 60 }, /commitProtocol\.expireAfter: expected a whole number from 3600/],
    [{ ...DYNAMODB, tabel: 'x' }, /commitProtocol\.tabel: is not a setting/],
    ['dynamodb', /commitProtocol: expected conditional-put, got "dynamodb"/],
    [true, /commitProtocol: expected an object, got true/],
  ] as const) {
    it(`refuses ${JSON.stringify(value)}`, () => {
      assert.match(problemsOf({ defaults: { commitProtocol: value } }), expected);
    });
  }

  it('is the same for all files of a table, whatever rule they come by', () => {
    const segment = fc.constantFrom('a', 'b', 'orders');
    const pattern = fc.array(fc.oneof(segment, fc.constantFrom('{x}', '{y}')), { minLength: 1, maxLength: 3 });
    const protocol = fc.constantFrom(undefined, DYNAMODB, { ...DYNAMODB, table: 'other' });
    fc.assert(
      fc.property(
        fc.array(fc.record({ path: pattern, protocol }), { maxLength: 4 }),
        fc.array(fc.array(segment, { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 6 }),
        (rules, keys) => {
          const tables = rules.map(({ path, protocol: commitProtocol }) => ({
            prefix: path.join('/'),
            ...(commitProtocol !== undefined && { commitProtocol }),
          }));
          const config = tryParse({ tables });
          if (config === undefined) return;
          const byRoot = new Map<string, string>();
          for (const key of keys) {
            const route = routeKey('b', `${key.join('/')}/f.parquet`, config);
            if (route.kind !== 'table') continue;
            const commits: string = JSON.stringify(commitsAt(appendCommitRules(config, 'b'), route.root)) ?? 'none';
            assert.equal(byRoot.get(route.root) ?? commits, commits);
            byRoot.set(route.root, commits);
            // Where roots and prefixes are the same, a rule's own setting is what counts.
            assert.equal(commits, JSON.stringify(route.settings.commitProtocol) ?? 'none');
          }
        },
      ),
    );
  });
});

function problemsOf(config: unknown): string {
  try {
    parseAppendConfig(config);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems.join('\n');
  }
  return '';
}

function tryParse(config: unknown) {
  return problemsOf(config) === '' ? parseAppendConfig(config) : undefined;
}
