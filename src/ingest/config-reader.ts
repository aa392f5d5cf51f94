/** Every mistake found in a configuration, by its path in it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'INVALID_CONFIG';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      `the configuration has ${problems.length} problem${problems.length === 1 ? '' : 's'}:\n- ${problems.join('\n- ')}`,
    );
    this.problems = problems;
  }
}

/** Reads the fields of one plain object, collecting what is wrong with them under the object's path. */
export class ConfigReader {
  private readonly fields: Readonly<Record<string, unknown>>;
  private readonly path: string;
  private readonly problems: string[];

  constructor(value: unknown, path: string, problems: string[]) {
    this.path = path;
    this.problems = problems;
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    this.fields = isObject ? (value as Record<string, unknown>) : {};
    if (!isObject && value !== undefined) this.problem('', `expected an object, got ${describe(value)}`);
  }

  problem(name: string, text: string): void {
    const at = [this.path, name].filter((part) => part !== '').join('.');
    this.problems.push(`${at === '' ? 'the configuration' : at}: ${text}`);
  }

  has(name: string): boolean {
    return this.fields[name] !== undefined;
  }

  /** Of the fields that there are. */
  names(): readonly string[] {
    return Object.keys(this.fields).filter((name) => this.has(name));
  }

  isText(name: string): boolean {
    return typeof this.fields[name] === 'string';
  }

  /** Whether something that could be an object is turned off. */
  isFalse(name: string): boolean {
    return this.fields[name] === false;
  }

  onlyKnows(names: readonly string[]): void {
    for (const name of Object.keys(this.fields)) {
      if (!names.includes(name)) this.problem(name, `is not a setting; known here: ${names.join(', ')}`);
    }
  }

  /** The fields of these names that there are, as they are. */
  pick(names: readonly string[]): Readonly<Record<string, unknown>> {
    return Object.fromEntries(names.filter((name) => this.has(name)).map((name) => [name, this.fields[name]]));
  }

  /** Another object, whose problems are those of this place. */
  replace(value: object): ConfigReader {
    return new ConfigReader(value, this.path, this.problems);
  }

  /** `ofText`: the object that a text in its place stands for. */
  child(name: string, ofText?: (text: string) => object): ConfigReader {
    return new ConfigReader(expand(this.fields[name], ofText), this.at(name), this.problems);
  }

  /** `ofText`: the object that a text in the list stands for. */
  children(name: string, ofText?: (text: string) => object): ConfigReader[] {
    const value = this.fields[name] ?? [];
    if (!Array.isArray(value)) {
      this.problem(name, `expected a list, got ${describe(value)}`);
      return [];
    }
    return value.map(
      (item, index) => new ConfigReader(expand(item, ofText) ?? null, `${this.at(name)}[${index}]`, this.problems),
    );
  }

  choice<T extends string>(name: string, choices: readonly T[], fallback: T): T {
    const value = this.fields[name] ?? fallback;
    const found = choices.find((choice) => choice === value);
    if (found === undefined) this.problem(name, `expected ${choices.join(' or ')}, got ${describe(value)}`);
    return found ?? fallback;
  }

  /** Text of a form, which `expected` describes. */
  matching(name: string, form: RegExp, expected: string, fallback: string): string {
    const value = this.fields[name];
    if (value === undefined) return fallback;
    if (typeof value === 'string' && form.test(value)) return value;
    this.problem(name, `expected ${expected}, got ${describe(value)}`);
    return fallback;
  }

  boolean(name: string, fallback: boolean): boolean {
    const value = this.fields[name] ?? fallback;
    if (typeof value !== 'boolean') this.problem(name, `expected true or false, got ${describe(value)}`);
    return value === true;
  }

  integer(name: string, min: number, max: number, fallback: number): number {
    const value = this.fields[name] ?? fallback;
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
    this.problem(name, `expected a whole number from ${min} to ${max}, got ${describe(value)}`);
    return fallback;
  }

  optionalText(name: string): string | undefined {
    const value = this.fields[name];
    if (value === undefined || typeof value === 'string') return value;
    this.problem(name, `expected text, got ${describe(value)}`);
    return undefined;
  }

  texts(name: string): readonly string[] {
    const value = this.fields[name] ?? [];
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
    this.problem(name, `expected a list of texts, got ${describe(value)}`);
    return [];
  }

  strings(name: string): Readonly<Record<string, string>> {
    const value = this.fields[name] ?? {};
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (isObject && Object.values(value).every((item) => typeof item === 'string'))
      return value as Record<string, string>;
    this.problem(name, `expected an object whose values are texts, got ${describe(value)}`);
    return {};
  }

  private at(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }
}

function expand(value: unknown, ofText?: (text: string) => object): unknown {
  return typeof value === 'string' && ofText !== undefined ? ofText(value) : value;
}

function describe(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 80);
}
