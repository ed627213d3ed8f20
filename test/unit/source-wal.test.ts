// The WAL format as bytes, against WALs that SQLite wrote: headers, frames, and that no damaged byte goes unnoticed.
import { describe, expect, test } from 'vitest';
import {
  formatWalHeader,
  frameBytes,
  isSameWal,
  offsetAfter,
  parseWalHeader,
  scanFrames,
  startChain,
  type WalHeader,
  writeFrame,
} from '../../electron/engine/replica/wal.ts';
import { encodeAnew, makeWal, readFrames, withByteFlipped } from '../support/golden-wal.ts';

const golden = makeWal({ transactions: 1 });
const { bytes, pageSize } = golden;
const frames = readFrames(golden);

function headerOf(from: Buffer): WalHeader {
  const header = parseWalHeader(from.subarray(0, 32));
  if (header === undefined) throw new Error('a sound header');
  return header;
}

/** Page and commit size of each frame that holds; a fresh copy, since the scan wants aligned bytes. */
function scan(from: Buffer): readonly (readonly [number, number])[] {
  const found: [number, number][] = [];
  const good = scanFrames(startChain(headerOf(from)), new Uint8Array(from.subarray(32)), (_at, page, commitPages) => {
    found.push([page, commitPages]);
  });
  expect(good).toBe(found.length * frameBytes(pageSize));
  return found;
}

const told = frames.map(({ page, commitPages }) => [page, commitPages]);

describe('parseWalHeader', () => {
  test('reads what SQLite wrote', () => {
    expect(headerOf(bytes)).toEqual({
      isBigEndian: false,
      pageSize,
      sequence: 0,
      salt1: bytes.readUInt32BE(16),
      salt2: bytes.readUInt32BE(20),
      sum0: bytes.readInt32BE(24),
      sum1: bytes.readInt32BE(28),
    });
    expect(headerOf(encodeAnew(golden, { isBigEndian: true }))).toMatchObject({ isBigEndian: true, pageSize });
  });

  test('refuses a header with any byte flipped, and any that is short', () => {
    const accepted = Array.from({ length: 32 }, (_, at) => at).filter(
      (at) =>
        parseWalHeader(withByteFlipped(bytes, at).subarray(0, 32)) !== undefined ||
        parseWalHeader(bytes.subarray(0, at)) !== undefined,
    );
    expect(accepted).toEqual([]);
  });

  test.each([0, 1, 256, 511, 513, 768, 131_072])('refuses pages of %i bytes though the checksum holds', (size) => {
    expect(parseWalHeader(formatWalHeader({ pageSize: size, sequence: 1, salt1: 1, salt2: 2 }))).toBe(undefined);
  });

  test.each([512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536])('takes pages of %i bytes', (size) => {
    const facts = { pageSize: size, sequence: 0xffff_ffff, salt1: 0xffff_fffe, salt2: 0x8000_0000 };
    expect(parseWalHeader(formatWalHeader(facts))).toMatchObject(facts);
  });
});

test('formatWalHeader writes what SQLite wrote', () => {
  expect(Buffer.from(formatWalHeader(headerOf(bytes)))).toEqual(bytes.subarray(0, 32));
});

test('writeFrame writes what SQLite wrote, in both byte orders of the checksum', () => {
  for (const expected of [bytes, encodeAnew(golden, { isBigEndian: true })]) {
    const chain = startChain(headerOf(expected));
    const written = frames.map(({ page, commitPages, endOffset }) => {
      const into = new Uint8Array(frameBytes(pageSize));
      writeFrame(chain, into, { page, commitPages, data: bytes.subarray(endOffset - pageSize, endOffset) });
      return into;
    });
    expect(Buffer.concat([expected.subarray(0, 32), ...written]).equals(expected)).toBe(true);
  }
});

describe('scanFrames', () => {
  test('visits every frame that SQLite wrote', () => {
    expect(scan(bytes)).toEqual(told);
    expect(scan(encodeAnew(golden, { isBigEndian: true }))).toEqual(told);
  });

  test('ends before a frame with any byte flipped', () => {
    const missed: number[] = [];
    for (const order of [bytes, encodeAnew(golden, { isBigEndian: true })]) {
      for (let at = 32; at < bytes.length; at++) {
        const before = Math.floor((at - 32) / frameBytes(pageSize));
        if (scan(withByteFlipped(order, at)).length !== before) missed.push(at);
      }
    }
    expect(missed).toEqual([]);
  });

  test('ends before a frame that is not whole', () => {
    for (const cut of [1, pageSize, frameBytes(pageSize) - 1]) {
      expect(scan(bytes.subarray(0, bytes.length - cut))).toEqual(told.slice(0, -1));
    }
  });

  test('goes on in pieces as in one', () => {
    const chain = startChain(headerOf(bytes));
    const size = frameBytes(pageSize);
    const sums = frames.map((_, i) => {
      scanFrames(chain, new Uint8Array(bytes.subarray(32 + i * size, 32 + (i + 1) * size)), () => {});
      return [chain.sum0, chain.sum1];
    });
    expect(sums).toEqual(
      frames.map((_, i) => [bytes.readInt32BE(32 + i * size + 16), bytes.readInt32BE(32 + i * size + 20)]),
    );
  });
});

test('offsetAfter counts frames behind the header, and nothing as nothing', () => {
  expect([0, 1, 2].map((count) => offsetAfter(count, 512))).toEqual([0, 568, 1104]);
});

test('isSameWal tells restarts apart', () => {
  const header = headerOf(bytes);
  const others = [
    { ...header, salt1: header.salt1 + 1 },
    { ...header, salt2: header.salt2 + 1 },
    { ...header, sum0: header.sum0 ^ 1 },
    { ...header, sum1: header.sum1 ^ 1 },
  ];
  expect([isSameWal(header, { ...header }), ...others.map((other) => isSameWal(header, other))]).toEqual([
    true,
    false,
    false,
    false,
    false,
  ]);
});
