import { ConfigError, ConfigReader } from '../../ingest/config-reader.ts';
import { DEFAULT_LIMITS, type LoadLimits, type LoadSettings, readLoadSettings } from '../../loader/config.ts';
import { FILE_FORMATS, type FileFormat } from '../../loader/formats.ts';
import { type ParsedArgs, UsageError } from '../args.ts';

export interface LoadOptions {
  readonly table: string;
  readonly format: FileFormat | undefined;
  readonly settings: LoadSettings;
  readonly limits: LoadLimits;
}

/** The settings of the command line, read as those of a rule are. Throws UsageError. */
export function readOptions(args: ParsedArgs): LoadOptions {
  const table = args.value('table');
  if (table === undefined) throw new UsageError('--table is required');
  const format = args.value('format');
  const known = FILE_FORMATS.find((one) => one === format);
  if (format !== undefined && known === undefined) {
    throw new UsageError(`--format expects ${FILE_FORMATS.join(', ')}, got "${format}"`);
  }
  const header = args.value('header');
  const input = {
    columns: Object.fromEntries(args.values('column').map((text) => pair('column', text))),
    partitionBy: args.values('partition').map((text) => {
      const [name, type] = pair('partition', text);
      return { name, type };
    }),
    schemaPolicy: args.value('schema-policy'),
    ...rejectLimit(args.value('max-rejected')),
    csv: {
      delimiter: args.value('delimiter'),
      encoding: args.value('encoding'),
      ...(header !== undefined && { header: false, columns: header.split(',') }),
      ...(args.values('null').length > 0 && { nullTexts: args.values('null') }),
      inferTypes: args.flag('infer-types'),
    },
  };
  return { table, format: known, settings: checked(input), limits: DEFAULT_LIMITS };
}

function pair(option: string, text: string): [string, string] {
  const [, name, type] = /^([^:]+):(.+)$/s.exec(text) ?? [];
  if (name === undefined || type === undefined) {
    throw new UsageError(`--${option} expects NAME:TYPE, such as ds:date, got "${text}"`);
  }
  return [name, type];
}

function rejectLimit(text: string | undefined): object {
  if (text === undefined) return {};
  const [, number, sign] = /^(\d{1,9})(%?)$/.exec(text) ?? [];
  if (number === undefined)
    throw new UsageError(`--max-rejected expects a number or a share such as 5%, got "${text}"`);
  return sign === '%' ? { maxRejectedPercent: Number(number) } : { maxRejected: Number(number) };
}

function checked(input: object): LoadSettings {
  const problems: string[] = [];
  const settings = readLoadSettings(new ConfigReader(input, '', problems));
  if (problems.length > 0) throw new UsageError(new ConfigError(problems).problems.join('; '));
  return settings;
}
