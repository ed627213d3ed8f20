// Numbers that come from a target, and what they would cost where they were believed: each is refused in words, before memory or disk
// was spent on it.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { compressFrameSync } from 'lz4-napi';
import { describe, expect, test } from 'vitest';
import { formatSegmentKey, formatSnapshotKey } from '../../electron/engine/replica/keys.ts';
import { encodeWhole, readTrailer, type TrailerFields } from '../../electron/engine/replica/object.ts';
import { formatSkippable } from '../../electron/engine/replica/lz4-frame.ts';
import { formatWalHeader, parseWalHeader, startChain, writeFrame } from '../../electron/engine/replica/wal.ts';
import { restoreReplica } from '../../electron/engine/restore/restore.ts';
import { must } from '../../shared/assert.ts';
import type { Generation } from '../../shared/position.ts';
import { newPlace, type Place, writeHistory } from '../support/replica-place.ts';
import { calm, collect, failureOf, noise } from '../support/replica-scratch.ts';

const generation = '0123456789abcdef' as Generation;
const snapshotKey = formatSnapshotKey(generation, 0);
const segmentKey = formatSegmentKey(generation, 0, 0);
const by = { tidemark: '1', sqlite: '3' };

/** What a restore fails with, and how much it ever had on the disk, in files as long as they claim to be. */
async function refusalAt({
  target,
  folder,
  output,
}: Place): Promise<{ readonly error: unknown; readonly bytes: number }> {
  let bytes = 0;
  const look = async () => {
    const names = await readdir(join(folder, 'restored'));
    const sizes = await Promise.all(
      names.map(async (name) => await stat(join(folder, 'restored', name)).catch(() => {})),
    );
    bytes = Math.max(bytes, ...sizes.map((facts) => facts?.size ?? 0));
  };
  const watched = {
    ...target,
    get: async function* (...args: Parameters<typeof target.get>) {
      for await (const chunk of target.get(...args)) {
        yield chunk;
        await look();
      }
    },
  };
  const wish = { kind: 'latest' } as const;
  const error = await failureOf(restoreReplica({ target: watched, wish, outputPath: output, signal: calm }));
  expect(await readdir(join(folder, 'restored'))).toEqual([]);
  return { error, bytes };
}

/** A database's first page as far as a restore looks at it. */
function image(pageSize: number, bytes: number): Buffer {
  const content = Buffer.alloc(bytes);
  content.write('SQLite format 3\0', 0, 'latin1');
  content.writeUInt16BE(pageSize, 16);
  return content;
}

const frame = (content: Buffer): Buffer => compressFrameSync(content, { contentChecksum: true });

describe('a restore refuses', () => {
  test.each([0, 1000, 256, 3])('an image whose page size is %i', async (pageSize) => {
    const place = await newPlace();
    await place.target.put(snapshotKey, frame(image(pageSize, 8192)), { signal: calm });
    const { error } = await refusalAt(place);
    expect(error).toMatchObject({
      code: 'object-damaged',
      details: { key: snapshotKey, reason: `it is not the image of a database: its page size is ${pageSize}` },
    });
  });

  test('an image that holds more than it declares', async () => {
    const place = await newPlace();
    const fields = { pages: 2, pageSize: 4096, at: { time: 1, index: 0, offset: 0 }, by };
    const small = await encodeWhole(image(4096, 8192), fields);
    const trailerAt = Buffer.from(small).indexOf(Buffer.from([0x5d, 0x2a, 0x4d, 0x18]));
    const bomb = Buffer.concat([frame(image(4096, 256 << 20)), small.subarray(trailerAt)]);
    await place.target.put(snapshotKey, bomb, { signal: calm });
    const { error, bytes } = await refusalAt(place);
    expect(error).toMatchObject({
      code: 'object-damaged',
      details: { key: snapshotKey, reason: 'it holds more than 8192 bytes' },
    });
    expect(bytes).toBeLessThan(1 << 20);
  });

  test('a segment that reaches into the next one of a history without trailers', async () => {
    const place = await newPlace();
    using _history = await writeHistory(place, { isForeign: true });
    const key = formatSegmentKey(generation, 2, 0);
    await place.target.put(key, frame(Buffer.alloc(64 << 20)), { signal: calm });
    const { error, bytes } = await refusalAt(place);
    expect(error).toMatchObject({ code: 'object-damaged', details: { key } });
    expect(bytes).toBeLessThan(1 << 20);
  });

  test('a commit that tells of billions of pages', async () => {
    const place = await newPlace();
    const header = formatWalHeader({ pageSize: 4096, sequence: 0, salt1: 1, salt2: 2 });
    const page = new Uint8Array(4096 + 24);
    writeFrame(startChain(must(parseWalHeader(header), 'just made')), page, {
      page: 1,
      commitPages: 2 ** 31,
      data: noise(4096),
    });
    await place.target.put(snapshotKey, frame(image(4096, 8192)), { signal: calm });
    await place.target.put(segmentKey, frame(Buffer.concat([header, page])), { signal: calm });
    const { error, bytes } = await refusalAt(place);
    expect(error).toMatchObject({
      code: 'object-damaged',
      details: { key: segmentKey, reason: 'it tells of a database of 2147483648 pages' },
    });
    expect(bytes).toBeLessThan(1 << 20);
  });
});

describe('a trailer', () => {
  const fields: TrailerFields = { pages: 3, pageSize: 4096, by };
  const told = async (key: string, given: object, bytes = noise(64)) => {
    const object = await encodeWhole(bytes, { ...fields, ...given });
    const reader = {
      async *get(_key: string, { range }: { readonly range?: { readonly start: number } }) {
        yield await Promise.resolve(object.subarray(range?.start ?? 0));
      },
    };
    return await readTrailer(reader, { key, bytes: object.length }, { signal: calm });
  };

  test('that claims to be longer than any is not fetched', async () => {
    const length = 1_400_000_000;
    const footer = Buffer.alloc(8);
    footer.writeUInt32LE(length, 0);
    footer.write('TIDE', 4);
    let asked = 0;
    const reader = {
      async *get(_key: string, { range }: { readonly range?: { readonly start: number } }) {
        asked = Math.max(asked, -(range?.start ?? 0));
        yield await Promise.resolve(Buffer.concat([Buffer.alloc(4088), footer]));
      },
    };
    const error = await failureOf(readTrailer(reader, { key: segmentKey, bytes: length + 4096 }, { signal: calm }));
    expect(error).toMatchObject({ code: 'object-damaged', details: { reason: 'its trailer is longer than any' } });
    expect(asked).toBe(4096);
  });

  test.each([
    ['a page size that is none', segmentKey, { pageSize: 3000 }],
    ['more pages than there can be', segmentKey, { pages: 2 ** 40 }],
    ['a time that no calendar has', segmentKey, { commits: [[64, 9e15]], states: [['0'.repeat(16), 1]] }],
    ['a time before all computers', segmentKey, { commits: [[64, -5]], states: [['0'.repeat(16), 1]] }],
    ['an image of another size', snapshotKey, { at: { time: 1, index: 0, offset: 0 } }],
    ['a transaction behind its end', segmentKey, { commits: [[65, 1]], states: [['0'.repeat(16), 1]] }],
    [
      'transactions in no order',
      segmentKey,
      {
        commits: [
          [64, 1],
          [32, 2],
        ],
        states: [
          ['0'.repeat(16), 1],
          ['0'.repeat(16), 1],
        ],
      },
    ],
    ['states of others', segmentKey, { commits: [[64, 1]], states: [] }],
    ['what no index follows', formatSegmentKey(generation, 5, 0), { follows: { index: 9, offset: 0 } }],
  ])('that tells of %s is not believed', async (_what, key, given) => {
    await expect(told(key, given)).rejects.toMatchObject({ code: 'object-damaged', details: { key } });
  });

  test.each([
    ['a segment', formatSegmentKey(generation, 7, 0), { place: { generation, index: 0, offset: 0 } }, segmentKey],
    ['an image', formatSnapshotKey(generation, 7), { place: { generation, index: 0, offset: 0 } }, snapshotKey],
    [
      'an image that an earlier version wrote',
      formatSnapshotKey(generation, 7),
      { at: { time: 1, index: 0, offset: 0 } },
      snapshotKey,
    ],
    ['an image in the place of a segment', segmentKey, { at: { time: 1, index: 0, offset: 0 } }, snapshotKey],
    ['a segment in the place of an image', snapshotKey, { commits: [[64, 1]] }, segmentKey],
    [
      'one of another generation',
      segmentKey,
      { place: { generation: 'f'.repeat(16), index: 0, offset: 0 } },
      `generations/${'f'.repeat(16)}/wal/00000000_00000000.wal.lz4`,
    ],
  ])('tells that %s is a copy', async (_what, key, given, of) => {
    await expect(told(key, given)).rejects.toMatchObject({ details: { copyOf: of, reason: `it is a copy of ${of}` } });
  });
});

test('a skippable frame of any length is passed over', async () => {
  const place = await newPlace();
  using history = await writeHistory(place);
  const listed = await place.target.list('generations/', { signal: calm });
  const { key } = must(
    listed.find((object) => object.key.includes('/snapshots/')),
    'it has images',
  );
  const whole = await collect(place.target.get(key, { signal: calm }));
  const padded = Buffer.concat([formatSkippable(3, new Uint8Array(32 << 20)), whole]);
  await place.target.put(key, padded, { signal: calm });
  const wish = { kind: 'latest' } as const;
  const { point } = await restoreReplica({ target: place.target, wish, outputPath: place.output, signal: calm });
  expect(point.at).toBe(history.last.at);
});
