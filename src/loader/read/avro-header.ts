import { LoadError } from '../load-error.ts';
import type { ByteQueue } from '../source/byte-queue.ts';

/** What an Avro file begins with. */
export interface AvroHeader {
  /** The schema of its rows, as JSON. */
  readonly schema: string;
  readonly codec: string;
  /** Stands behind every block. */
  readonly sync: Buffer;
}

const MAGIC = Buffer.from('Obj\u0001', 'latin1');
export const SYNC_BYTES = 16;
/** Bytes of all metadata at most. */
const MAX_METADATA = 16 * 1024 * 1024;

export async function readAvroHeader(queue: ByteQueue): Promise<AvroHeader> {
  if ((await queue.atEnd()) || !(await queue.read(MAGIC.length)).equals(MAGIC)) {
    throw new LoadError('INVALID_FILE', 'it does not begin as an Avro object container file');
  }
  const metadata = new Map<string, Buffer>();
  for (let items = await blockItems(queue); items > 0; items = await blockItems(queue)) {
    for (let item = 0; item < items; item++) {
      const name = (await readBytes(queue)).toString();
      metadata.set(name, Buffer.from(await readBytes(queue)));
      if (queue.position > MAX_METADATA) {
        throw new LoadError('TOO_LARGE', `its header has more than ${MAX_METADATA} bytes`);
      }
    }
  }
  const schema = metadata.get('avro.schema');
  if (schema === undefined) throw new LoadError('INVALID_FILE', 'its header has no schema');
  const codec = metadata.get('avro.codec')?.toString() ?? 'null';
  return { schema: schema.toString(), codec, sync: Buffer.from(await queue.read(SYNC_BYTES)) };
}

/** A negative number of items is followed by their bytes (specification, "Maps"). */
async function blockItems(queue: ByteQueue): Promise<number> {
  const items = await readLong(queue);
  if (items < 0) await readLong(queue);
  return Math.abs(items);
}

async function readBytes(queue: ByteQueue): Promise<Buffer> {
  const length = await readLong(queue);
  if (length < 0 || length > MAX_METADATA) {
    throw new LoadError('INVALID_FILE', `its header has a text of ${length} bytes before byte ${queue.position}`);
  }
  return queue.read(length);
}

/** A `long` that counts something: no more than 2^53. */
export async function readLong(queue: ByteQueue): Promise<number> {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = (await queue.read(1))[0] ?? 0;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) {
      const number = Number((value >> 1n) ^ -(value & 1n));
      if (Number.isSafeInteger(number)) return number;
      break;
    }
  }
  throw new LoadError('INVALID_FILE', `there is no number of 53 bits before byte ${queue.position}`);
}
