// LZ4 frames: our writer and reader against each other, against lz4-napi's own frames, and against the `lz4` program
// where it is installed.
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { compressFrameSync, compressSync, decompressFrameSync } from 'lz4-napi';
import { describe, expect, test } from 'vitest';
import { decodeFrame, encodeFrame, formatSkippable, FrameError } from '../../electron/engine/replica/lz4-frame.ts';
import { hashing } from '../../electron/engine/replica/state-hash.ts';
import { collect, failureOf, inPieces, noise } from '../support/replica-scratch.ts';

const mebi = 1 << 20;
const hasLz4 = spawnSync('lz4', ['--version']).status === 0;

/** Compressible and incompressible stretches, some longer than a block. */
const content = fc
  .array(
    fc.record({
      kind: fc.constantFrom('noise' as const, 'text' as const, 'zeros' as const),
      length: fc.oneof(fc.nat(300), fc.nat(100_000), fc.nat(5 * mebi)),
      seed: fc.integer({ min: 1, max: 1000 }),
    }),
    { maxLength: 4 },
  )
  .map((stretches) =>
    Buffer.concat(
      stretches.map(({ kind, length, seed }) =>
        kind === 'noise' ? noise(length, seed) : Buffer.alloc(length, kind === 'text' ? `row ${seed}, ` : 0),
      ),
    ),
  );
const pieces = fc.array(fc.oneof(fc.nat(7), fc.nat(5000), fc.nat(5 * mebi)), { maxLength: 12 });

describe('encodeFrame', () => {
  test('begins with the header that Litestream v0.3 writes', async () => {
    const frame = await collect(encodeFrame(noise(10)));
    expect(frame.subarray(0, 7).toString('hex')).toBe('04224d186470b9');
  });

  test('round trips any content in any chunking, through ours and through lz4-napi', async () => {
    await fc.assert(
      fc.asyncProperty(content, pieces, pieces, async (bytes, written, read) => {
        const frame = await collect(encodeFrame(inPieces(bytes, written)));
        expect(decompressFrameSync(frame).equals(bytes)).toBe(true);
        expect((await collect(decodeFrame(inPieces(frame, read)))).equals(bytes)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  test('makes the same frame of one array and of a stream', async () => {
    const bytes = Buffer.concat([noise(5 * mebi), Buffer.alloc(3 * mebi)]);
    const whole = await collect(encodeFrame(bytes));
    expect(whole.equals(await collect(encodeFrame(inPieces(bytes, [1, mebi, 4 * mebi]))))).toBe(true);
  });

  test('reads each chunk before it asks for the next one, which may come in the same memory', async () => {
    const bytes = Buffer.concat([noise(3 * mebi), Buffer.alloc(2 * mebi, 'text '), noise(mebi, 2)]);
    async function* reusing() {
      const chunk = new Uint8Array(300_000);
      for (let at = 0; at < bytes.length; at += chunk.length) {
        const part = bytes.subarray(at, at + chunk.length);
        chunk.set(part);
        yield await Promise.resolve(chunk.subarray(0, part.length));
        chunk.fill(0xee);
      }
    }
    expect(decompressFrameSync(await collect(encodeFrame(reusing()))).equals(bytes)).toBe(true);
  });

  test('stores what does not compress, and is hardly longer than it', async () => {
    const bytes = noise(9 * mebi);
    expect((await collect(encodeFrame(bytes))).length).toBe(bytes.length + 7 + 36 * 4 + 8);
  });

  test.skipIf(!hasLz4)('is understood by the lz4 program', async () => {
    const bytes = Buffer.concat([noise(5 * mebi), Buffer.alloc(6 * mebi, 'compresses well ')]);
    const frame = await collect(encodeFrame(bytes));
    const object = Buffer.concat([frame, formatSkippable(13, noise(100))]);
    const { status, stdout } = spawnSync('lz4', ['-dc'], { input: object, maxBuffer: 64 * mebi });
    expect({ status, isSame: stdout.equals(bytes) }).toEqual({ status: 0, isSame: true });
  });
});

describe('decodeFrame', () => {
  test.each([{ blockChecksums: true }, { contentChecksum: true }, { blockChecksums: true, contentChecksum: true }, {}])(
    'reads what lz4-napi frames with %o',
    async (options) => {
      const bytes = Buffer.concat([noise(200_000), Buffer.alloc(300_000, 'abc'), noise(10)]);
      expect((await collect(decodeFrame(inPieces(compressFrameSync(bytes, options))))).equals(bytes)).toBe(true);
    },
  );

  test.skipIf(!hasLz4).each([
    ['-1', '-B4'],
    ['-1', '-B5', '-BX'],
    ['-9', '-B6', '--content-size'],
    ['-1', '-B7', '--no-frame-crc'],
    ['-1', '-BD', '-B4'],
    ['-9', '-BD', '-B5', '-BX', '--content-size'],
  ])('reads what the lz4 program writes with %s %s %s %s', async (...options) => {
    const repeated = noise(40_000);
    const bytes = Buffer.concat([repeated, repeated, noise(3 * mebi, 2), Buffer.alloc(mebi, 'linked '), repeated]);
    const { stdout } = spawnSync('lz4', [...options, '-c'], { input: bytes, maxBuffer: 64 * mebi });
    expect((await collect(decodeFrame(inPieces(stdout, [3, 5, 70_000])))).equals(bytes)).toBe(true);
  });

  test('follows matches into the blocks before, where blocks are linked', async () => {
    const first = noise(65_536);
    const second = Buffer.concat([first.subarray(100, 50_000), Buffer.from('end')]);
    const packed = compressSync(second, Buffer.from(first));
    expect(packed.length).toBeLessThan(1000);
    const frame = Buffer.concat([
      linkedHeader(),
      uint32(first.length + 0x8000_0000),
      first,
      uint32(packed.length - 4),
      packed.subarray(4),
      uint32(0),
    ]);
    expect((await collect(decodeFrame(inPieces(frame)))).equals(Buffer.concat([first, second]))).toBe(true);
  });

  test('passes over skippable frames before and behind, and shows them', async () => {
    const frame = await collect(encodeFrame(noise(1000)));
    const large = new Uint8Array(2 * mebi);
    const object = Buffer.concat([
      formatSkippable(3, noise(9)),
      frame,
      formatSkippable(4, large),
      formatSkippable(13, new Uint8Array(0)),
    ]);
    const seen: [number, number][] = [];
    const onSkippable = (kind: number, payload: Uint8Array) => void seen.push([kind, payload.length]);
    expect((await collect(decodeFrame(inPieces(object, [2, 5, 5]), { onSkippable }))).equals(noise(1000))).toBe(true);
    expect(seen).toEqual([
      [3, 9],
      [13, 0],
    ]);
  });

  test('refuses a frame that is cut off anywhere', async () => {
    const frame = await collect(encodeFrame(Buffer.concat([noise(300), Buffer.alloc(900)])));
    for (let length = 0; length < frame.length; length++) {
      const error = await failureOf(collect(decodeFrame(inPieces(frame.subarray(0, length)))));
      expect(error, `cut to ${length} bytes`).toBeInstanceOf(FrameError);
    }
  });

  test('refuses a frame with any one byte changed', async () => {
    const frame = await collect(encodeFrame(Buffer.concat([noise(40), Buffer.alloc(200)])));
    for (let at = 0; at < frame.length; at++) {
      const changed = Buffer.from(frame);
      changed[at] = (changed[at] ?? 0) ^ 0x41;
      const error = await failureOf(collect(decodeFrame(inPieces(changed))));
      expect(error, `byte ${at} changed`).toBeInstanceOf(FrameError);
    }
  });

  test('refuses bytes that follow the frame', async () => {
    const object = Buffer.concat([await collect(encodeFrame(noise(10))), Buffer.from('more bytes')]);
    const error = await failureOf(collect(decodeFrame(inPieces(object))));
    expect(error).toMatchObject({ message: 'something foreign follows its data' });
  });

  test('closes its source when the reader stops early', async () => {
    let isClosed = false;
    async function* source() {
      try {
        yield* encodeFrame(noise(9 * mebi));
      } finally {
        isClosed = true;
      }
    }
    for await (const block of decodeFrame(source())) {
      expect(block.length).toBeLessThan(9 * mebi);
      break;
    }
    expect(isClosed).toBe(true);
  });
});

/** A frame header with linked blocks of up to 64 KiB and no checksums. */
function linkedHeader(): Buffer {
  const descriptor = Buffer.from([0x40, 0x40]);
  return Buffer.concat([uint32(0x184d2204), descriptor, Buffer.from([(hashing.h32Raw(descriptor) >>> 8) & 0xff])]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
