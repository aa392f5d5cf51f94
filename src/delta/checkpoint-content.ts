import type { LogAction } from './action-parser.ts';
import type { Protocol, Sidecar } from './actions.ts';
import type {
  ActionFile,
  CheckpointReader,
  ControlActions,
  FileAction,
  LoggedPaths,
  ReadFilesOptions,
} from './checkpoint.ts';
import { type ParseOptions, parseActions } from './commit-file.ts';
import { DeltaError } from './errors.ts';
import { supportsFeature } from './features.ts';
import { LOG_DIR, logKey, SIDECAR_DIR } from './log-path.ts';
import type { CheckpointFiles } from './log-segment.ts';
import { canonicalPath } from './path.ts';
import { type TableRef, tableKey } from './table.ts';

/** The few actions of a checkpoint of any kind, without touching its file rows. */
export async function readControl(
  table: TableRef,
  checkpoint: CheckpointFiles,
  reader: CheckpointReader,
): Promise<ControlActions> {
  if (checkpoint.kind === 'v2Json') return (await readJson(table, checkpoint, { controlOnly: true })).control;
  return joinParts(await Promise.all(checkpoint.files.map((file) => reader.readControl(table, file))));
}

/** A checkpoint to read file actions from. */
export interface CheckpointSource {
  readonly table: TableRef;
  readonly checkpoint: CheckpointFiles;
  /** Of the table; tells whether there can be sidecars. */
  readonly protocol: Protocol;
}

/** Streams the file actions of a checkpoint, those in its sidecars included, in bounded memory. */
export async function* readFiles(
  source: CheckpointSource,
  reader: CheckpointReader,
  options: ReadFilesOptions = {},
): AsyncGenerator<readonly FileAction[]> {
  const { inline, parquet } = await locateFileActions(source, reader);
  if (inline.length > 0) yield options.removes ? inline : inline.filter((action) => 'add' in action);
  for (const file of parquet) yield* reader.readFiles(source.table, file, options);
}

/** The file actions whose logged path is wanted. */
export async function findFiles(
  source: CheckpointSource,
  reader: CheckpointReader,
  paths: LoggedPaths,
  options: ReadFilesOptions = {},
): Promise<readonly FileAction[]> {
  const { inline, parquet } = await locateFileActions(source, reader);
  const found = inline.filter((action) => paths.has('add' in action ? action.add.path : action.remove.path));
  for (const file of parquet) found.push(...(await reader.findFiles(source.table, file, paths, options)));
  return options.removes ? found : found.filter((action) => 'add' in action);
}

/** Where a checkpoint has its file actions: in JSON that is read with this call, and in Parquet files. */
async function locateFileActions(
  { table, checkpoint, protocol }: CheckpointSource,
  reader: CheckpointReader,
): Promise<{ readonly inline: FileAction[]; readonly parquet: readonly ActionFile[] }> {
  if (checkpoint.kind === 'v2Json') {
    const { control, files } = await readJson(table, checkpoint);
    return { inline: files, parquet: control.sidecars.map((sidecar) => sidecarFile(table, sidecar)) };
  }
  // Under that feature also a checkpoint with a classic name may be of the V2 spec (PROTOCOL.md "Classic checkpoint").
  if (!supportsFeature(protocol, 'v2Checkpoint')) return { inline: [], parquet: checkpoint.files };
  const { sidecars } = await readControl(table, checkpoint, reader);
  const parquet = [...checkpoint.files, ...sidecars.map((sidecar) => sidecarFile(table, sidecar))];
  return { inline: [], parquet };
}

async function readJson(
  table: TableRef,
  checkpoint: CheckpointFiles,
  options: ParseOptions = {},
): Promise<{ readonly control: ControlActions; readonly files: FileAction[] }> {
  const files: FileAction[] = [];
  const others: LogAction[] = [];
  for (const { key } of checkpoint.files) {
    const { body } = await table.store.get(key);
    for (const action of parseActions(body, { table, version: checkpoint.version, key }, options)) {
      if ('add' in action || 'remove' in action) files.push(action);
      else others.push(action);
    }
  }
  return { control: toControl(others), files };
}

function toControl(actions: readonly LogAction[]): ControlActions {
  const protocol = actions.findLast((action) => 'protocol' in action)?.protocol;
  const metadata = actions.findLast((action) => 'metaData' in action)?.metaData;
  return {
    ...(protocol === undefined ? {} : { protocol }),
    ...(metadata === undefined ? {} : { metadata }),
    txns: actions.filter((action) => 'txn' in action).map(({ txn }) => txn),
    domains: actions.filter((action) => 'domainMetadata' in action).map(({ domainMetadata }) => domainMetadata),
    sidecars: actions.filter((action) => 'sidecar' in action).map(({ sidecar }) => sidecar),
  };
}

/** Of a multi-part checkpoint any part may hold any action. */
function joinParts(parts: readonly ControlActions[]): ControlActions {
  return Object.assign({}, ...parts, {
    txns: parts.flatMap(({ txns }) => txns),
    domains: parts.flatMap(({ domains }) => domains),
    sidecars: parts.flatMap(({ sidecars }) => sidecars),
  });
}

/** The path of a sidecar is a name in the sidecar folder, or a URI of a file there (PROTOCOL.md "Sidecar File Information"). */
export function sidecarFile(table: TableRef, { path, sizeInBytes: size }: Sidecar): ActionFile {
  const located = canonicalPath(table, path);
  if (!located.includes('/')) return { key: logKey(table, `${SIDECAR_DIR}/${located}`), size };
  if (located.startsWith(`${LOG_DIR}/${SIDECAR_DIR}/`)) return { key: tableKey(table, located), size };
  throw new DeltaError('CORRUPT_LOG', `The sidecar "${path}" is not in the ${SIDECAR_DIR} folder of ${table.url}`, {
    table: table.url,
    path,
  });
}
