import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { type DecompressOptions, decompress } from '../../../src/kafka/decode/compression.ts';
import { PayloadError, type PayloadErrorCode } from '../../../src/kafka/decode/payload-error.ts';

const TEXT = Buffer.from('{"a":1,"b":"hello hello hello hello"}');
/** As many bytes as zlib gives at a time: a frame that ends there is not seen to end. */
const CHUNK = 16_384;
const MIB = 2 ** 20;
/** Data for others (RFC 8878, 3.1.2): 3 bytes to be skipped. */
const SKIPPABLE = Buffer.from('502a4d18030000000a0b0c', 'hex');

function unpack(payload: Uint8Array, compression: DecompressOptions['compression'], maxBytes = MIB): Buffer {
  return Buffer.from(decompress(payload, { compression, maxBytes }));
}

function assertRefused(run: () => unknown, code: PayloadErrorCode): void {
  assert.throws(run, (error) => {
    assert.ok(error instanceof PayloadError, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  });
}

/** A zstd frame of 5 bytes as they are, which says that it needs a window of 2^log bytes, or has so many bytes. */
function zstdFrame({ windowLog, contentSize }: { windowLog?: number; contentSize?: bigint }): Buffer {
  const window = windowLog === undefined ? [] : [(windowLog - 10) << 3];
  const size = Buffer.alloc(contentSize === undefined ? 0 : 8);
  if (contentSize !== undefined) size.writeBigUInt64LE(contentSize);
  const descriptor = (contentSize === undefined ? 0 : 0xc0) | (windowLog === undefined ? 0x20 : 0);
  const lastRawBlock = [1 | (5 << 3), 0, 0];
  return Buffer.from([
    0x28,
    0xb5,
    0x2f,
    0xfd,
    descriptor,
    ...window,
    ...size,
    ...lastRawBlock,
    ...Buffer.from('hello'),
  ]);
}

const PACK = { gzip: (bytes: Uint8Array) => gzipSync(bytes), zstd: (bytes: Uint8Array) => zstdCompressSync(bytes) };

for (const compression of ['gzip', 'zstd'] as const) {
  const pack = PACK[compression];

  describe(`decompressing ${compression}`, () => {
    it('gives what was packed, in one part or several', () => {
      const part = fc.oneof(
        fc.uint8Array({ maxLength: 300 }),
        fc.constantFrom(CHUNK - 1, CHUNK, CHUNK + 1, 4 * CHUNK).map((size) => new Uint8Array(size).fill(7)),
        fc.constantFrom(CHUNK, 4 * CHUNK).map((size) => Uint8Array.from({ length: size }, (_, i) => (i * i) >>> 5)),
      );
      fc.assert(
        fc.property(
          fc.array(part, { minLength: 1, maxLength: 4 }),
          fc.constantFrom(compression, 'auto' as const),
          (parts, as) => {
            assert.deepEqual(unpack(Buffer.concat(parts.map(pack)), as), Buffer.concat(parts));
          },
        ),
      );
    });

    it('refuses what is cut off anywhere', () => {
      const packed = Buffer.concat([pack(TEXT), pack(TEXT)]);
      const boundary = pack(TEXT).length;
      for (let length = 0; length < packed.length; length++) {
        if (length === boundary) assert.deepEqual(unpack(packed.subarray(0, length), compression), TEXT);
        else assertRefused(() => unpack(packed.subarray(0, length), compression), 'INVALID_COMPRESSION');
      }
    });

    it('refuses anything behind it', () => {
      for (const content of [TEXT, Buffer.alloc(CHUNK)]) {
        for (const rest of ['garbage', 'x', '\u001f', '(', ' '.repeat(100)]) {
          const packed = Buffer.concat([pack(content), Buffer.from(rest, 'latin1')]);
          assertRefused(() => unpack(packed, compression), 'INVALID_COMPRESSION');
        }
      }
    });

    it('refuses another format', () => {
      for (const payload of [TEXT, Buffer.alloc(0), PACK[compression === 'gzip' ? 'zstd' : 'gzip'](TEXT)]) {
        assertRefused(() => unpack(payload, compression), 'INVALID_COMPRESSION');
      }
    });

    it('takes as many bytes as are allowed, and no more, in all parts together', () => {
      const two = Buffer.concat([pack(TEXT), pack(TEXT)]);
      const limit = Math.max(2 * TEXT.length, two.length);
      const content = Buffer.alloc(limit + 1);
      const half = Buffer.concat([pack(content.subarray(1)), pack(content.subarray(0, 1))]);
      assert.deepEqual(unpack(two, compression, limit), Buffer.concat([TEXT, TEXT]));
      assert.equal(unpack(pack(content.subarray(1)), compression, limit).length, limit);
      assertRefused(() => unpack(pack(content), compression, limit), 'TOO_LARGE');
      assertRefused(() => unpack(half, compression, limit), 'TOO_LARGE');
    });

    it('spends no memory on a bomb', () => {
      const bomb = pack(Buffer.alloc(192 * MIB));
      const before = process.resourceUsage().maxRSS;
      assertRefused(() => unpack(bomb, compression), 'TOO_LARGE');
      const grownMiB = (process.resourceUsage().maxRSS - before) / 1024;
      assert.ok(grownMiB < 48, `${grownMiB} MiB`);
    });

    it('ends damaged payloads as errors of the payload', () => {
      const packed = pack(TEXT);
      fc.assert(
        fc.property(fc.nat({ max: packed.length - 1 }), fc.integer({ min: 1, max: 255 }), (position, flip) => {
          const damaged = Buffer.from(packed);
          damaged[position] = (damaged[position] ?? 0) ^ flip;
          try {
            unpack(damaged, compression);
          } catch (error) {
            assert.ok(error instanceof PayloadError, String(error));
          }
        }),
      );
    });
  });
}

describe('decompressing zstd', () => {
  it('leaves out frames with data for others', () => {
    const frame = zstdCompressSync(TEXT);
    assert.deepEqual(unpack(Buffer.concat([SKIPPABLE, frame, SKIPPABLE, frame]), 'zstd'), Buffer.concat([TEXT, TEXT]));
    assertRefused(() => unpack(Buffer.concat([frame, SKIPPABLE.subarray(0, -1)]), 'zstd'), 'INVALID_COMPRESSION');
  });

  it('takes what encoders write that do not know the size, with windows of 8 MiB', () => {
    assert.deepEqual(unpack(zstdFrame({ windowLog: 23 }), 'zstd', 100), Buffer.from('hello'));
  });

  it('takes a larger window where as many bytes are allowed', () => {
    assert.deepEqual(unpack(zstdFrame({ windowLog: 26 }), 'zstd', 2 ** 26), Buffer.from('hello'));
    assertRefused(() => unpack(zstdFrame({ windowLog: 28 }), 'zstd', 2 ** 30), 'TOO_LARGE');
  });

  it('refuses windows and sizes that no payload needs, before it has memory for them', () => {
    const before = process.resourceUsage().maxRSS;
    for (const windowLog of [24, 27, 31, 41]) {
      assertRefused(() => unpack(zstdFrame({ windowLog }), 'zstd'), 'TOO_LARGE');
    }
    for (const contentSize of [2n ** 30n, 2n ** 62n]) {
      assertRefused(() => unpack(zstdFrame({ contentSize }), 'zstd'), 'TOO_LARGE');
    }
    assertRefused(() => unpack(zstdFrame({ windowLog: 20, contentSize: 2n ** 40n }), 'zstd'), 'INVALID_COMPRESSION');
    const grownMiB = (process.resourceUsage().maxRSS - before) / 1024;
    assert.ok(grownMiB < 16, `${grownMiB} MiB`);
  });

  it('refuses frames without number', () => {
    const empty = zstdCompressSync(Buffer.alloc(0));
    assert.equal(unpack(Buffer.concat(Array(1_000).fill(empty)), 'zstd').length, 0);
    assertRefused(() => unpack(Buffer.concat(Array(1_001).fill(empty)), 'zstd'), 'INVALID_COMPRESSION');
  });

  it('holds the checksum against the content', () => {
    const packed = zstdCompressSync(TEXT, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
    packed[packed.length - 1] = (packed.at(-1) ?? 0) ^ 1;
    assertRefused(() => unpack(packed, 'zstd'), 'INVALID_COMPRESSION');
  });
});

describe('decompressing gzip', () => {
  it('takes zeros that fill up the end, but nothing behind them', () => {
    const packed = Buffer.concat([gzipSync(TEXT), Buffer.alloc(20)]);
    assert.deepEqual(unpack(packed, 'gzip'), TEXT);
    assertRefused(() => unpack(Buffer.concat([packed, gzipSync(TEXT)]), 'gzip'), 'INVALID_COMPRESSION');
  });
});

describe('decompressing what may be packed', () => {
  it('leaves anything else as it is', () => {
    for (const payload of [TEXT, Buffer.alloc(0), Buffer.from([0x1f]), Buffer.from([0x28, 0xb5, 0x2f])]) {
      for (const compression of ['auto', 'none'] as const) {
        assert.equal(decompress(payload, { compression, maxBytes: MIB }), payload);
      }
    }
  });

  it('does not look at payloads that are not to be unpacked', () => {
    const packed = gzipSync(TEXT);
    assert.equal(decompress(packed, { compression: 'none', maxBytes: MIB }), packed);
  });

  it('refuses payloads that are too large as they come', () => {
    for (const compression of ['none', 'gzip', 'zstd', 'auto'] as const) {
      assertRefused(() => unpack(gzipSync(TEXT), compression, 10), 'TOO_LARGE');
    }
  });
});
