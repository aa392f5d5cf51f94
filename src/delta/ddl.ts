import { DeltaError } from './errors.ts';
import { type DataType, decimalType, type PrimitiveType, type StructField, type StructType } from './schema.ts';

/** Types in each other that a text may have. */
const MAX_DEPTH = 64;

/**
 * Parses a type as Spark SQL writes it (https://spark.apache.org/docs/latest/sql-ref-datatypes.html, "SQL name"), such as
 * `array<struct<id: bigint, name: string not null>>`. Case does not matter. The colon behind a field's name may be left
 * out; names with anything but letters, digits and underscores are in backquotes, of which two stand for one. Everything
 * is nullable but fields with `not null`; a field's `comment 'text'` goes into its metadata. Throws DeltaError
 * `INVALID_SCHEMA`, which says what was expected at which character, from 1.
 */
export function parseType(text: string): DataType {
  const parser = new Parser(text);
  const type = parser.type(0);
  parser.expectEnd();
  return type;
}

const PRIMITIVES: ReadonlyMap<string, PrimitiveType> = new Map<string, PrimitiveType>([
  ['string', 'string'],
  ['bigint', 'long'],
  ['long', 'long'],
  ['int', 'integer'],
  ['integer', 'integer'],
  ['smallint', 'short'],
  ['short', 'short'],
  ['tinyint', 'byte'],
  ['byte', 'byte'],
  ['double', 'double'],
  ['float', 'float'],
  ['real', 'float'],
  ['boolean', 'boolean'],
  ['binary', 'binary'],
  ['date', 'date'],
  ['timestamp', 'timestamp'],
  ['timestamp_ltz', 'timestamp'],
  ['timestamp_ntz', 'timestamp_ntz'],
]);

const DECIMALS: ReadonlySet<string> = new Set(['decimal', 'dec', 'numeric']);

/** What Spark means by a decimal without precision. */
const DEFAULT_PRECISION = 10;

const TYPE_NAMES = [...PRIMITIVES.keys(), 'decimal(p,s)', 'array<...>', 'map<..., ...>', 'struct<...>'].join(', ');

interface Token {
  readonly kind: 'word' | 'quoted name' | 'text' | 'sign' | 'end';
  /** As written. */
  readonly source: string;
  /** Characters before it. */
  readonly start: number;
}

/** White space, then a word, a name in backquotes, a text in either quotes, or any other character. */
const TOKEN = /\s*(?:([\p{L}\p{N}_]+)|(`(?:[^`]|``)*`)|('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|([^\s]))/suy;

class Parser {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = tokensOf(text);
  }

  type(depth: number): DataType {
    if (depth === MAX_DEPTH) throw this.#unexpected(`at most ${MAX_DEPTH} types in each other`);
    const name = this.#peekWord();
    const primitive = PRIMITIVES.get(name);
    if (primitive !== undefined) {
      this.#next++;
      return primitive;
    }
    if (DECIMALS.has(name)) return this.#decimal();
    switch (name) {
      case 'array':
        return this.#array(depth);
      case 'map':
        return this.#map(depth);
      case 'struct':
        return this.#struct(depth);
      default:
        throw this.#unexpected(`a type: ${TYPE_NAMES}`);
    }
  }

  expectEnd(): void {
    if (this.#peek().kind !== 'end') throw this.#unexpected('the end');
  }

  #decimal(): DataType {
    const start = this.#next++;
    if (!this.#take('(')) return decimalType(DEFAULT_PRECISION, 0);
    const precision = this.#number('a precision');
    const scale = this.#take(',') ? this.#number('a scale') : 0;
    this.#expect(')');
    try {
      return decimalType(precision, scale);
    } catch (error) {
      if (!(error instanceof DeltaError)) throw error;
      throw this.#invalid(`${error.message}; it is`, this.#tokens[start]);
    }
  }

  #array(depth: number): DataType {
    this.#next++;
    this.#expect('<');
    const elementType = this.type(depth + 1);
    this.#expect('>');
    return { type: 'array', elementType, containsNull: true };
  }

  #map(depth: number): DataType {
    this.#next++;
    this.#expect('<');
    const keyType = this.type(depth + 1);
    this.#expect(',');
    const valueType = this.type(depth + 1);
    this.#expect('>');
    return { type: 'map', keyType, valueType, valueContainsNull: true };
  }

  #struct(depth: number): StructType {
    this.#next++;
    this.#expect('<');
    const fields: StructField[] = [];
    const names = new Set<string>();
    do {
      const token = this.#peek();
      const field = this.#field(depth);
      if (names.has(field.name.toLowerCase())) {
        throw this.#invalid('expected a name that the struct does not have yet, in any case, instead of', token);
      }
      names.add(field.name.toLowerCase());
      fields.push(field);
    } while (this.#take(','));
    this.#expect('>', "',' or '>'");
    return { type: 'struct', fields };
  }

  #field(depth: number): StructField {
    const name = this.#fieldName();
    this.#take(':');
    const type = this.type(depth + 1);
    const nullable = !this.#takeWord('not');
    if (!nullable && !this.#takeWord('null')) throw this.#unexpected("'null' behind 'not'");
    return { name, type, nullable, metadata: this.#takeWord('comment') ? { comment: this.#comment() } : {} };
  }

  #fieldName(): string {
    const { kind, source } = this.#peek();
    const name = kind === 'quoted name' ? source.slice(1, -1).replaceAll('``', '`') : source;
    if ((kind !== 'word' && kind !== 'quoted name') || name === '') throw this.#unexpected('the name of a field');
    this.#next++;
    return name;
  }

  #comment(): string {
    const { kind, source } = this.#peek();
    if (kind !== 'text') throw this.#unexpected('a comment in quotes');
    this.#next++;
    return source.slice(1, -1).replace(/\\(.)/gsu, '$1');
  }

  #number(what: string): number {
    const { source } = this.#peek();
    if (!/^[0-9]{1,3}$/.test(source)) throw this.#unexpected(`${what}, a whole number`);
    this.#next++;
    return Number(source);
  }

  #peek(): Token {
    return this.#tokens[this.#next] ?? { kind: 'end', source: '', start: this.#text.length };
  }

  /** The next word in lower case; empty if it is none. */
  #peekWord(): string {
    const { kind, source } = this.#peek();
    return kind === 'word' ? source.toLowerCase() : '';
  }

  #takeWord(word: string): boolean {
    const found = this.#peekWord() === word;
    if (found) this.#next++;
    return found;
  }

  #take(sign: string): boolean {
    const { kind, source } = this.#peek();
    const found = kind === 'sign' && source === sign;
    if (found) this.#next++;
    return found;
  }

  #expect(sign: string, expected = `'${sign}'`): void {
    if (!this.#take(sign)) throw this.#unexpected(expected);
  }

  #unexpected(expected: string): DeltaError {
    return this.#invalid(`expected ${expected}, got`, this.#peek());
  }

  #invalid(reason: string, token: Token = this.#peek()): DeltaError {
    const got = token.kind === 'end' ? 'the end' : quote(token.source);
    return new DeltaError(
      'INVALID_SCHEMA',
      `The type ${quote(this.#text)} is none: ${reason} ${got} at character ${token.start + 1}`,
      { text: this.#text, position: token.start },
    );
  }
}

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(text); match !== null; match = TOKEN.exec(text)) {
    const [matched, word, name, comment, sign] = match;
    const source = word ?? name ?? comment ?? sign ?? '';
    const kind =
      word !== undefined ? 'word' : name !== undefined ? 'quoted name' : comment !== undefined ? 'text' : 'sign';
    tokens.push({ kind, source, start: match.index + matched.length - source.length });
  }
  return tokens;
}

/** Characters of a text that a message quotes. */
const MAX_QUOTED = 100;

function quote(text: string): string {
  return text.length <= MAX_QUOTED ? JSON.stringify(text) : `${JSON.stringify(text.slice(0, MAX_QUOTED))}...`;
}
