import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseImports, readSourceFiles, type SourceFile } from './support/source-files.ts';

/** The one file of `src/storage` that the log library and what stands on it may know. */
const STORE_PORT = 'src/storage/object-store.ts';

/**
 * Which part may import which, beside itself. The parts are folders; `types:` allows `import type` only.
 * The direction is the one of docs/architecture.md.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'src/storage': [],
  'src/delta': [STORE_PORT, 'types:src/storage', 'package.json'],
  'src/parquet': ['src/delta', STORE_PORT, 'types:src/storage'],
  'src/ingest': ['src/delta', 'src/parquet', STORE_PORT, 'types:src/storage'],
  'src/kafka': [
    'src/delta',
    'src/parquet',
    'src/ingest/config.ts',
    'src/ingest/config-reader.ts',
    'src/ingest/concurrently.ts',
    'src/ingest/table-shape.ts',
    'types:src/ingest',
    STORE_PORT,
    'types:src/storage',
  ],
  'src/queue/replay': [
    'src/queue',
    'src/cdf',
    'src/kafka',
    'src/delta',
    'src/parquet',
    'src/ingest/concurrently.ts',
    'types:src/storage',
  ],
  'src/queue': [
    'src/delta',
    'src/parquet',
    'src/kafka',
    'src/ingest/config.ts',
    'src/ingest/config-reader.ts',
    'src/ingest/concurrently.ts',
    'src/ingest/within.ts',
    'types:src/ingest',
    STORE_PORT,
    'types:src/storage',
  ],
  'src/webhook': [
    'src/kafka/decode',
    'src/queue/decode-message.ts',
    'src/queue/identity.ts',
    'src/ingest/config-reader.ts',
    'types:src/ingest',
  ],
  'src/spark': ['src/delta', 'src/parquet', STORE_PORT, 'types:src/storage'],
  'src/maintenance': [
    'src/delta',
    'src/parquet',
    'src/spark',
    'src/ingest/concurrently.ts',
    'src/ingest/config.ts',
    'src/ingest/config-reader.ts',
    'types:src/ingest',
    'src/kafka/deferred/pending.ts',
    STORE_PORT,
    'types:src/storage',
  ],
  'src/group': [
    'src/ingest/concurrently.ts',
    'src/ingest/config.ts',
    'src/ingest/config-reader.ts',
    'src/ingest/notification-body.ts',
    'src/ingest/notifications.ts',
    'src/ingest/routing.ts',
    'types:src/ingest',
  ],
  'src/tag': [
    'src/delta/partition.ts',
    'src/ingest/concurrently.ts',
    'src/ingest/config.ts',
    'src/ingest/config-reader.ts',
    'src/ingest/key-pattern.ts',
    'src/ingest/notifications.ts',
    'types:src/ingest',
    'types:src/storage',
  ],
  'src/merge': [
    'src/delta',
    'src/parquet',
    'src/kafka/table-writer.ts',
    'types:src/kafka',
    'src/queue/identity.ts',
    'src/queue/message-log.ts',
    'src/ingest/concurrently.ts',
    'src/ingest/config.ts',
    'src/ingest/config-reader.ts',
    'src/ingest/key-pattern.ts',
    'src/ingest/notifications.ts',
    'src/ingest/quarantine.ts',
    'src/ingest/routing.ts',
    'src/ingest/table-shape.ts',
    'src/ingest/within.ts',
    'types:src/ingest',
    STORE_PORT,
    'types:src/storage',
  ],
  'src/recovery': [
    'src/ingest',
    'src/maintenance',
    'src/delta',
    'src/parquet',
    'src/storage/keys.ts',
    STORE_PORT,
    'types:src/storage',
  ],
  'src/loader': [
    'src/delta',
    'src/parquet',
    'src/kafka/decode',
    'src/kafka/rows',
    'src/kafka/transform/partition.ts',
    'src/kafka/config-rule.ts',
    'src/ingest/config-reader.ts',
    'src/ingest/concurrently.ts',
    'src/ingest/notifications.ts',
    'src/ingest/quarantine.ts',
    'types:src/ingest',
    STORE_PORT,
    'types:src/storage',
  ],
  'src/catalog': [
    'src/delta',
    'src/ingest/concurrently.ts',
    'src/ingest/config-reader.ts',
    'types:src/ingest',
    'src/maintenance/find-tables.ts',
    STORE_PORT,
    'types:src/storage',
  ],
  'src/cdf': [
    'src/delta',
    'src/parquet',
    'src/ingest/config-reader.ts',
    'src/ingest/own-message.ts',
    'types:src/ingest',
    // How deletion vectors and values in the log are read, and where tables are.
    'src/maintenance/optimize/deletion-vector.ts',
    'src/maintenance/optimize/deletion-vector-error.ts',
    'src/maintenance/checkpoint/typed-text.ts',
    'src/maintenance/find-tables.ts',
    STORE_PORT,
    'types:src/storage',
  ],
  'src/medallion': [
    'src/delta',
    'src/parquet',
    'src/spark',
    'src/cdf/changes',
    'src/cdf/errors.ts',
    'src/ingest/config-reader.ts',
    'src/ingest/own-message.ts',
    'src/ingest/concurrently.ts',
    'src/ingest/notifications.ts',
    'types:src/ingest',
    // How deletion vectors are read.
    'src/maintenance/optimize/deletion-vector.ts',
    'src/maintenance/optimize/deletion-vector-error.ts',
    STORE_PORT,
    'types:src/storage',
  ],
  'src/report': ['src/delta', 'src/maintenance/doctor', 'types:src/maintenance', 'src/recovery/quarantine/records.ts'],
  'src/aws': [
    'src/cdf/config.ts',
    'src/cdf/messages.ts',
    'types:src/cdf',
    'src/storage',
    'src/loader/config.ts',
    'types:src/loader',
    'src/merge/config.ts',
    'types:src/merge',
    'src/medallion/config.ts',
    'src/medallion/messages.ts',
    'types:src/medallion',
    'src/group/config.ts',
    'types:src/group',
    'src/tag/config.ts',
    'types:src/tag',
    'src/catalog/config.ts',
    'types:src/catalog',
    'types:src/delta/definition-requests.ts',
    'src/maintenance/config.ts',
    'src/maintenance/messages.ts',
    'types:src/maintenance',
    'types:src/spark',
    'types:src/delta/checkpoint-interval.ts',
    'src/ingest/config.ts',
    'src/ingest/config-reader.ts',
    'src/consumer/config.ts',
    'src/kafka/config.ts',
    'src/kafka/registry',
    'types:src/kafka',
    'src/queue/config.ts',
    'types:src/queue',
    'src/webhook/config.ts',
    'types:src/webhook',
    'types:src/ingest',
  ],
  'src/local': [
    'lambdas',
    'src/aws',
    'src/ingest',
    'src/maintenance',
    'src/medallion',
    'src/delta',
    'src/parquet',
    'src/storage',
  ],
  'src/consumer': [
    'src/kafka',
    'src/parquet',
    'src/ingest/config-reader.ts',
    'src/ingest/concurrently.ts',
    'types:src/ingest',
    'types:src/delta/checkpoint-interval.ts',
    'types:src/delta/definition-requests.ts',
    STORE_PORT,
    'types:src/storage',
  ],
  'src/cost': ['src/ingest/config-reader.ts'],
  'src/cli': [
    // What a deployment has on.
    'infra/config',
    'src/catalog',
    'src/cdf',
    'src/cost',
    'src/local',
    'src/recovery',
    'src/report',
    'src/maintenance',
    'src/medallion',
    'src/spark',
    'src/consumer',
    'src/kafka',
    'src/loader',
    'src/merge',
    'src/queue',
    'src/tag',
    'src/aws',
    'src/ingest',
    'src/delta',
    'src/parquet',
    'src/storage',
    'package.json',
  ],
  lambdas: [
    'src/aws',
    'src/catalog',
    'src/cdf',
    'src/consumer',
    'src/group',
    'src/ingest',
    'src/kafka',
    'src/loader',
    'src/maintenance',
    'src/medallion',
    'src/merge',
    'src/parquet',
    'src/queue',
    'src/recovery',
    'src/storage',
    'src/tag',
    'src/webhook',
  ],
  // The configuration is checked before synthesis by what reads it at run-time.
  infra: [
    'src/catalog/config.ts',
    'src/catalog/names.ts',
    'src/cdf/config.ts',
    'src/group/config.ts',
    'src/group/message-group.ts',
    'src/ingest/config.ts',
    'src/ingest/config-reader.ts',
    'src/kafka/config.ts',
    'src/loader/config.ts',
    'src/maintenance/config.ts',
    'src/medallion',
    'src/merge/config.ts',
    'src/tag/config.ts',
    'src/queue/config.ts',
    'src/webhook/config.ts',
    'src/maintenance/reconcile-config.ts',
  ],
  'resaca.config.ts': ['types:infra'],
  scripts: ['src', 'infra/config'],
  bench: ['src', 'lambdas', 'scripts', 'test/support'],
  test: ['src', 'lambdas', 'infra', 'scripts', 'bench', 'package.json'],
};

/** Holds what is forbidden, to look for it. */
const THIS_FILE = 'test/architecture.test.ts';

const files = readSourceFiles();

describe('the architecture', () => {
  it('has a rule for every file', () => {
    const unknown = files.filter(({ path }) => partOf(path) === undefined).map(({ path }) => path);
    assert.deepEqual(unknown, []);
  });

  it('imports in one direction only', () => {
    const wrong = files.flatMap(({ path, imports }) =>
      imports
        .filter((line) => line.isOurs && !isAllowed(path, line.target, line.isType))
        .map(({ target, isType }) => `${path} imports ${isType ? 'type ' : ''}${target}`),
    );
    assert.deepEqual(wrong, []);
  });

  it('has no import cycles', () => {
    assert.deepEqual(findCycles(files), []);
  });

  it('imports the AWS SDK only in src/aws', () => {
    const wrong = files
      .filter(({ path }) => !/^(src\/aws|scripts|test|bench)\//.test(path))
      .filter(({ imports }) => imports.some(({ target }) => target.startsWith('@aws-sdk/')));
    assert.deepEqual(paths(wrong), []);
  });

  it('reads the environment only in src/aws', () => {
    const wrong = files
      .filter(({ path }) => /^(src|lambdas)\//.test(path) && !path.startsWith('src/aws/'))
      .filter(({ text }) => /\bprocess\.env\b|\bimport\s*\{[^}]*\benv\b[^}]*\}\s*from\s*'node:process'/.test(text));
    assert.deepEqual(paths(wrong), []);
  });
});

describe('the source code', () => {
  const forbidden: readonly (readonly [string, RegExp])[] = [
    ['default exports', /^export default\b|\bas default\b/m],
    ['the type any', /\bas any\b|:\s*any\b(?!\w)|<any[,>]/],
    ['open ends', /\b(TODO|FIXME|XXX)\b/],
    ['suppressed type checks', /@ts-(ignore|nocheck|expect-error)/],
    ['tests that are left out', /\b(it|test|describe)\.(only|skip|todo)\b/],
  ];
  for (const [name, pattern] of forbidden) {
    it(`has no ${name}`, () => {
      const wrong = files.filter(({ path, text }) => path !== THIS_FILE && pattern.test(text));
      assert.deepEqual(paths(wrong), []);
    });
  }
});

describe('the checks of the architecture', () => {
  it('see every form of import', () => {
    const text = [
      "import fs, { join } from 'node:fs';",
      "import type { A } from './a.ts';",
      "import {\n  b,\n  type B,\n} from '../delta/b.ts';",
      "export { c } from './c.ts';",
      "export * from './d.ts';",
      "export type { E } from './e.ts';",
      "import './f.ts';",
      "const g = await import('./g.ts');",
      "export const from = 'not an import';",
    ].join('\n');
    assert.deepEqual(
      parseImports('src/storage/x.ts', text).map(({ target, isType }) => `${isType ? 'type ' : ''}${target}`),
      [
        'node:fs',
        'type src/storage/a.ts',
        'src/delta/b.ts',
        'src/storage/c.ts',
        'src/storage/d.ts',
        'type src/storage/e.ts',
        'src/storage/f.ts',
        'src/storage/g.ts',
      ],
    );
  });

  it('tell what is allowed', () => {
    assert.equal(isAllowed('src/delta/a.ts', 'src/delta/b.ts', false), true);
    assert.equal(isAllowed('src/delta/a.ts', 'src/storage/object-store.ts', false), true);
    assert.equal(isAllowed('src/delta/a.ts', 'src/storage/keys.ts', false), false);
    assert.equal(isAllowed('src/delta/a.ts', 'src/parquet/footer.ts', true), false);
    assert.equal(isAllowed('src/aws/a.ts', 'src/ingest/plan.ts', true), true);
    assert.equal(isAllowed('src/aws/a.ts', 'src/ingest/plan.ts', false), false);
    assert.equal(isAllowed('src/cli/a.ts', 'test/support/landing.ts', false), false);
  });

  it('find a cycle', () => {
    const file = (path: string, ...targets: string[]): SourceFile => ({
      path,
      text: '',
      imports: targets.map((target) => ({ target, isOurs: true, isType: false })),
    });
    assert.deepEqual(findCycles([file('a', 'b', 'd'), file('b', 'c'), file('c', 'a'), file('d')]), ['a > b > c > a']);
    assert.deepEqual(findCycles([file('a', 'b', 'c'), file('b', 'c'), file('c')]), []);
  });
});

function isAllowed(path: string, target: string, isType: boolean): boolean {
  const part = partOf(path);
  if (part === undefined) return false;
  const allowed = [part, ...(MAY_IMPORT[part] ?? [])].flatMap((rule) => {
    if (!rule.startsWith('types:')) return [rule];
    return isType ? [rule.slice('types:'.length)] : [];
  });
  return allowed.some((rule) => target === rule || target.startsWith(`${rule}/`));
}

function partOf(path: string): string | undefined {
  return Object.keys(MAY_IMPORT).find((part) => path === part || path.startsWith(`${part}/`));
}

/** Each cycle once, as `a > b > a`. An `import type` is gone at run-time and closes none. */
function findCycles(sources: readonly SourceFile[]): string[] {
  const edges = new Map(
    sources.map(({ path, imports }) => [path, imports.filter((line) => !line.isType).map(({ target }) => target)]),
  );
  const done = new Set<string>();
  const cycles: string[] = [];

  function visit(path: string, trail: readonly string[]): void {
    const start = trail.indexOf(path);
    if (start !== -1) cycles.push([...trail.slice(start), path].join(' > '));
    if (start !== -1 || done.has(path)) return;
    for (const target of edges.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  }

  for (const { path } of sources) visit(path, []);
  return cycles;
}

function paths(sources: readonly SourceFile[]): string[] {
  return sources.map(({ path }) => path);
}
