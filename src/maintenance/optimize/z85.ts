/** Digits of Base85 as ZeroMQ has it (RFC 32/Z85), by their value. */
const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#';

const VALUES: ReadonlyMap<string, number> = new Map(Array.from(DIGITS, (digit, value) => [digit, value]));

/** Decodes Z85: five digits are four bytes, big-endian. Undefined for what is none. */
export function decodeZ85(text: string): Buffer | undefined {
  if (text.length % 5 !== 0) return undefined;
  const bytes = Buffer.alloc((text.length / 5) * 4);
  for (let block = 0; block < text.length / 5; block++) {
    let word = 0;
    for (const digit of text.slice(5 * block, 5 * block + 5)) {
      const value = VALUES.get(digit);
      if (value === undefined) return undefined;
      word = word * DIGITS.length + value;
    }
    if (word >= 2 ** 32) return undefined;
    bytes.writeUInt32BE(word, 4 * block);
  }
  return bytes;
}
