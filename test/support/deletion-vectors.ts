import type { DeletionVector } from '../../src/delta/actions.ts';

/** A deletion vector in the log: rows of one container of a 64-bit Roaring bitmap (PROTOCOL.md "Deletion Vector Format"). */
export function vectorOf(...rows: readonly number[]): DeletionVector {
  const data = Buffer.alloc(4 + 8 + 4 + 4 + 4 + 4 + 4 + 2 * rows.length);
  data.writeUInt32LE(1681511377, 0);
  data.writeBigUInt64LE(1n, 4);
  data.writeUInt32LE(0, 12);
  data.writeUInt32LE(12346, 16);
  data.writeUInt32LE(1, 20);
  data.writeUInt16LE(0, 24);
  data.writeUInt16LE(rows.length - 1, 26);
  data.writeUInt32LE(16, 28);
  for (const [index, row] of rows.entries()) data.writeUInt16LE(row, 32 + 2 * index);
  return { storageType: 'i', pathOrInlineDv: z85(data), sizeInBytes: data.length, cardinality: rows.length };
}

const Z85 = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';

function z85(data: Buffer): string {
  const padded = Buffer.concat([data, Buffer.alloc((4 - (data.length % 4)) % 4)]);
  let text = '';
  for (let at = 0; at < padded.length; at += 4) {
    let value = padded.readUInt32BE(at);
    let group = '';
    for (let digit = 0; digit < 5; digit++, value = Math.floor(value / 85)) group = Z85[value % 85] + group;
    text += group;
  }
  return text;
}
