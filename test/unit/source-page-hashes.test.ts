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
        const decoded = PageHashes.decode(hashes.encode({ index: 1, offset: 2 }));
        expect(decoded?.hashes.state).toBe(model.state);
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

describe('the encoding', () => {
  const at = { index: 0x7fff_ffff, offset: 2 ** 40 + 5 };

  test('is decoded to the same, and goes on from there', () => {
    fc.assert(
      fc.property(steps(0, 70), steps(0, 70), (before, after) => {
        const hashes = new PageHashes(1024);
        const model = new Model(1024);
        // What lies beyond the end is not encoded: end with a size that covers everything.
        for (const step of [...before, { kind: 'resize' as const, pages: 70 }]) {
          apply(hashes, step);
          model.apply(step);
        }
        const decoded = PageHashes.decode(hashes.encode(at));
        if (decoded === undefined) throw new Error('it was just encoded');
        expect(decoded.at).toEqual(at);
        expect(decoded.hashes.pageSize).toBe(1024);
        for (const step of after) {
          apply(decoded.hashes, step);
          model.apply(step);
        }
        expectSame(decoded.hashes, model, 1, 70);
      }),
      { numRuns: 100 },
    );
  });

  test('is refused with any bit flipped, any byte missing and any byte more', () => {
    const hashes = new PageHashes(512);
    for (const page of [1, 2, 3, 4, 5, 6, 7]) hashes.set(page, BigInt(page) * 0x0123_4567_89ab_cdefn);
    hashes.resize(7);
    const bytes = hashes.encode(at);
    const accepted: string[] = [];
    for (let i = 0; i < bytes.length; i++) {
      for (let bit = 0; bit < 8; bit++) {
        const damaged = bytes.slice();
        damaged[i] = (damaged[i] ?? 0) ^ (1 << bit);
        if (PageHashes.decode(damaged) !== undefined) accepted.push(`byte ${i}, bit ${bit}`);
      }
      if (PageHashes.decode(bytes.subarray(0, i)) !== undefined) accepted.push(`the first ${i} bytes`);
    }
    if (PageHashes.decode(Buffer.concat([bytes, Buffer.alloc(1)])) !== undefined) accepted.push('one byte more');
    if (PageHashes.decode(Buffer.concat([bytes, Buffer.alloc(8)])) !== undefined) accepted.push('one page more');
    expect(accepted).toEqual([]);
    expect(PageHashes.decode(bytes)?.hashes.state).toBe(hashes.state);
  });

  test('is read from bytes at any offset', () => {
    const hashes = new PageHashes(512);
    hashes.resize(3);
    const bytes = hashes.encode(at);
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(PageHashes.decode(shifted.subarray(3))?.hashes.state).toBe(hashes.state);
  });
});
