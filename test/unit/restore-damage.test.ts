// Whatever is done to what lies on a target, and whatever is asked of it: a restore gives the exact truth, or refuses. Histories of two
// computers whose clocks differ, with objects that are gone, cut, changed, copied, exchanged or foreign.
import { copyFile, cp, mkdir, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { restoreReplica } from '../../electron/engine/restore/restore.ts';
import { createFolderTarget, openFolderTarget } from '../../electron/engine/targets/folder.ts';
import { AppError } from '../../shared/errors.ts';
import { must } from '../../shared/assert.ts';
import type { RestoreWish } from '../../shared/contract.ts';
import { RealHistory, type RecordedPoint } from '../support/replica-history.ts';
import { calm, scratchFolder } from '../support/replica-scratch.ts';

const hourMs = 3_600_000;
const startAt = Date.UTC(2026, 0, 2, 10);

interface Moment extends RecordedPoint {
  readonly generation: string;
}

/** A desk's history, and that of a laptop which took over, by a clock that may be behind or far ahead. */
async function writeTwo(folder: string, laptopAheadMs: number): Promise<readonly (readonly Moment[])[]> {
  const target = await createFolderTarget({ path: join(folder, 'whole') });
  const told: Moment[][] = [];
  for (const [i, generation] of ['00000000000000ff', '0000000000000011'].entries()) {
    const ahead = i === 0 ? 0 : 20_000 + laptopAheadMs;
    using history = new RealHistory({ folder, target, generation, startAt: startAt + ahead, sequence: i + 1 });
    history.commit(2);
    await history.snapshot();
    await history.ship();
    history.commit();
    history.commit();
    await history.ship();
    history.restart();
    history.commit(20);
    await history.ship();
    await history.snapshot();
    history.commit((database) => database.exec('DELETE FROM t WHERE id % 2'));
    await history.ship();
    told.push(history.points.map((point) => ({ ...point, generation })));
  }
  return told;
}

type Damage =
  | { readonly kind: 'gone' | 'empty' | 'foreign'; readonly at: number }
  | { readonly kind: 'cut' | 'flip' | 'zero'; readonly at: number; readonly where: number }
  | { readonly kind: 'copy' | 'exchange'; readonly at: number; readonly to: number }
  | { readonly kind: 'copied-generation' | 'times' | 'record'; readonly at: number };

const place = fc.nat({ max: 1000 });
const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({ kind: fc.constantFrom('gone' as const, 'empty' as const, 'foreign' as const), at: place }),
  fc.record({ kind: fc.constantFrom('cut' as const, 'flip' as const, 'zero' as const), at: place, where: place }),
  fc.record({ kind: fc.constantFrom('copy' as const, 'exchange' as const), at: place, to: place }),
  fc.record({ kind: fc.constantFrom('copied-generation' as const, 'times' as const, 'record' as const), at: place }),
);

function isLast(files: readonly string[], name = ''): boolean {
  const folder = dirname(name);
  return files.findLast((one) => dirname(one) === folder && folder.endsWith('wal')) === name;
}

async function inflict(root: string, done: Damage): Promise<void> {
  const files = (await readdir(root, { recursive: true })).filter((name) => name.endsWith('.lz4')).sort();
  const pick = (n: number): string => join(root, must(files[n % files.length], 'not all of them are gone'));
  if (files.length === 0) return;
  const file = pick(done.at);
  switch (done.kind) {
    case 'gone':
      // That the very last one is missing nobody can know who has nothing but what lies there.
      return isLast(files, files[done.at % files.length]) ? undefined : await rm(file);
    case 'empty':
      return await truncate(file, 0);
    case 'foreign':
      await mkdir(join(root, 'generations/lost+found'), { recursive: true });
      return await writeFile(join(dirname(file), done.at % 2 === 0 ? '.DS_Store' : 'ffffffff.snapshot.lz4.part'), 'x');
    case 'cut':
      return await truncate(file, Math.floor(((await stat(file)).size * done.where) / 1001));
    case 'zero':
    case 'flip': {
      const bytes = await readFile(file);
      const at = Math.floor((bytes.length * done.where) / 1001);
      if (done.kind === 'flip') bytes[at] = (bytes[at] ?? 0) ^ (1 << (done.at % 8));
      else bytes.fill(0, at, Math.min(bytes.length, at + 64));
      return await writeFile(file, bytes);
    }
    case 'copy':
      return await copyFile(file, pick(done.to));
    case 'exchange': {
      const [first, second] = [await readFile(file), await readFile(pick(done.to))];
      await writeFile(file, second);
      return await writeFile(pick(done.to), first);
    }
    case 'copied-generation': {
      const generations = join(root, 'generations');
      const name = (await readdir(generations)).find((one) => /^[0-9a-f]{16}$/.test(one)) ?? '';
      return await cp(join(generations, name), join(generations, 'f'.repeat(16)), { recursive: true });
    }
    case 'times':
      return await utimes(file, done.at * 1e6, done.at * 1e6);
    case 'record':
      return await writeFile(join(root, 'tidemark.json'), ['', '{', '{"v":9}', '[1e300]'][done.at % 4] ?? '');
  }
}

/** What is to be given, where it is given. */
function truthOf(wish: RestoreWish, [desk = [], laptop = []]: readonly (readonly Moment[])[]): Moment | undefined {
  const named = 'generation' in wish && wish.generation !== undefined ? wish.generation : undefined;
  if (wish.kind === 'latest') return (named === desk[0]?.generation ? desk : laptop).at(-1);
  if (wish.kind === 'position') {
    const { generation, index, offset } = wish.position;
    return [...desk, ...laptop].find(
      (one) => one.generation === generation && one.index === index && one.offset === offset,
    );
  }
  if (wish.kind !== 'time') return undefined;
  // The last one begun by then, whatever its clock says.
  const at = (points: readonly Moment[]) => points.findLast((one) => one.at <= wish.at);
  return at(laptop) ?? at(desk);
}

test('the outcome is the exact truth or a refusal, whatever was done to what lies there', async () => {
  const folder = await scratchFolder();
  const clocks = [-hourMs, -30_000, 0, 17 * 365 * 24 * hourMs];
  const histories = await Promise.all(
    clocks.map(async (aheadMs) => {
      const own = join(folder, `${aheadMs}`);
      await mkdir(own);
      return { own, told: await writeTwo(own, aheadMs) };
    }),
  );
  let runs = 0;
  let given = 0;
  const wishes = fc.oneof(
    fc.constant({ kind: 'latest' as const }),
    fc.record({ kind: fc.constant('moment' as const), at: place, isExact: fc.boolean() }),
    fc.record({ kind: fc.constant('latest-of' as const), at: fc.nat({ max: 1 }) }),
  );
  const cases = fc.record({
    history: fc.nat({ max: clocks.length - 1 }),
    damages: fc.array(damage, { maxLength: 3 }),
    wish: wishes,
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ history, damages, wish: drawn }) => {
      const { own, told } = must(histories[history], 'one of them');
      const root = join(own, `run-${++runs}`);
      await cp(join(own, 'whole'), root, { recursive: true, preserveTimestamps: true });
      for (const done of damages) await inflict(root, done);
      const all = told.flat();
      const one = must(all[drawn.kind === 'moment' ? drawn.at % all.length : 0], 'there are points');
      const { generation, index, offset } = one;
      const wish = (
        drawn.kind === 'latest'
          ? drawn
          : drawn.kind === 'latest-of'
            ? { kind: 'latest', generation: told[drawn.at]?.[0]?.generation }
            : drawn.isExact
              ? { kind: 'position', position: { generation, index, offset } }
              : { kind: 'time', at: one.at }
      ) as RestoreWish;
      const outputPath = join(root, 'restored.db');
      try {
        const result = await restoreReplica({
          target: openFolderTarget({ path: root }),
          wish,
          outputPath,
          signal: calm,
        });
        given++;
        const truth = must(truthOf(wish, told), 'it can be told what was');
        const { position } = result.point;
        expect([position.generation, position.index, position.offset]).toEqual([
          truth.generation,
          truth.index,
          truth.offset,
        ]);
        expect((await readFile(outputPath)).equals(truth.image)).toBe(true);
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        // Refused in words, and nothing is left.
        expect(error.message.length).toBeGreaterThan(20);
        expect(damages.length).toBeGreaterThan(0);
        expect((await readdir(root)).filter((name) => name.includes('restored'))).toEqual([]);
      }
      await rm(root, { recursive: true });
    }),
    { numRuns: 250 },
  );
  // It is no test of refusals alone.
  expect(given).toBeGreaterThan(40);
}, 120_000);
