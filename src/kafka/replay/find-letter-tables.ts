import { LOG_DIR } from '../../delta/log-path.ts';
import type { ObjectStore } from '../../storage/object-store.ts';
import type { KafkaConfig } from '../config.ts';
import { DEAD_LETTERS } from '../dead-letters.ts';
import { parseTemplate, type TemplatePart } from '../transform/template.ts';

/**
 * The roots of the tables of dead letters that there are for the rules of a configuration, in order. Where the name of a
 * table depends on the record, the folders of the bucket are gone through: one LIST for each folder on that level.
 */
export async function findLetterTables(store: ObjectStore, config: Pick<KafkaConfig, 'topics'>): Promise<string[]> {
  const found = new Set<string>();
  for (const { table } of config.topics) {
    for await (const root of expand(store, '', parseTemplate(table + DEAD_LETTERS))) found.add(root);
  }
  return [...found].sort();
}

/** The tables below `prefix` whose path fits the segments. */
async function* expand(store: ObjectStore, prefix: string, segments: readonly Segment[]): AsyncGenerator<string> {
  const [segment, ...rest] = segments;
  if (segment === undefined) {
    const root = prefix.slice(0, -1);
    for await (const _ of store.list(`${prefix}${LOG_DIR}/`)) {
      yield root;
      return;
    }
    return;
  }
  const name = segment.map((part) => (part.kind === 'text' ? part.text : '')).join('');
  if (segment.every(({ kind }) => kind === 'text')) {
    yield* expand(store, `${prefix}${name}/`, rest);
    return;
  }
  const pattern = patternOf(segment);
  for await (const folder of folders(store, prefix)) {
    if (pattern.test(folder)) yield* expand(store, `${prefix}${folder}/`, rest);
  }
}

type Segment = readonly TemplatePart[];

/** What a segment can become: its expressions may give any name. */
function patternOf(segment: Segment): RegExp {
  const source = segment.map((part) =>
    part.kind === 'text' ? part.text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&') : '.+',
  );
  return new RegExp(`^${source.join('')}$`, 's');
}

/** The names of the folders on one level, without going through what is in them. */
async function* folders(store: ObjectStore, prefix: string): AsyncGenerator<string> {
  let startAfter: string | undefined;
  for (;;) {
    let key: string | undefined;
    for await (const object of store.list(prefix, startAfter === undefined ? {} : { startAfter })) {
      key = object.key;
      break;
    }
    if (key === undefined) return;
    const [name = '', ...below] = key.slice(prefix.length).split('/');
    if (below.length === 0) {
      startAfter = key;
      continue;
    }
    yield name;
    // The character behind the slash: no key of the folder is greater.
    startAfter = `${prefix}${name}0`;
  }
}
