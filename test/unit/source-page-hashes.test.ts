// Page hashes and their XOR, against a model that remembers everything and adds up from scratch.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hashPage, lockPage } from '../../electron/engine/replica/state-hash.ts';
import { PageHashes } from '../../electron/engine/source/page-hashes.ts';

type Step =
  | { readonly kind: 'set'; readonly page: number; readonly hash: bigint }
  | { readonly kind: 'resize'; readonly pages: number };

/** Every page's hash in a map; the state is added up anew each time. */
class Model {
  readonly #pageSize: number;
  readonly #known = new Map<number, bigint>();
  pages = 0;

  constructor(pageSize: number) {
    this.#pageSize = pageSize;
  }

  apply(step: Step): void {
    if (step.kind === 'set') {
      if (step.page !== lockPage(this.#pageSize)) this.#known.set(step.page, step.hash);
      return;
    }
    for (let page = step.pages + 1; page <= this.pages; page++) this.#known.delete(page);
    for (let page = this.pages + 1; page <= step.pages; page++) {
      if (this.#known.has(page) || page === lockPage(this.#pageSize)) continue;
      this.#known.set(page, hashPage(page, new Uint8Array(this.#pageSize)));
    }
    this.pages = step.pages;
  }

  get(page: number): bigint {
    return page <= this.pages ? (this.#known.get(page) ?? 0n) : 0n;
  }

  get state(): bigint {
    let state = 0n;
    for (let page = 1; page <= this.pages; page++) state ^= this.get(page);
    return state;
  }
}

function steps(from: number, to: number): fc.Arbitrary<Step[]> {
  const page = fc.integer({ min: Math.max(1, from), max: to });
  const hash = fc.bigInt({ min: 1n, max: 2n ** 64n - 1n });
  return fc.array(
    fc.oneof(
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('set' as const), page, hash }) },
      fc.record({ kind: fc.constant('resize' as const), pages: fc.integer({ min: from, max: to }) }),
    ),
    { maxLength: 60 },
  );
}

function apply(hashes: PageHashes, step: Step): void {
  if (step.kind === 'set') hashes.set(step.page, step.hash);
  else hashes.resize(step.pages);
}

function expectSame(hashes: PageHashes, model: Model, from: number, to: number): void {
  const pages = Array.from({ length: to - from + 3 }, (_, i) => from + i).filter((page) => page > 0);
  expect({ pages: hashes.pages, state: hashes.state, each: pages.map((page) => hashes.get(page)) }).toEqual({
    pages: model.pages,
    state: model.state,
    each: pages.map((page) => model.get(page)),
  });
}

describe('page hashes', () => {
  test('are those of a naive model after any writes, shrinking and growing', () => {
    fc.assert(
      fc.property(steps(0, 90), (list) => {
        const hashes = new PageHashes(512);
        const model = new Model(512);
        for (const step of list) {
          apply(hashes, step);
          model.apply(step);
          expect({ pages: hashes.pages, state: hashes.state }).toEqual({ pages: model.pages, state: model.state });
        }
        expectSame(hashes, model, 1, 90);
      }),
      { numRuns: 150 },
    );
  });

  test('leave the lock page out, around it as elsewhere', () => {
    const lock = lockPage(65_536);
    expect(lock).toBe(16_385);
    // Pages far below were written before, so that growing over them needs no hashing.
    const below = lock - 5;
    fc.assert(
      fc.property(steps(below, lock + 5), (list) => {
        const hashes = new PageHashes(65_536);
        const model = new Model(65_536);
        const first: Step[] = Array.from({ length: below }, (_, i) => ({
          kind: 'set',
          page: i + 1,
          hash: BigInt(i + 1),
        }));
        for (const step of [...first, { kind: 'resize' as const, pages: below }, ...list]) {
          apply(hashes, step);
          model.apply(step);
        }
        expectSame(hashes, model, below - 3, lock + 5);
        expect(hashes.get(lock)).toBe(0n);
      }),
      { numRuns: 25 },
    );
  });

  test('forget the pages that a shrinking transaction dropped', () => {
    const hashes = new PageHashes(512);
    for (const page of [1, 2, 3]) hashes.set(page, BigInt(page));
    hashes.resize(3);
    hashes.resize(1);
    hashes.resize(3);
    const zeros = [2, 3].map((page) => hashPage(page, new Uint8Array(512)));
    expect([hashes.get(2), hashes.get(3)]).toEqual(zeros);
    expect(hashes.state).toBe(zeros.reduce((state, hash) => state ^ hash, 1n));
  });
});

/** Around the border of two chunks; the pages below were written before. */
const chunkPages = 2048;

function atBorder(list: readonly Step[]): { hashes: PageHashes; model: Model } {
  const hashes = new PageHashes(512);
  const model = new Model(512);
  const below: Step[] = Array.from({ length: chunkPages - 10 }, (_, i) => ({
    kind: 'set',
    page: i + 1,
    hash: BigInt(i + 1),
  }));
  for (const step of [...below, { kind: 'resize' as const, pages: chunkPages - 10 }, ...list]) {
    apply(hashes, step);
    model.apply(step);
  }
  return { hashes, model };
}

describe('a copy', () => {
  test('stays what it was, whoever is written afterwards', () => {
    const around = steps(chunkPages - 20, chunkPages + 20);
    fc.assert(
      fc.property(around, around, around, (before, after, later) => {
        const { hashes, model } = atBorder(before);
        const copy = hashes.copy();
        const { model: copied } = atBorder(before);
        for (const step of after) {
          apply(hashes, step);
          model.apply(step);
        }
        expectSame(copy, copied, chunkPages - 20, chunkPages + 20);
        for (const step of later) {
          apply(copy, step);
          copied.apply(step);
        }
        expectSame(copy, copied, chunkPages - 20, chunkPages + 20);
        expectSame(hashes, model, chunkPages - 20, chunkPages + 20);
      }),
      { numRuns: 40 },
    );
  });

  test('tells the pages that differ in a later state', async () => {
    const around = steps(chunkPages - 20, chunkPages + 20);
    await fc.assert(
      fc.asyncProperty(around, around, async (before, after) => {
        const { hashes, model: earlier } = atBorder(before);
        const copy = hashes.copy();
        const { model: later } = atBorder([...before, ...after]);
        for (const step of after) apply(hashes, step);
        const expected = Array.from({ length: later.pages }, (_, i) => i + 1).filter(
          (page) => earlier.get(page) !== later.get(page),
        );
        expect(await copy.changedIn(hashes)).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });

  test('is the same after its pieces were put together again', async () => {
    await fc.assert(
      fc.asyncProperty(steps(chunkPages - 20, chunkPages + 20), async (list) => {
        const { hashes, model } = atBorder(list);
        const bytes = Buffer.concat([...hashes.pieces()]);
        expect(bytes.length).toBe(hashes.pages * 8);
        let from = 0;
        const loaded = await PageHashes.load(hashes, async (piece) => {
          from += bytes.copy(piece, 0, from);
          await Promise.resolve();
        });
        expectSame(loaded, model, chunkPages - 20, chunkPages + 20);
      }),
      { numRuns: 20 },
    );
  });
});
