// Random harm to everything that is read from a target: objects, trailers whose checksums are right, WALs, records, listings. Whatever
// it is, there is the exact truth or a refusal in words, in bounded memory and on bounded disk.
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { compressFrameSync } from 'lz4-napi';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mostContentOf, maxRecordBytes } from '../../electron/engine/replica/bounds.ts';
import { buildHistory } from '../../electron/engine/replica/history.ts';
import { parseKey } from '../../electron/engine/replica/keys.ts';
import { decodeFrame } from '../../electron/engine/replica/lz4-frame.ts';
import {
  encodeWhole,
  openObject,
  type ObjectInfo,
  type ObjectReader,
  readTrailer,
} from '../../electron/engine/replica/object.ts';
import { lookForRecord, parseNamed } from '../../electron/engine/replica/record.ts';
import { listReplica } from '../../electron/engine/restore/list-replica.ts';
import { describePlan, restoreReplica } from '../../electron/engine/restore/restore.ts';
import { lookAtReplica } from '../../electron/engine/retain/look.ts';
import { planRetention } from '../../electron/engine/retain/plan.ts';
import {
  formatWalHeader,
  frameBytes,
  parseWalHeader,
  startChain,
  writeFrame,
} from '../../electron/engine/replica/wal.ts';
import type { ReadableTarget } from '../../electron/engine/targets/target.ts';
import { must } from '../../shared/assert.ts';
import { AppError } from '../../shared/errors.ts';
import { applyTwist, exchangeLeaf, extremeWord, forgeTrailer, hostileValue, twist } from '../support/hostile.ts';
import { memoryTarget, type MemoryTarget } from '../support/memory-target.ts';
import { RealHistory } from '../support/replica-history.ts';
import { calm, collect, noise, scratchFolder } from '../support/replica-scratch.ts';

const mebibyte = 1 << 20;
const latest = { kind: 'latest' } as const;
const by = { tidemark: '1', sqlite: '3' };

/** All of a test's memory in buffers, above what was there at its start. */
let [before, most] = [0, 0];
beforeAll(() => (before = process.memoryUsage().arrayBuffers));
afterAll(() => expect(Math.round((most - before) / mebibyte)).toBeLessThan(200));

function watchMemory(): void {
  most = Math.max(most, process.memoryUsage().arrayBuffers);
}

/** Refused in words: not by a bug of ours. */
function mustBeWords(error: unknown): void {
  if (!(error instanceof AppError) || error.code === 'internal') throw error;
  expect(error.message.length).toBeGreaterThan(20);
}

function readerOf(object: Uint8Array): ObjectReader {
  return {
    async *get(_key, { range }) {
      yield await Promise.resolve(
        object.subarray(range === undefined || range.start >= 0 ? 0 : Math.max(0, object.length + range.start)),
      );
    },
  };
}

/** A small history with three segments and two images, whole, in memory. */
async function writeSmall(
  options: { readonly isForeign?: boolean } = {},
): Promise<{ readonly target: MemoryTarget; readonly history: RealHistory }> {
  const target = memoryTarget();
  using history = new RealHistory({ folder: await scratchFolder(), target, ...options });
  history.commit(3);
  await history.snapshot();
  await history.ship();
  history.commit(2);
  history.commit();
  await history.ship();
  history.restart();
  history.commit((database) => database.exec('DELETE FROM t WHERE id % 2'));
  await history.ship();
  return { target, history };
}

function copyOf(target: MemoryTarget): MemoryTarget {
  const copy = memoryTarget();
  for (const [key, bytes] of target.objects) copy.objects.set(key, bytes);
  return copy;
}

/** What a restore makes of it: the file, or nothing where it refuses in words. Nothing larger than `mostBytes` is ever published. */
async function restored(target: ReadableTarget, folder: string, mostBytes = 8 * mebibyte): Promise<Buffer | undefined> {
  const place = join(folder, 'restored');
  await mkdir(place);
  const outputPath = join(place, 'out.db');
  try {
    await restoreReplica({ target, wish: latest, outputPath, signal: calm });
    expect((await stat(outputPath)).size).toBeLessThan(mostBytes);
    return await readFile(outputPath);
  } catch (error) {
    mustBeWords(error);
    expect(await readdir(place)).toEqual([]);
    return undefined;
  } finally {
    watchMemory();
    await rm(place, { recursive: true });
  }
}

/** That an image lost its trailer is seen only once another object is known to have one. */
const trailersLost = [
  { at: 3, done: { kind: 'forge' as const, leaf: 0, value: null } },
  { at: 0, done: { kind: 'fill' as const, at: 764, byte: 0, length: 141 } },
];

describe('whatever is done to an object', () => {
  test('its content is what it was, or it is damaged; never more than its size allows', async () => {
    const content = Buffer.concat([noise(30_000), Buffer.alloc(400_000, 'row '), noise(5000, 2)]);
    const fields = { pages: 3, pageSize: 4096, by };
    const [whole, other] = [await encodeWhole(content, fields), await encodeWhole(noise(70_000, 3), fields)];
    const twists = fc.array(twist, { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(twists, fc.boolean(), async (done, isTold) => {
        const object = done.reduce<Uint8Array>((bytes, one) => applyTwist(bytes, one, other), whole);
        const key = 'generations/0123456789abcdef/wal/00000000_00000000.wal.lz4';
        let size = 0;
        try {
          const reader = readerOf(object);
          const trailer = isTold
            ? await readTrailer(reader, { key, bytes: object.length }, { signal: calm })
            : undefined;
          const read: Uint8Array[] = [];
          for await (const chunk of openObject(reader, key, { trailer, storedBytes: object.length, signal: calm })) {
            size += chunk.length;
            read.push(new Uint8Array(chunk));
          }
          expect([content, noise(70_000, 3)].some((one) => Buffer.concat(read).equals(one))).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ code: 'object-damaged' });
          expect(size).toBeLessThanOrEqual(mostContentOf(object.length));
        }
        watchMemory();
      }),
      { numRuns: 1500 },
    );
  });

  test('a restore gives the exact truth or refuses, also where the checksums of trailers are right', async () => {
    const folder = await scratchFolder();
    const { target, history } = await writeSmall();
    const keys = [...target.objects.keys()].sort();
    const parts = new Map<string, { readonly frame: Buffer; readonly trailer: object }>();
    for (const key of keys) {
      const bytes = Buffer.from(must(target.objects.get(key), 'just listed'));
      const at = bytes.lastIndexOf(Buffer.from([0x5d, 0x2a, 0x4d, 0x18]));
      const { check: _check, ...trailer } = JSON.parse(bytes.subarray(at + 8, -8).toString()) as { check: string };
      parts.set(key, { frame: bytes.subarray(0, at), trailer });
    }
    const forged = fc.record({ kind: fc.constant('forge' as const), leaf: fc.nat(), value: hostileValue });
    let given = 0;
    const cases = fc.array(fc.record({ at: fc.nat(), done: fc.oneof(twist, forged) }), { minLength: 1, maxLength: 2 });
    await fc.assert(
      fc.asyncProperty(cases, async (drawn) => {
        const copy = copyOf(target);
        for (const { at, done } of drawn) {
          const key = must(keys[at % keys.length], 'there are some');
          const part = must(parts.get(key), 'one for each');
          const bytes =
            done.kind === 'forge'
              ? Buffer.concat([part.frame, forgeTrailer(exchangeLeaf(part.trailer, done.leaf, done.value))])
              : applyTwist(
                  must(copy.objects.get(key), 'it is there'),
                  done,
                  must(copy.objects.get(must(keys[0], 'one')), 'one'),
                );
          copy.objects.set(key, new Uint8Array(bytes));
        }
        const file = await restored(copy, folder);
        if (file !== undefined) {
          given++;
          expect(file.equals(history.last.image)).toBe(true);
        }
      }),
      { numRuns: 300, examples: [[trailersLost]] },
    );
    // It is no test of refusals alone.
    expect(given).toBeGreaterThan(0);
  }, 120_000);
});

describe('whatever a WAL without trailers holds', () => {
  test('a restore gives what was at one of its transactions, or refuses', async () => {
    const folder = await scratchFolder();
    const { target, history } = await writeSmall({ isForeign: true });
    const keys = [...target.objects.keys()].filter((key) => key.includes('/wal/'));
    let given = 0;
    const cases = fc.record({ at: fc.nat(), done: fc.array(twist, { minLength: 1, maxLength: 2 }) });
    await fc.assert(
      fc.asyncProperty(cases, async ({ at, done }) => {
        const copy = copyOf(target);
        const key = must(keys[at % keys.length], 'there are some');
        const plain = await collect(
          decodeFrame(readerOf(must(copy.objects.get(key), 'it is there')).get(key, { signal: calm })),
        );
        const harmed = done.reduce<Uint8Array>((bytes, one) => applyTwist(bytes, one, plain), plain);
        copy.objects.set(key, new Uint8Array(compressFrameSync(Buffer.from(harmed), { contentChecksum: true })));
        const file = await restored(copy, folder);
        if (file !== undefined) {
          given++;
          expect(history.points.some(({ image }) => image.equals(file))).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
    expect(given).toBeGreaterThan(0);
  }, 120_000);

  test('nothing that its frames claim costs more than they hold', async () => {
    const folder = await scratchFolder();
    const { target } = await writeSmall({ isForeign: true });
    const key = must([...target.objects.keys()].filter((one) => one.includes('/wal/')).sort()[0], 'there are some');
    let given = 0;
    const pageSize = fc.constantFrom(512, 4096, 65_536, 0, 1000, 0x8000_0000);
    const number = fc.oneof(extremeWord, fc.nat({ max: 20 }));
    const frames = fc.array(fc.record({ page: number, commitPages: number }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(pageSize, frames, fc.boolean(), async (size, drawn, isLarge) => {
        const stored = isLarge ? 4096 : size;
        const header = formatWalHeader({ pageSize: stored, sequence: 0, salt1: 1, salt2: 2 });
        const parsed = parseWalHeader(header);
        const chain = parsed && startChain(parsed);
        const bytes = drawn.map(({ page, commitPages }) => {
          const frame = new Uint8Array(frameBytes(parsed === undefined ? 4096 : stored));
          if (chain !== undefined)
            writeFrame(chain, frame, { page, commitPages, data: noise(frame.length - 24, page) });
          return frame;
        });
        const copy = copyOf(target);
        for (const one of copy.objects.keys()) if (one.includes('/wal/')) copy.objects.delete(one);
        copy.objects.set(
          key,
          new Uint8Array(compressFrameSync(Buffer.concat([header, ...bytes]), { contentChecksum: true })),
        );
        if ((await restored(copy, folder, 16 * mebibyte)) !== undefined) given++;
      }),
      { numRuns: 200 },
    );
    expect(given).toBeGreaterThan(0);
  }, 120_000);
});

const sound = {
  v: 1,
  database: 'shop.db',
  databaseId: 'a1b2',
  path: '/srv/shop.db',
  machine: { name: 'desk', id: 'f00d' },
  pageSize: 4096,
  createdAt: 1_700_000_000_000,
  by: '0.1.0',
  encryption: 'none',
  access: { mode: 0o600, uid: 1, gid: 1 },
  holder: { computer: 'c', boot: 'b', pid: 1, begun: '1', space: 's', folder: '/f' },
  latest: { generation: '0123456789abcdef', sequence: 1 },
  named: [{ name: 'one', generation: '0123456789abcdef', index: 0, offset: 0, at: 1, namedAt: 1 }],
};

describe('whatever a record says', () => {
  test('the history beside it is listed and restored, and what it says of names can be shown', async () => {
    const folder = await scratchFolder();
    const { target, history } = await writeSmall();
    const forged = fc
      .record({ leaf: fc.nat(), value: hostileValue })
      .map(({ leaf, value }) => Buffer.from(JSON.stringify(exchangeLeaf(sound, leaf, value))));
    const whole = Buffer.from(JSON.stringify(sound));
    const twisted = fc
      .array(twist, { maxLength: 3 })
      .map((done) => done.reduce<Uint8Array>((bytes, one) => applyTwist(bytes, one, whole), whole));
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(fc.oneof(forged, twisted), async (bytes) => {
        const copy = copyOf(target);
        copy.objects.set('tidemark.json', new Uint8Array(bytes));
        const { record, problem } = await lookForRecord(copy, { signal: calm });
        expect(record === undefined).toBe(problem !== undefined);
        if (problem !== undefined) mustBeWords(problem);
        for (const { name } of record === undefined ? [] : parseNamed(record)) {
          expect(name.length).toBeLessThanOrEqual(200);
          // oxlint-disable-next-line no-control-regex
          expect(name).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
        }
        expect((await listReplica(copy, { now: 0, signal: calm })).segments).toHaveLength(3);
        if (runs++ % 20 === 0) expect((await restored(copy, folder))?.equals(history.last.image)).toBe(true);
        watchMemory();
      }),
      { numRuns: 500 },
    );
  });

  test('one without an end is not read to it', async () => {
    let sent = 0;
    const target = {
      list: async () => await Promise.resolve([{ key: 'tidemark.json', bytes: 10, modifiedAt: 0 }]),
      async *get() {
        for (; sent < 1 << 30; sent += 1 << 16) yield await Promise.resolve(Buffer.alloc(1 << 16, '{"a":'));
      },
    };
    const { problem } = await lookForRecord(target, { signal: calm });
    expect(problem).toMatchObject({ code: 'object-damaged' });
    expect(sent).toBeLessThanOrEqual(2 * maxRecordBytes);
  });
});

describe('whatever a listing holds', () => {
  const name = fc.oneof(
    fc.constantFrom('', '/', '.', '..', 'generations', 'generations/', 'generations//wal/', 'tidemark.json/', '\u0000'),
    fc.constantFrom(
      'lost+found',
      '.DS_Store',
      '../../../etc/passwd',
      'generations/../../x',
      'ltx/0/x.ltx',
      'x'.repeat(5000),
    ),
    fc.string(),
    fc
      .tuple(
        fc.constantFrom('generations/', 'Generations/', 'generations//', '/generations/'),
        fc.constantFrom('0123456789abcdef', '0123456789ABCDEF', '0123456789abcde', '..', '0123456789abcdef\n'),
        fc.constantFrom('/wal/', '/snapshots/', '/wal/../wal/', '/'),
        fc.constantFrom(
          '00000000_00000000',
          'ffffffff_ffffffff',
          '0',
          '00000000',
          'ffffffff',
          '00000000_00000001',
          '00000001_00000000',
        ),
        fc.constantFrom('.wal.lz4', '.snapshot.lz4', '.wal.lz4.tmp', '.wal', '', '.snapshot.lz4 '),
      )
      .map((parts) => parts.join('')),
  );
  const number = fc.constantFrom(0, -1, 1, 4096, 2 ** 31, 2 ** 53, 1e300, -1e300, Number.NaN, Infinity, -Infinity, 0.5);
  const listed = fc.array(fc.record({ key: name, bytes: number, modifiedAt: number }), { maxLength: 30 });

  test('what it has of the layout is shown, and nothing else is touched', async () => {
    const { target } = await writeSmall();
    const own = await target.list('', { signal: calm });
    await fc.assert(
      fc.asyncProperty(listed, fc.boolean(), async (foreign, isBeside) => {
        const listing: ObjectInfo[] = isBeside ? [...own, ...foreign] : foreign;
        const read: ReadableTarget = {
          ...target,
          list: async (prefix) => await Promise.resolve(listing.filter(({ key }) => key.startsWith(prefix))),
          async *get(key, options) {
            if (target.objects.has(key)) yield* target.get(key, options);
            else yield await Promise.resolve(noise(100));
          },
        };
        const shown = await listReplica(read, { now: 0, signal: calm });
        for (const { startAt, endAt, lagMs } of shown.generations) {
          expect([startAt, endAt, lagMs].every((at) => Number.isFinite(new Date(at).getTime()))).toBe(true);
        }
        const names = new Set(buildHistory(listing).generations.map(({ generation }) => generation));
        for (const generation of names) expect(generation).toMatch(/^[0-9a-f]{16}$/);
        await describePlan({ target: read, wish: latest, signal: calm }).catch(mustBeWords);
        const looked = await lookAtReplica(read, { snapshots: [], signal: calm });
        const thinned = { kind: 'thinned', windowMs: 0, dailyMs: 0, weeklyMs: 0 } as const;
        const plan = planRetention({ ...looked, retention: thinned, pinned: [], current: undefined, now: 1e13 });
        for (const { key } of plan.batches.flat()) expect(parseKey(key)).toBeDefined();
        watchMemory();
      }),
      { numRuns: 400 },
    );
  });
});
