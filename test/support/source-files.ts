import { globSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';

export const REPOSITORY = join(import.meta.dirname, '../..');

/** One import or re-export, as it stands in a file. */
export interface ImportLine {
  /** What is imported: a path of the repository for a file of ours, or a bare name such as `node:fs`. */
  readonly target: string;
  readonly isOurs: boolean;
  /** Whether nothing of it is left at run-time. */
  readonly isType: boolean;
}

export interface SourceFile {
  /** Relative to the repository, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly ImportLine[];
}

const CODE_FOLDERS = 'src,lambdas,infra,test,bench,scripts';

/** `import … from 'x'`, `export … from 'x'` and `import 'x'` at the start of a line, over several lines if need be. */
const STATIC_IMPORT =
  /^(?:import|export)\s+(?<type>type\s)?(?:[^'"`;]*?\sfrom\s+)?(?<quote>['"])(?<target>[^'"\n]+)\k<quote>/gm;
/** `import('x')`. */
const DYNAMIC_IMPORT = /\bimport\(\s*(['"])([^'"\n]+)\1/g;

/** All TypeScript files of the repository that are ours. */
export function readSourceFiles(): SourceFile[] {
  return globSync(['*.ts', `{${CODE_FOLDERS}}/**/*.ts`], { cwd: REPOSITORY })
    .map((path) => path.replaceAll('\\', '/'))
    .sort()
    .map((path) => {
      const text = readFileSync(join(REPOSITORY, path), 'utf8');
      return { path, text, imports: parseImports(path, text) };
    });
}

/** The imports of a file with this text. */
export function parseImports(path: string, text: string): ImportLine[] {
  const fixed = [...text.matchAll(STATIC_IMPORT)].map(({ groups }) =>
    importLine(path, groups?.target ?? '', groups?.type !== undefined),
  );
  const dynamic = [...text.matchAll(DYNAMIC_IMPORT)].map(([, , target]) => importLine(path, target ?? '', false));
  return [...fixed, ...dynamic];
}

function importLine(path: string, target: string, isType: boolean): ImportLine {
  if (!target.startsWith('.')) return { target, isOurs: false, isType };
  return { target: posix.join(dirname(path), target), isOurs: true, isType };
}
