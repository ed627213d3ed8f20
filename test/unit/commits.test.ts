// The log of captured transactions, against a plain array; and how it is thinned.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Commit } from '../../electron/engine/replica/commit.ts';
import { CommitLog, thinCommits } from '../../electron/engine/spool/commits.ts';

type Place = Pick<Commit, 'index' | 'offset'>;

/** Commits in history order: each step goes some frames on, or to the next index. */
const history: fc.Arbitrary<readonly Commit[]> = fc
  .array(
    fc.record({
      isRestart: fc.boolean(),
      frames: fc.integer({ min: 1, max: 4 }),
      ms: fc.nat(3),
      state: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      transactions: fc.integer({ min: 1, max: 3 }),
    }),
    { maxLength: 60 },
  )
  .map((steps) => {
    let index = 3;
    let offset = 32;
    let at = 1000;
    return steps.map(({ isRestart, frames, ms, state, transactions }) => {
      if (isRestart) {
        index++;
        offset = 32;
      }
      offset += frames * 100;
      at += ms;
      return { index, offset, at, state, pages: offset, written: frames, transactions };
    });
  });

const place: fc.Arbitrary<Place> = fc.record({
  index: fc.integer({ min: 2, max: 40 }),
  offset: fc.integer({ min: 0, max: 20 }).map((steps) => steps * 66),
});

function logOf(commits: readonly Commit[]): CommitLog {
  const log = new CommitLog();
  for (const commit of commits) log.add(commit);
  return log;
}

/** Everything in a log, in order. */
function entriesOf(log: CommitLog): readonly Commit[] {
  return Array.from({ length: 80 }, (_, index) => log.between(index, -1, Infinity)).flat();
}

const isBehind = (commit: Place, { index, offset }: Place): boolean =>
  commit.index > index || (commit.index === index && commit.offset > offset);

const total = (commits: readonly Commit[]) => ({
  transactions: commits.reduce((sum, { transactions }) => sum + transactions, 0),
  written: commits.reduce((sum, { written }) => sum + written, 0),
});

describe('a commit log', () => {
  test('finds, drops and keeps what a plain array does', () => {
    fc.assert(
      fc.property(history, place, fc.nat(1500), (commits, at, length) => {
        const log = logOf(commits);
        expect(log.last).toEqual(commits.at(-1));
        expect(log.between(at.index, at.offset, at.offset + length)).toEqual(
          commits.filter(
            ({ index, offset }) => index === at.index && offset > at.offset && offset <= at.offset + length,
          ),
        );
        expect(log.firstBehind(at)).toEqual(commits.find((commit) => isBehind(commit, at)));
        log.dropThrough(at);
        expect(entriesOf(log)).toEqual(commits.filter((commit) => isBehind(commit, at)));
        const other = logOf(commits);
        other.dropBehind(at);
        expect(entriesOf(other)).toEqual(commits.filter((commit) => !isBehind(commit, at)));
      }),
      { numRuns: 300 },
    );
  });

  test('is the same after being written down and read', () => {
    fc.assert(
      fc.property(history, (commits) => {
        const read = CommitLog.decode(logOf(commits).encode());
        expect(entriesOf(read)).toEqual(commits);
        expect(read.last).toEqual(commits.at(-1));
      }),
    );
  });

  test('stays bounded while no target takes anything, and forgets no transaction', () => {
    const log = new CommitLog();
    const count = 120_000;
    for (let i = 1; i <= count; i++) {
      const index = Math.floor(i / 50_000);
      log.add({ index, offset: i * 100, at: i, state: BigInt(i), pages: i, written: 2, transactions: 1 });
    }
    const kept = entriesOf(log);
    expect(total(kept)).toEqual({ transactions: count, written: 2 * count });
    expect(kept.length).toBeLessThanOrEqual(100_000);
    expect(kept.filter(({ offset }) => [49_999 * 100, 99_999 * 100, count * 100].includes(offset)).length).toBe(3);
    const saved = CommitLog.decode(log.encode());
    expect(total(entriesOf(saved))).toEqual({ transactions: count, written: 2 * count });
    expect(entriesOf(saved).length).toBeLessThanOrEqual(20_003);
    expect(saved.last).toMatchObject({ offset: count * 100, state: BigInt(count) });
  });
});

describe('thinCommits', () => {
  test('keeps the last of each index, the order and every transaction in some entry', () => {
    fc.assert(
      fc.property(history, fc.integer({ min: 1, max: 30 }), (commits, limit) => {
        const thinned = thinCommits(commits, limit);
        const indices = new Set(commits.map(({ index }) => index));
        expect(thinned.length).toBeLessThanOrEqual(Math.max(limit + indices.size, 1));
        expect(total(thinned)).toEqual(total(commits));
        // Each entry is one of the given ones but for its counts, in their order.
        const places = commits.map(({ index, offset, state, at }) => `${index}:${offset}:${state}:${at}`);
        const found = thinned.map(({ index, offset, state, at }) =>
          places.indexOf(`${index}:${offset}:${state}:${at}`),
        );
        expect(found).toEqual([...found].sort((a, b) => a - b));
        expect(found).not.toContain(-1);
        for (const index of indices) {
          const last = commits.findLast((commit) => commit.index === index);
          expect(thinned.findLast((commit) => commit.index === index)?.offset).toBe(last?.offset);
        }
      }),
      { numRuns: 200 },
    );
  });
});
