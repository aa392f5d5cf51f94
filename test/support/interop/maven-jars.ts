import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { UnavailableError } from '../unavailable.ts';

const run = promisify(execFile);

const CACHE = join(import.meta.dirname, '../../../.cache/maven');
const COPY_GOAL = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';

/** Versions of Java that Spark 4.1 runs on ("Spark Overview"). */
const JAVA_VERSIONS = [17, 21];

/**
 * The folder with the jars that a `pom.xml` lists. It is made under `.cache/` of the repository on first use and found
 * there from then on, as long as the pom stays the same. May be called by many processes at once.
 * Throws `UnavailableError` without Java, Maven or Maven Central.
 */
export async function mavenJars(pom: string): Promise<string> {
  await checkJava();
  const hash = createHash('sha256').update(readFileSync(pom)).digest('hex');
  const folder = join(CACHE, hash.slice(0, 12));
  if (existsSync(folder)) return folder;
  mkdirSync(CACHE, { recursive: true });
  const unfinished = mkdtempSync(`${folder}-`);
  try {
    const options = ['-q', '-B', '-f', pom, COPY_GOAL, '-DincludeScope=runtime', `-DoutputDirectory=${unfinished}`];
    await run('mvn', options);
    if (!existsSync(folder)) renameSync(unfinished, folder);
  } catch (error) {
    if (isMissing(error)) throw new UnavailableError('Maven is not installed');
    if (existsSync(folder)) return folder;
    throw new UnavailableError(`Maven could not get the jars: ${error instanceof Error ? error.message : error}`);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return folder;
}

async function checkJava(): Promise<void> {
  let output: string;
  try {
    // Java prints its version to standard error.
    output = (await run('java', ['-version'])).stderr;
  } catch (error) {
    if (isMissing(error)) throw new UnavailableError('Java is not installed');
    throw error;
  }
  const version = Number(/version "(\d+)/.exec(output)?.[1]);
  if (!JAVA_VERSIONS.includes(version)) {
    throw new UnavailableError(`Java is of version ${version}; Spark needs ${JAVA_VERSIONS.join(' or ')}`);
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
