// Golden WALs, named by their fault: what a reader takes of each, and how it goes on.
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type FrameSink, WalReader } from '../../electron/engine/source/wal-reader.ts';
import {
  countRows,
  digest,
  encodeAnew,
  endOf,
  type GoldenFrame,
  makeWal,
  readFrames,
  Recorder,
  withByteFlipped,
  withoutSums,
} from '../support/golden-wal.ts';
import { tempFolder, type TempFolder } from '../support/temp.ts';

const golden = makeWal();
const { bytes: ok, pageSize } = golden;
const frames = readFrames(golden);
const all = frames.length;
const sequence = ok.readUInt32BE(12);
/** A WAL that restarted in place: its own first three frames, then what the former one left. */
const restarted = encodeAnew(golden, { sequence: sequence + 1, salt1: ok.readUInt32BE(16) + 1, salt2: 77, frames: 3 });
/** The same with the checksum's words in the other byte order. */
const bigEndian = encodeAnew(golden, { isBigEndian: true });

let folder: TempFolder;
let file: string;
beforeEach(() => {
  folder = tempFolder();
  file = folder.at('shop.db');
});
afterEach(() => folder[Symbol.dispose]());

function write(bytes: Uint8Array): void {
  fs.writeFileSync(`${file}-wal`, bytes);
}

interface Outcome {
  readonly isWhole: boolean;
  readonly begun: readonly number[];
  readonly frames: readonly GoldenFrame[];
  readonly kept: readonly string[];
  readonly offset: number;
}

/** What comes of a drain when SQLite says that `counts` frames are committed (one after the other, the last one stays). */
async function drain(reader: WalReader, counts: readonly number[], sink = new Recorder()): Promise<Outcome> {
  const left = [...counts];
  const isWhole = await reader.drain(() => (left.length > 1 ? left.shift() : left[0]) ?? 0, sink);
  return { isWhole, ...sink.told(), offset: reader.offset };
}

/** The outcome where the first `count` frames of the golden WAL were read. */
function taken(count: number, bytes: Buffer = ok): Outcome {
  const end = endOf(count, pageSize);
  return {
    isWhole: true,
    begun: [bytes.readUInt32BE(12)],
    frames: readFrames({ bytes: bytes.subarray(0, end), pageSize }),
    kept: [digest(bytes.subarray(0, end))],
    offset: end,
  };
}

const nothing: Outcome = { isWhole: true, begun: [], frames: [], kept: [], offset: 0 };
/** Begun, and refused at the first piece. */
const refused: Outcome = {
  isWhole: false,
  begun: [sequence],
  frames: [],
  kept: [digest(ok.subarray(0, 32))],
  offset: 0,
};
const frameAt = (n: number) => endOf(n, pageSize);

/** Counts each transaction. */
const everyCommit = {
  begin: () => {},
  isTransaction: ({ commitPages }: { readonly commitPages: number }) => commitPages > 0,
};

test('the golden WAL has transactions of several frames', () => {
  const commits = frames.filter(({ commitPages }) => commitPages > 0).length;
  expect({ commits, isMore: all > commits + 4, rows: countRows(golden) }).toEqual({
    commits: 5,
    isMore: true,
    rows: 4,
  });
});

describe('one drain', () => {
  const cases: readonly {
    readonly fault: string;
    readonly bytes: Buffer;
    readonly count: number;
    readonly outcome: Outcome;
  }[] = [
    { fault: 'ok', bytes: ok, count: all, outcome: taken(all) },
    { fault: 'big-endian', bytes: bigEndian, count: all, outcome: taken(all, bigEndian) },
    { fault: 'nothing committed yet', bytes: ok, count: 0, outcome: nothing },
    { fault: 'an uncommitted tail', bytes: ok, count: 4, outcome: taken(4) },
    {
      fault: 'an uncommitted tail that is torn',
      bytes: ok.subarray(0, frameAt(5) + 100),
      count: 5,
      outcome: taken(5),
    },
    {
      fault: 'a damaged frame behind the count',
      bytes: withByteFlipped(ok, frameAt(6) + 40),
      count: 6,
      outcome: taken(6),
    },
    { fault: 'a truncated frame', bytes: ok.subarray(0, ok.length - 1), count: all, outcome: refused },
    { fault: 'a frame that is missing', bytes: ok.subarray(0, frameAt(all - 1)), count: all, outcome: refused },
    { fault: 'a salt mismatch', bytes: withByteFlipped(ok, frameAt(2) + 8), count: all, outcome: refused },
    {
      fault: 'a mismatch in the second salt',
      bytes: withByteFlipped(ok, frameAt(2) + 15),
      count: all,
      outcome: refused,
    },
    { fault: 'a damaged page', bytes: withByteFlipped(ok, frameAt(2) + 24 + 300), count: all, outcome: refused },
    { fault: 'a damaged page number', bytes: withByteFlipped(ok, frameAt(3) + 3), count: all, outcome: refused },
    { fault: 'a damaged commit size', bytes: withByteFlipped(ok, frameAt(3) + 7), count: all, outcome: refused },
    { fault: 'a damaged frame checksum', bytes: withByteFlipped(ok, frameAt(1) + 16), count: all, outcome: refused },
    { fault: 'a header only', bytes: ok.subarray(0, 32), count: 0, outcome: nothing },
    { fault: 'a header only, against the count', bytes: ok.subarray(0, 32), count: 1, outcome: refused },
    { fault: 'a torn header', bytes: ok.subarray(0, 31), count: 0, outcome: nothing },
    {
      fault: 'a torn header, against the count',
      bytes: ok.subarray(0, 31),
      count: 1,
      outcome: { ...nothing, isWhole: false },
    },
    { fault: 'an empty file', bytes: Buffer.alloc(0), count: 0, outcome: nothing },
    { fault: 'a half-written header', bytes: withByteFlipped(ok, 17), count: 0, outcome: nothing },
    {
      fault: 'a half-written header, against the count',
      bytes: withByteFlipped(ok, 17),
      count: all,
      outcome: { ...nothing, isWhole: false },
    },
    { fault: 'restarted in place', bytes: restarted, count: 3, outcome: taken(3, restarted) },
    {
      fault: 'restarted in place, against the count',
      bytes: restarted,
      count: 4,
      outcome: { ...refused, begun: [sequence + 1], kept: [digest(restarted.subarray(0, 32))] },
    },
  ];
  test.each(cases)('$fault', async ({ bytes, count, outcome }) => {
    write(bytes);
    using reader = new WalReader(file);
    expect(await drain(reader, [count])).toEqual(outcome);
  });

  test('no WAL at all', async () => {
    using reader = new WalReader(file);
    expect(await drain(reader, [0])).toEqual(nothing);
    expect(await drain(reader, [1])).toEqual({ ...nothing, isWhole: false });
  });

  test.each([512, 1024, 4096, 65_536])('pages of %i bytes, in both byte orders of the checksum', async (size) => {
    // More than one piece of reading for the largest, and transactions across its borders.
    const wal = makeWal({ pageSize: size, transactions: size === 65_536 ? 12 : 3, rowPages: 3 });
    for (const isBigEndian of [false, true]) {
      const bytes = encodeAnew(wal, { isBigEndian });
      expect(countRows({ ...wal, bytes })).toBe(size === 65_536 ? 12 : 3);
      write(bytes);
      const expected = readFrames({ bytes, pageSize: size });
      using reader = new WalReader(file);
      const found = await drain(reader, [expected.length]);
      expect(found).toEqual({
        isWhole: true,
        begun: [0],
        frames: expected,
        kept: [digest(bytes)],
        offset: bytes.length,
      });
      expect(reader.header).toMatchObject({ isBigEndian, pageSize: size });
    }
  });
});

describe('one drain after another', () => {
  test('takes what is new and nothing twice', async () => {
    write(ok);
    using reader = new WalReader(file);
    const sink = new Recorder();
    for (const count of [1, 1, 4, 0, all, all]) expect((await drain(reader, [count], sink)).isWhole).toBe(true);
    expect({ isWhole: true, ...sink.told(), offset: reader.offset }).toEqual(taken(all));
  });

  test('takes the whole of it once what was torn is complete', async () => {
    write(ok.subarray(0, ok.length - 100));
    using reader = new WalReader(file);
    const sink = new Recorder();
    expect((await drain(reader, [all], sink)).isWhole).toBe(false);
    write(ok);
    expect(await drain(reader, [all], sink)).toEqual(taken(all));
  });

  test('follows a restart in place', async () => {
    write(ok);
    using reader = new WalReader(file);
    const sink = new Recorder();
    await drain(reader, [all], sink);
    write(restarted);
    expect(reader.isCurrent()).toBe(false);
    const second = readFrames({ bytes: restarted.subarray(0, frameAt(3)), pageSize });
    expect(await drain(reader, [3], sink)).toEqual({
      isWhole: true,
      begun: [sequence, sequence + 1],
      frames: [...frames, ...second],
      kept: [digest(ok), digest(restarted.subarray(0, frameAt(3)))],
      offset: frameAt(3),
    });
    expect(reader.isCurrent()).toBe(true);
  });

  test('asks again where the count is still that of the former WAL', async () => {
    write(ok);
    using reader = new WalReader(file);
    const sink = new Recorder();
    const first = await drain(reader, [all], sink);
    write(restarted);
    // The header is new already, and nothing is committed behind it: the former WAL stays the current one.
    expect(await drain(reader, [all, 0], sink)).toEqual(first);
    expect((await drain(reader, [all, 2], sink)).frames.length).toBe(all + 2);
  });

  test('is not put off by a WAL that is truncated between the count and the look', async () => {
    write(ok);
    using reader = new WalReader(file);
    expect(await drain(reader, [all])).toEqual(taken(all));
    const told: number[] = [];
    const sink = new Recorder();
    const truncates = async (counts: readonly number[], then: Uint8Array) => {
      const left = [...counts];
      return await reader.drain(() => {
        const count = left.length > 1 ? left.shift() : left[0];
        told.push(count ?? 0);
        // The count is the former WAL's; by the time of the look its file is empty.
        write(told.length === 1 ? new Uint8Array(0) : then);
        return count ?? 0;
      }, sink);
    };
    expect([await truncates([all, 0], new Uint8Array(0)), sink.told().begun]).toEqual([true, []]);
    told.length = 0;
    expect([await truncates([all, 3], restarted), sink.told().begun]).toEqual([true, [sequence + 1]]);
    expect(sink.told().frames).toHaveLength(3);
    write(new Uint8Array(0));
    expect(await reader.drain(() => 3, sink)).toBe(false);
  });

  test('goes on behind an end that is handed over', async () => {
    write(ok);
    using first = new WalReader(file);
    await drain(first, [4]);
    const header = first.header;
    if (header === undefined) throw new Error('the header was read');
    const sums = { sum0: ok.readInt32BE(frameAt(3) + 16), sum1: ok.readInt32BE(frameAt(3) + 20) };
    using second = new WalReader(file, { chain: { header, ...sums }, frames: 4 });
    const outcome = await drain(second, [all]);
    expect(outcome).toMatchObject({ isWhole: true, begun: [], frames: frames.slice(4), offset: ok.length });
  });

  test('refuses to go on where the end does not fit what follows', async () => {
    write(ok);
    using first = new WalReader(file);
    await drain(first, [4]);
    const header = first.header;
    if (header === undefined) throw new Error('the header was read');
    using second = new WalReader(file, { chain: { header, sum0: 1, sum1: 2 }, frames: 4 });
    expect(await drain(second, [all])).toMatchObject({ isWhole: false, begun: [], frames: [], offset: frameAt(4) });
  });
});

describe('a sink that throws', () => {
  /** Fails once, where it is told to. */
  class FullDisk extends Recorder {
    failsIn = 0;
    failsToBegin = false;
    override begin(...args: Parameters<Recorder['begin']>): void {
      if (this.failsToBegin) {
        this.failsToBegin = false;
        throw new Error('disk full');
      }
      super.begin(...args);
    }
    override append(bytes: Uint8Array, offset: number): void {
      if (this.failsIn-- === 1) throw new Error('disk full');
      super.append(bytes, offset);
    }
  }

  test('loses and doubles nothing, in whichever piece it throws', async () => {
    const large = makeWal({ pageSize: 65_536, transactions: 25, rowPages: 3 });
    const expected = readFrames(large);
    write(large.bytes);
    for (const failsIn of [1, 2, 3]) {
      using reader = new WalReader(file);
      const sink = new FullDisk();
      sink.failsIn = failsIn;
      await expect(drain(reader, [expected.length], sink)).rejects.toThrow('disk full');
      const before = sink.told().frames.length;
      expect({ offset: reader.offset, isPart: before < expected.length }).toEqual({
        offset: before === 0 ? 0 : endOf(before, 65_536),
        isPart: true,
      });
      expect(await drain(reader, [expected.length], sink)).toEqual({
        isWhole: true,
        begun: [0],
        frames: expected,
        kept: [digest(large.bytes)],
        offset: large.bytes.length,
      });
    }
  });

  test('begins again where beginning failed', async () => {
    write(ok);
    using reader = new WalReader(file);
    const sink = new FullDisk();
    sink.failsToBegin = true;
    await expect(drain(reader, [all], sink)).rejects.toThrow('disk full');
    expect(await drain(reader, [all], sink)).toEqual(taken(all));
  });
});

describe('frames that SQLite committed without a checksum', () => {
  const pageOf = (frame: number) => frames[frame - 1]?.page;

  test.each([
    ['within a transaction', { from: 3, to: 5 }],
    ['from the first frame on', { from: 0, to: 2 }],
    ['up to the last', { from: all - 2, to: all }],
    ['with sums behind them that begin anywhere', { from: 3, to: 5, behind: [123, 456] as const }],
  ])('are taken on the word of the wal-index, with the sums that they should have: %s', async (_name, places) => {
    write(withoutSums(golden, places));
    for (const counts of [[all], [places.to, all], frames.map((_, i) => i + 1)]) {
      using reader = new WalReader(file, undefined, { pageOf });
      const sink = new Recorder();
      for (const count of counts) await drain(reader, [count], sink);
      expect({ isWhole: true, ...sink.told(), offset: reader.offset }).toEqual(taken(all));
    }
  });

  test('are counted ahead of what was read', async () => {
    write(withoutSums(golden, { from: all - 3, to: all - 1 }));
    using reader = new WalReader(file, undefined, { pageOf });
    await drain(reader, [frames.findIndex(({ commitPages }) => commitPages > 0) + 1]);
    const salts = [ok.readUInt32BE(16), ok.readUInt32BE(20)] as const;
    const commits = frames.filter(({ commitPages }) => commitPages > 0).length;
    expect(await reader.countAhead({ frames: all, salts }, everyCommit)).toBe(commits - 1);
  });

  test('are refused where the wal-index names other pages, or cannot be asked', async () => {
    write(withoutSums(golden, { from: 0, to: 2 }));
    for (const odd of [undefined, () => undefined, (frame: number) => (pageOf(frame) ?? 0) + 1]) {
      using reader = new WalReader(file, undefined, { pageOf: odd });
      expect(await drain(reader, [all])).toEqual(refused);
    }
  });

  test('do not excuse a frame whose sum is wrong', async () => {
    write(withByteFlipped(ok, frameAt(3) + 100));
    using reader = new WalReader(file, undefined, { pageOf });
    expect((await drain(reader, [all])).isWhole).toBe(false);
  });
});

describe('a WAL that is too long for one index', () => {
  const commitCounts = frames.flatMap(({ commitPages }, i) => (commitPages > 0 ? [i + 1] : []));

  /** Keeps each WAL that begins as a file of its own, as the spool does. */
  class Keeper implements FrameSink {
    readonly wals: Buffer[] = [];
    readonly rolled: boolean[] = [];
    readonly ends: (readonly [wal: number, offset: number])[] = [];
    canRoll = true;
    failsNext = false;
    begin(_header: unknown, head: Uint8Array, isRolled: boolean): void {
      this.wals.push(Buffer.from(head));
      this.rolled.push(isRolled);
    }
    append(more: Uint8Array, offset: number): void {
      if (this.failsNext) {
        this.failsNext = false;
        throw new Error('disk full');
      }
      this.wals.push(Buffer.concat([(this.wals.pop() ?? Buffer.alloc(0)).subarray(0, offset), more]));
    }
    frame({ commitPages, endOffset }: Parameters<FrameSink['frame']>[0]): void {
      if (commitPages > 0) this.ends.push([this.wals.length - 1, endOffset]);
    }
  }

  /** The database file after SQLite replayed WALs one after the other. */
  function replay(wals: readonly Buffer[]): Buffer {
    const replayed = folder.at('replayed.db');
    fs.writeFileSync(replayed, golden.database);
    for (const wal of wals) {
      fs.writeFileSync(`${replayed}-wal`, wal);
      new Database(replayed).exec('PRAGMA wal_checkpoint(TRUNCATE)').close();
    }
    return fs.readFileSync(replayed);
  }

  async function drainByCommit(reader: WalReader, sink: FrameSink): Promise<void> {
    for (const count of commitCounts) expect(await reader.drain(() => count, sink)).toBe(true);
  }

  test.each([
    ['of this machine’s byte order', ok],
    ['of the other byte order', encodeAnew(golden, { isBigEndian: true })],
  ])('goes on under a header of our own, as WALs that SQLite replays one after the other: %s', async (_what, bytes) => {
    write(bytes);
    using reader = new WalReader(file, undefined, { rollBytes: 1500 });
    const sink = new Keeper();
    await drainByCommit(reader, sink);
    expect(sink.rolled).toEqual([false, true, true, true]);
    expect(reader.offset).toBe(ok.length);
    for (const wal of sink.wals.slice(0, -1)) expect(wal.length).toBeGreaterThanOrEqual(1500);
    expect(sink.wals.map((wal, i) => [i, wal.length])).toEqual(
      sink.wals.map((_wal, i) => sink.ends.findLast(([at]) => at === i)),
    );
    expect(digest(replay(sink.wals))).toBe(digest(replay([ok])));
    expect(new Set(sink.wals.map((wal) => wal.toString('hex', 16, 24))).size).toBe(4);
  });

  test('loses nothing where keeping fails at the border', async () => {
    write(ok);
    using reader = new WalReader(file, undefined, { rollBytes: 1500 });
    const sink = new Keeper();
    for (const count of commitCounts) {
      sink.failsNext = true;
      await expect(reader.drain(() => count, sink)).rejects.toThrow('disk full');
      expect(await reader.drain(() => count, sink)).toBe(true);
    }
    expect(sink.rolled).toEqual([false, true, true, true]);
    expect(digest(replay(sink.wals))).toBe(digest(replay([ok])));
  });

  test('stays one where it may not be parted, and is parted later', async () => {
    write(ok);
    using reader = new WalReader(file, undefined, { rollBytes: 600 });
    const sink = new Keeper();
    sink.canRoll = false;
    expect(await reader.drain(() => commitCounts.at(-2) ?? 0, sink)).toBe(true);
    expect(sink.rolled).toEqual([false]);
    sink.canRoll = true;
    expect(await reader.drain(() => all, sink)).toBe(true);
    expect(sink.rolled).toEqual([false, true]);
    expect(digest(replay(sink.wals))).toBe(digest(replay([ok])));
  });

  test('ends with a restart: the next WAL is its own again', async () => {
    write(ok);
    using reader = new WalReader(file, undefined, { rollBytes: 600 });
    const sink = new Keeper();
    await drainByCommit(reader, sink);
    write(restarted);
    expect(await reader.drain(() => 3, sink)).toBe(true);
    expect(sink.rolled.at(-1)).toBe(false);
    expect(digest(sink.wals.at(-1) ?? Buffer.alloc(0))).toBe(digest(restarted.subarray(0, endOf(3, pageSize))));
  });
});
