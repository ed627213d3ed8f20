// Objects and their trailers: what goes in comes out, other readers see the same content, and no changed byte goes unseen.
import { compressFrameSync, decompressFrameSync } from 'lz4-napi';
import { describe, expect, test } from 'vitest';
import {
  encodeWhole,
  encodeObject,
  type ObjectReader,
  openObject,
  readTrailer,
  type TrailerFields,
} from '../../electron/engine/replica/object.ts';
import { formatHash, hashBytes } from '../../electron/engine/replica/state-hash.ts';
import { calm, collect, failureOf, inPieces, noise } from '../support/replica-scratch.ts';

const key = 'generations/0123456789abcdef/wal/00000000_00000000.wal.lz4';

const fields: TrailerFields = {
  state: { kind: 'xxh64-page-xor', hash: '0123456789abcdef' },
  pages: 3,
  pageSize: 4096,
  commits: [
    [32, 1_700_000_000_000],
    [64, 1_700_000_000_500],
  ],
  states: [
    ['00000000000000aa', 2],
    ['0123456789abcdef', 3],
  ],
  origin: { kind: 'wal' },
  by: { tidemark: '0.1.0', sqlite: '3.54.1' },
};

/** Enough entries for a trailer that one short read does not hold. */
const manyFields: TrailerFields = {
  ...fields,
  commits: Array.from({ length: 1000 }, (_, i) => [32 + i * 4120, 1_700_000_000_000 + i]),
  states: Array.from({ length: 1000 }, (_, i) => [formatHash(BigInt(i)), i]),
};

/** A target with one object. */
function reader(bytes: Uint8Array, pieces: readonly number[] = []): ObjectReader {
  return {
    get: (_key, { range }) => inPieces(bytes.subarray(range?.start ?? 0), range === undefined ? pieces : []),
  };
}

const read = (bytes: Uint8Array) => readTrailer(reader(bytes), { key, bytes: bytes.length }, { signal: calm });
const open = (bytes: Uint8Array, pieces?: readonly number[]) =>
  collect(openObject(reader(bytes, pieces), key, { storedBytes: bytes.length, signal: calm }));

describe('a segment', () => {
  test.each([
    ['small', noise(100), fields],
    ['large, with many commits', Buffer.concat([noise(5_000_000), Buffer.alloc(5_000_000)]), manyFields],
    ['empty', new Uint8Array(0), { ...fields, commits: [], states: [] }],
  ])('%s: gives back its bytes and its trailer, with size and hash', async (_name, bytes, given) => {
    const object = await encodeWhole(bytes, given);
    const trailer = await read(object);
    expect(trailer).toEqual({ v: 1, size: bytes.length, hash: formatHash(hashBytes(bytes)), ...given });
    expect(
      (
        await collect(openObject(reader(object, [1, 5000]), key, { trailer, storedBytes: object.length, signal: calm }))
      ).equals(bytes),
    ).toBe(true);
  });

  test('is the same object from one array or from several', async () => {
    const bytes = noise(10_000);
    const parts = [bytes.subarray(0, 32), bytes.subarray(32, 4152), bytes.subarray(4152)];
    expect(await encodeWhole(parts, fields)).toEqual(await encodeWhole(bytes, fields));
  });

  test.each([0, 4152, 16 << 10, (16 << 10) + 1, 600_000])(
    'is the same at once as streamed: %i bytes',
    async (length) => {
      const bytes = Buffer.concat([noise(Math.ceil(length / 2)), Buffer.alloc(Math.floor(length / 2), 'page')]);
      const streamed = await collect(encodeObject(inPieces(bytes, [1, 5000, 70_000]), () => fields));
      expect(Buffer.from(await encodeWhole(bytes, fields)).equals(streamed)).toBe(true);
    },
  );

  test('is one frame to other readers, who see nothing of the trailer', async () => {
    const bytes = Buffer.concat([noise(1000), Buffer.alloc(50_000, 'page')]);
    expect(decompressFrameSync(Buffer.from(await encodeWhole(bytes, fields))).equals(bytes)).toBe(true);
  });
});

describe('a snapshot', () => {
  test('streams through with what was known only at its end', async () => {
    const image = Buffer.concat([noise(9_000_000), Buffer.alloc(998_336)]);
    let seen = 0;
    async function* counted() {
      for await (const chunk of inPieces(image, [10, 4096, 3_000_000])) {
        seen += chunk.length;
        yield chunk;
      }
    }
    const at = { time: 1_700_000_000_000, index: 3, offset: 8272 };
    const object = await collect(encodeObject(counted(), () => ({ ...fields, pages: seen / 4096, at })));
    const snapshot = { key: 'generations/0123456789abcdef/snapshots/00000003.snapshot.lz4', bytes: object.length };
    const trailer = await readTrailer(reader(object), snapshot, { signal: calm });
    expect(trailer).toMatchObject({ size: image.length, pages: image.length / 4096, at });
    expect((await open(object, [7])).equals(image)).toBe(true);
  });
});

describe('a foreign object', () => {
  test('has no trailer, and opens all the same', async () => {
    const object = compressFrameSync(Buffer.from(noise(10_000)), { contentChecksum: true });
    expect(await read(object)).toBeUndefined();
    expect(await open(object)).toEqual(Buffer.from(noise(10_000)));
  });
});

describe('a damaged object', () => {
  test('is refused whichever byte was changed, and named', async () => {
    const object = await encodeWhole(noise(300), fields);
    for (let at = 0; at < object.length; at++) {
      const error = await failureOf(open(changeByte(object, at)));
      expect(error, `byte ${at} of ${object.length}`).toMatchObject({ code: 'object-damaged', details: { key } });
    }
  });

  test('never gives other content, also where LZ4 itself leaves a bit without meaning', async () => {
    const bytes = Buffer.concat([noise(64), noise(64), Buffer.alloc(100)]);
    const object = await encodeWhole(bytes, fields);
    let refused = 0;
    for (let at = 0; at < object.length; at++) {
      try {
        expect((await open(changeByte(object, at))).equals(bytes), `byte ${at}`).toBe(true);
      } catch (error) {
        expect(error, `byte ${at}`).toMatchObject({ code: 'object-damaged', details: { key } });
        refused++;
      }
    }
    expect(refused).toBeGreaterThanOrEqual(object.length - 5);
  });

  test('is refused by its trailer alone, where the change lies there', async () => {
    const object = await encodeWhole(noise(64), manyFields);
    const start = 7 + 4 + 64 + 8;
    for (let at = start; at < object.length; at += 97) {
      expect(await failureOf(read(changeByte(object, at))), `byte ${at}`).toMatchObject({
        code: 'object-damaged',
        details: { key },
      });
    }
  });

  test('is refused when it was cut short anywhere, even just before its trailer', async () => {
    const bytes = noise(64);
    const object = await encodeWhole(bytes, fields);
    const trailer = await read(object);
    for (let length = 0; length < object.length; length++) {
      const cut = reader(object.subarray(0, length));
      const error = await failureOf(
        collect(openObject(cut, key, { trailer, storedBytes: object.length, signal: calm })),
      );
      expect(error, `cut to ${length}`).toMatchObject({ code: 'object-damaged', details: { key } });
    }
  });

  test('is refused when it is sound in itself, but not what was recorded', async () => {
    const trailer = await read(await encodeWhole(noise(64), fields));
    const otherHash = await encodeWhole(noise(64, 2), fields);
    const otherSize = await encodeWhole(noise(63), fields);
    for (const [object, reason] of [
      [otherHash, 'its content does not match its hash'],
      [otherSize, 'it holds 63 bytes, not 64'],
    ] as const) {
      expect(
        await failureOf(
          collect(openObject(reader(object), key, { trailer, storedBytes: object.length, signal: calm })),
        ),
      ).toMatchObject({
        code: 'object-damaged',
        details: { key, reason },
      });
    }
  });

  test('lets errors of the target through as they are', async () => {
    const broken = new Error('the cable was pulled');
    const failing: ObjectReader = {
      get: async function* () {
        yield await Promise.resolve(new Uint8Array([4, 0x22]));
        throw broken;
      },
    };
    expect(await failureOf(collect(openObject(failing, key, { storedBytes: 10, signal: calm })))).toBe(broken);
  });
});

function changeByte(bytes: Uint8Array, at: number): Uint8Array {
  const changed = Uint8Array.from(bytes);
  changed[at] = (changed[at] ?? 0) ^ 0x01;
  return changed;
}
