import type { ConfigReader } from '../ingest/config-reader.ts';
import type { QualityCheck, QualityRule, StepSource } from './rule.ts';

const SETTINGS: Readonly<Record<QualityCheck['kind'], readonly string[]>> = {
  'not-null': ['column'],
  range: ['column', 'min', 'max'],
  accepted: ['column', 'values'],
  unique: ['columns'],
  references: ['columns', 'lookup', 'lookupColumns'],
  condition: ['sql'],
};
const KINDS = Object.keys(SETTINGS) as QualityCheck['kind'][];
/** Names are values of metrics and of a column. */
const NAME = /^[^\s\p{C}][^\p{C}]{0,99}$/u;

/** Reads the rules of a step. Each name is there once. */
export function readQuality(reader: ConfigReader, lookups: readonly StepSource[]): QualityRule[] {
  const names = new Set<string>();
  return reader.children('quality').map((rule) => {
    const kind = readKind(rule);
    rule.onlyKnows(['check', 'name', 'action', ...SETTINGS[kind]]);
    const check = readCheck(rule, kind, lookups);
    const name = rule.matching('name', NAME, '1-100 characters', defaultName(check));
    if (names.has(name)) rule.problem('name', `"${name}" is there twice; give each rule of a step a name of its own`);
    names.add(name);
    return { name, check, action: rule.choice('action', ['warn', 'quarantine', 'fail'], 'warn') };
  });
}

function readKind(rule: ConfigReader): QualityCheck['kind'] {
  if (!rule.has('check')) rule.problem('check', `is required: ${KINDS.join(', ')}`);
  return rule.choice('check', KINDS, 'not-null');
}

function readCheck(rule: ConfigReader, kind: QualityCheck['kind'], lookups: readonly StepSource[]): QualityCheck {
  switch (kind) {
    case 'not-null':
      return { kind, column: required(rule, 'column') };
    case 'range': {
      const [min, max] = [readBound(rule, 'min'), readBound(rule, 'max')];
      if (min === undefined && max === undefined) rule.problem('min', 'expected it, or max, or both');
      return {
        kind,
        column: required(rule, 'column'),
        ...(min !== undefined && { min }),
        ...(max !== undefined && { max }),
      };
    }
    case 'accepted':
      return { kind, column: required(rule, 'column'), values: someTexts(rule, 'values') };
    case 'unique':
      return { kind, columns: someTexts(rule, 'columns') };
    case 'references':
      return readReferences(rule, lookups);
    case 'condition':
      return { kind, sql: required(rule, 'sql') };
  }
}

function readReferences(rule: ConfigReader, lookups: readonly StepSource[]): QualityCheck {
  const columns = someTexts(rule, 'columns');
  const lookup = required(rule, 'lookup');
  const lookupColumns = rule.has('lookupColumns') ? rule.texts('lookupColumns') : columns;
  if (lookup !== '' && !lookups.some(({ name }) => name === lookup)) {
    const known = lookups.map(({ name }) => name).join(', ') || 'none';
    rule.problem('lookup', `expected one of the step's lookups (${known}), got "${lookup}"`);
  }
  if (lookupColumns.length !== columns.length) {
    rule.problem('lookupColumns', `expected as many as columns, ${columns.length}, got ${lookupColumns.length}`);
  }
  return { kind: 'references', columns, lookup, lookupColumns };
}

/** A number as the literal it is in SQL, or SQL. */
function readBound(rule: ConfigReader, name: 'min' | 'max'): string | undefined {
  const { [name]: value } = rule.pick([name]);
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : rule.optionalText(name);
}

function required(rule: ConfigReader, name: string): string {
  if (!rule.has(name)) rule.problem(name, 'is required');
  const text = rule.optionalText(name) ?? '';
  if (text.trim() === '' && rule.isText(name)) rule.problem(name, 'is empty');
  return text;
}

function someTexts(rule: ConfigReader, name: string): readonly string[] {
  const texts = rule.texts(name);
  if (texts.length === 0) rule.problem(name, 'expected at least one');
  return texts;
}

function defaultName(check: QualityCheck): string {
  if (check.kind === 'condition') return `condition ${check.sql}`.replace(/\s+/g, ' ').slice(0, 100);
  const columns = 'column' in check ? [check.column] : check.columns;
  return `${check.kind}_${columns.join('_')}`.slice(0, 100);
}
