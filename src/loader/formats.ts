export type FileFormat = 'json-lines' | 'csv' | 'avro' | 'parquet';

/** Endings of the formats, without those of a compression. */
const ENDINGS: Readonly<Record<FileFormat, readonly string[]>> = {
  'json-lines': ['.jsonl', '.ndjson', '.json'],
  csv: ['.csv', '.tsv'],
  avro: ['.avro'],
  parquet: ['.parquet'],
};

/** Endings of compressed files. What a file is, its first bytes say. */
const PACKED = ['.gz', '.zst'];

export const FILE_FORMATS = Object.keys(ENDINGS) as readonly FileFormat[];

/** The format that the ending of a key stands for; undefined for others. */
export function formatOfKey(key: string): FileFormat | undefined {
  const folded = key.toLowerCase();
  const packed = PACKED.find((ending) => folded.endsWith(ending)) ?? '';
  const bare = folded.slice(0, folded.length - packed.length);
  return FILE_FORMATS.find((format) => ENDINGS[format].some((ending) => bare.endsWith(ending)));
}

/** Endings of keys that are announced for a format, or for all; Avro and Parquet are compressed inside. */
export function endingsOf(format: FileFormat | undefined): readonly string[] {
  // A Parquet file lands in its table, unless a rule says so.
  const formats = format === undefined ? (['json-lines', 'csv', 'avro'] as const) : [format];
  return formats.flatMap((one) =>
    ENDINGS[one].flatMap((ending) => [
      ending,
      ...(one === 'csv' || one === 'json-lines' ? PACKED.map((packed) => ending + packed) : []),
    ]),
  );
}

/** The delimiter that the ending of a CSV file stands for. */
export function delimiterOfKey(key: string): string {
  return /\.tsv(\.gz|\.zst)?$/i.test(key) ? '\t' : ',';
}
