// The spool: what a crash leaves of it is found again up to the last whole transaction, byte for byte.
import fs from 'node:fs';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ContinuityUnproven } from '../../electron/engine/capture/options.ts';
import { Spool } from '../../electron/engine/spool/spool.ts';
import { WalReader } from '../../electron/engine/source/wal-reader.ts';
import type { AppError } from '../../shared/errors.ts';
import {
  digest,
  encodeAnew,
  endOf,
  type GoldenWal,
  makeWal,
  readFrames,
  Recorder,
  withByteFlipped,
} from '../support/golden-wal.ts';
import { tempFolder, type TempFolder } from '../support/temp.ts';

const golden = makeWal();
const large = makeWal({ pageSize: 65_536, transactions: 3, rowPages: 20 });

let folder: TempFolder;
beforeEach(() => {
  folder = tempFolder();
});
afterEach(() => folder[Symbol.dispose]());

const nameOf = (index: number) => `${index.toString(16).padStart(8, '0')}.wal`;
const put = (index: number, bytes: Uint8Array) => fs.writeFileSync(folder.at(nameOf(index)), bytes);
const files = () => fs.readdirSync(folder.path).sort();

/** Where the last whole transaction within the first `length` bytes ends; 0 without one. */
function committedEnd({ bytes, pageSize }: GoldenWal, length = bytes.length): number {
  const ends = readFrames({ bytes: bytes.subarray(0, length), pageSize }).filter(({ commitPages }) => commitPages > 0);
  return ends.at(-1)?.endOffset ?? 0;
}

interface Found {
  readonly index: number;
  readonly offset: number;
  readonly frames: number | undefined;
  readonly left: string;
}

async function recover(): Promise<Found | undefined> {
  const recovered = await Spool.recover(folder.path);
  if (recovered === undefined) return undefined;
  using spool = recovered.spool;
  const file = folder.at(nameOf(spool.index));
  return {
    index: spool.index,
    offset: spool.offset,
    frames: recovered.end?.frames,
    left: fs.existsSync(file) ? digest(fs.readFileSync(file)) : 'none',
  };
}

function expected(index: number, wal: GoldenWal, length = wal.bytes.length): Found {
  const end = committedEnd(wal, length);
  if (end === 0) return { index: index - 1, offset: 0, frames: undefined, left: 'none' };
  const frames = (end - 32) / (24 + wal.pageSize);
  return { index, offset: end, frames, left: digest(wal.bytes.subarray(0, end)) };
}

describe('recovering', () => {
  test('finds the longest prefix of whole transactions wherever the newest file was cut', async () => {
    const borders = [0, 1, 31, 32, 33].concat(
      readFrames(golden).flatMap(({ endOffset }) => [endOffset - 1, endOffset, endOffset + 1]),
    );
    for (const cut of borders.filter((at) => at <= golden.bytes.length)) {
      put(7, golden.bytes.subarray(0, cut));
      expect({ cut, ...(await recover()) }).toEqual({ cut, ...expected(7, golden, cut) });
    }
    await fc.assert(
      fc.asyncProperty(fc.nat(golden.bytes.length), async (cut) => {
        put(7, golden.bytes.subarray(0, cut));
        expect(await recover()).toEqual(expected(7, golden, cut));
      }),
      { numRuns: 300 },
    );
  });

  test('the same where transactions are longer than a piece of reading', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(large.bytes.length), async (cut) => {
        put(0, large.bytes.subarray(0, cut));
        expect(await recover()).toEqual(expected(0, large, cut));
      }),
      { numRuns: 25 },
    );
  });

  test('cuts what a crash left half-written: a damaged byte ends it before its transaction', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 32, max: golden.bytes.length - 1 }), async (at) => {
        put(3, withByteFlipped(golden.bytes, at));
        const frame = Math.floor((at - 32) / (24 + golden.pageSize));
        expect(await recover()).toEqual(expected(3, golden, endOf(frame, golden.pageSize)));
      }),
      { numRuns: 100 },
    );
  });

  test('cuts frames of a transaction that never ended', async () => {
    const lastCommit = readFrames(golden).findLastIndex(
      ({ commitPages }, i, list) => commitPages > 0 && list[i - 1]?.commitPages === 0,
    );
    const cut = endOf(lastCommit, golden.pageSize);
    put(1, golden.bytes.subarray(0, cut));
    expect(committedEnd(golden, cut)).toBeLessThan(cut);
    expect(await recover()).toEqual(expected(1, golden, cut));
    // Once more: what was cut stays cut.
    expect(await recover()).toEqual(expected(1, golden, cut));
  });

  test('gives up everything behind a file that is missing in the middle', async () => {
    for (const index of [2, 3, 5, 6]) put(index, golden.bytes);
    expect(await recover()).toEqual(expected(3, golden));
    expect(files()).toEqual([nameOf(2), nameOf(3)]);
  });

  test.each<[string, readonly number[], from: number, readonly number[]]>([
    ['one that was to be composed', [7, 8], 6, []],
    ['one that was to be composed behind others', [4, 5, 7], 6, [4, 5]],
    ['none', [6, 7], 6, [6, 7]],
    ['none: nothing was captured since', [4, 5], 6, [4, 5]],
  ])('gives up everything behind the first that is missing where it goes on: %s', async (_what, there, from, left) => {
    for (const index of there) put(index, golden.bytes);
    const recovered = await Spool.recover(folder.path, { from: { index: from, offset: 0 } });
    recovered?.spool[Symbol.dispose]();
    expect(files()).toEqual(left.map(nameOf));
    expect(recovered?.spool.index).toBe(left.at(-1));
  });

  test('goes back to the index before when the newest holds no transaction', async () => {
    put(4, golden.bytes);
    put(5, encodeAnew(golden, { salt1: 1 }).subarray(0, 32));
    expect(await recover()).toEqual({ ...expected(4, golden), frames: undefined });
    expect(files()).toEqual([nameOf(4)]);
  });

  test('finds nothing in a folder without a spool, and removes what was not finished', async () => {
    expect(await Spool.recover(folder.at('nowhere'))).toBe(undefined);
    fs.writeFileSync(folder.at('hashes'), 'x');
    fs.writeFileSync(folder.at(`${nameOf(1)}.tmp`), golden.bytes);
    fs.writeFileSync(folder.at('image-0123.tmp'), golden.bytes);
    expect(await recover()).toBe(undefined);
    expect(files()).toEqual(['hashes']);
  });

  test('reading goes on exactly there, into the same file', async () => {
    const { bytes, pageSize } = golden;
    fs.writeFileSync(folder.at('shop.db-wal'), bytes);
    const all = readFrames(golden);
    const commits = all.filter(({ commitPages }) => commitPages > 0);
    for (const commit of [commits[0], commits[2], commits.at(-2)]) {
      put(9, bytes.subarray(0, (commit?.endOffset ?? 0) + 200));
      const recovered = await Spool.recover(folder.path);
      if (recovered?.end === undefined) throw new Error('a transaction is whole');
      using spool = recovered.spool;
      using reader = new WalReader(folder.at('shop.db'), recovered.end);
      const recorder = new Recorder();
      const isWhole = await reader.drain(() => all.length, {
        begin: () => expect.unreachable('the WAL is the same'),
        append: (more, offset) => spool.append(more, offset),
        frame: (frame) => recorder.frame(frame),
      });
      expect({ isWhole, told: recorder.told().frames }).toEqual({
        isWhole: true,
        told: all.slice(recovered.end.frames),
      });
      expect(digest(fs.readFileSync(spool.pathOf(9)))).toBe(digest(bytes));
      expect(spool.offset).toBe(endOf(all.length, pageSize));
    }
  });
});

describe('a spool', () => {
  function filled(): Spool {
    const spool = Spool.create(folder.at('spool'), 5);
    for (const wal of [golden, { ...golden, bytes: encodeAnew(golden, { salt2: 9 }) }]) {
      spool.begin(wal.bytes.subarray(0, 32));
      spool.append(wal.bytes.subarray(32, 1000), 32);
      spool.append(wal.bytes.subarray(1000), 1000);
    }
    return spool;
  }

  test('holds nothing at first, and its first WAL becomes the index that was asked for', () => {
    using spool = Spool.create(folder.at('spool'), 5);
    expect([spool.index, spool.offset, spool.totalBytes, spool.files()]).toEqual([4, 0, 0, []]);
    spool.begin(golden.bytes.subarray(0, 32));
    expect([spool.index, spool.offset, spool.totalBytes]).toEqual([5, 32, 32]);
  });

  test('keeps each WAL byte for byte, and gives any range of it', () => {
    using spool = filled();
    const { length } = golden.bytes;
    expect(spool.files()).toEqual([
      { index: 5, bytes: length },
      { index: 6, bytes: length },
    ]);
    expect(digest(fs.readFileSync(spool.pathOf(5)))).toBe(digest(golden.bytes));
    for (const [from, to] of [
      [0, length],
      [32, 568],
      [length, length],
    ] as const) {
      expect(digest(Buffer.concat(Array.from(spool.read(5, { from, to }), (chunk) => Buffer.from(chunk))))).toBe(
        digest(golden.bytes.subarray(from, to)),
      );
    }
    expect(() => [...spool.read(5, { from: 0, to: length + 1 })]).toThrow('ends at');
  });

  test('visits frames of a range, each with where its page lies', async () => {
    using spool = filled();
    const seen: unknown[] = [];
    const [, , first, , last] = readFrames(golden);
    const range = { from: (first?.endOffset ?? 0) - golden.pageSize - 24, to: last?.endOffset ?? 0 };
    await spool.visitFrames(5, range, ({ page, data, dataOffset, commitPages, endOffset }) => {
      expect(digest(golden.bytes.subarray(dataOffset, dataOffset + golden.pageSize))).toBe(digest(data));
      seen.push({ page, commitPages, endOffset, content: digest(data) });
    });
    expect(seen).toEqual(readFrames(golden).slice(2, 5));
  });

  test('removes what is below an index, and leaves one free for an index of its own', async () => {
    using spool = filled();
    spool.removeBelow(6);
    expect([spool.files().map(({ index }) => index), spool.sizeOf(5)]).toEqual([[6], undefined]);
    const index = spool.reserve();
    async function* pieces() {
      yield golden.bytes.subarray(0, 100);
      yield await Promise.resolve(golden.bytes.subarray(100));
    }
    const size = await spool.writeIndex(index, pieces(), async (whole) => {
      expect([whole, fs.existsSync(spool.pathOf(7))]).toEqual([golden.bytes.length, false]);
      await Promise.resolve();
    });
    expect([index, size, spool.sizeOf(7)]).toEqual([7, golden.bytes.length, golden.bytes.length]);
    spool.begin(golden.bytes.subarray(0, 32));
    expect([spool.index, fs.readdirSync(spool.folder).sort()]).toEqual([8, [6, 7, 8].map(nameOf)]);
  });

  test('leaves to others what they fail with while an index of its own is written', async () => {
    using spool = filled();
    const index = spool.reserve();
    const failure = Object.assign(new Error('the database cannot be read'), { code: 'EIO', syscall: 'read' });
    async function* pieces() {
      yield golden.bytes.subarray(0, 100);
      await Promise.reject(failure);
    }
    await expect(spool.writeIndex(index, pieces())).rejects.toBe(failure);
    async function* whole() {
      yield await Promise.resolve(golden.bytes);
    }
    const unproven = new ContinuityUnproven();
    const onWhole = async () => await Promise.reject(unproven);
    await expect(spool.writeIndex(index, whole(), onWhole)).rejects.toBe(unproven);
    expect(fs.existsSync(`${spool.pathOf(index)}.tmp`)).toBe(false);
    fs.rmSync(spool.folder, { recursive: true });
    await expect(spool.writeIndex(index, whole())).rejects.toMatchObject({ code: 'data-folder-unusable' });
    fs.mkdirSync(spool.folder);
  });

  test('keeps the indices of the WAL that is written, and tells them from those of another', () => {
    using spool = filled();
    for (const isRolled of [true, true]) {
      spool.begin(golden.bytes.subarray(0, 32), isRolled);
      spool.append(golden.bytes.subarray(32), 32);
    }
    const indices = (list: readonly { readonly index: number }[]) => list.map(({ index }) => index);
    expect([5, 6, 7, 8, 9].map((index) => indices(spool.filesOfWal(index)))).toEqual([[5], [6], [6, 7], [6, 7, 8], []]);
    spool.removeBelow(8);
    expect(indices(spool.files())).toEqual([6, 7, 8]);
    spool.begin(golden.bytes.subarray(0, 32));
    spool.removeBelow(8);
    expect(indices(spool.files())).toEqual([8, 9]);
  });

  test('keeps what is held, and what lies behind it, until the last one lets go', () => {
    using spool = filled();
    spool.begin(golden.bytes.subarray(0, 32));
    const indices = () => spool.files().map(({ index }) => index);
    const holds = [spool.hold(6), spool.hold(6), spool.hold(7)] as const;
    spool.removeBelow(7);
    expect(indices()).toEqual([6, 7]);
    holds[0][Symbol.dispose]();
    holds[0][Symbol.dispose]();
    spool.removeBelow(7);
    expect(indices()).toEqual([6, 7]);
    holds[1][Symbol.dispose]();
    spool.removeBelow(7);
    expect(indices()).toEqual([7]);
  });

  test('gives the checksum of a frame as the mark of a place', () => {
    using spool = filled();
    const ends = readFrames(golden).map(({ endOffset }) => endOffset);
    for (const offset of ends) {
      const mark = golden.bytes.readBigUInt64BE(offset - golden.pageSize - 24 + 16);
      expect(spool.markAt({ index: 5, offset })).toBe(mark);
      expect(spool.markAt({ index: 6, offset })).not.toBe(mark);
      expect(spool.markAt({ index: 5, offset: offset + 1 })).toBe(undefined);
    }
    const past = endOf(ends.length + 1, golden.pageSize);
    expect([32, past].map((offset) => spool.markAt({ index: 5, offset }))).toEqual([undefined, undefined]);
    expect([spool.markAt({ index: 5, offset: 0 }), spool.markAt({ index: 9, offset: 600 })]).toEqual([0n, undefined]);
  });

  test('stays where it was when its folder is gone', () => {
    using spool = filled();
    fs.rmSync(spool.folder, { recursive: true });
    const before = [spool.index, spool.offset];
    expect(() => spool.begin(golden.bytes.subarray(0, 32))).toThrow(
      expect.objectContaining({ code: 'data-folder-unusable' } satisfies Partial<AppError>),
    );
    expect([spool.index, spool.offset]).toEqual(before);
  });

  test('disposes twice without harm, and opens its file again to go on', () => {
    const spool = filled();
    spool[Symbol.dispose]();
    spool[Symbol.dispose]();
    spool.append(new Uint8Array([1, 2, 3]), golden.bytes.length);
    expect(fs.statSync(spool.pathOf(6)).size).toBe(golden.bytes.length + 3);
    spool[Symbol.dispose]();
  });

  test.skipIf(!fs.existsSync('/dev/full'))('says so when the disk is full, and what was there stays good', () => {
    using spool = filled();
    fs.symlinkSync('/dev/full', spool.pathOf(7));
    const full: unknown = expect.objectContaining({ code: 'spool-full' } satisfies Partial<AppError>);
    expect(() => spool.begin(golden.bytes.subarray(0, 32))).toThrow(full);
    expect([spool.index, spool.offset, fs.existsSync(spool.pathOf(7))]).toEqual([6, golden.bytes.length, false]);
    spool.begin(golden.bytes.subarray(0, 32));
    expect([spool.index, spool.offset]).toEqual([7, 32]);
  });
});
