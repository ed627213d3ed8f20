// Whatever is done to what lies on a target, and whatever is asked of it: a restore gives the exact truth, or refuses. Histories of two
// computers whose clocks differ, with objects that are gone, cut, changed, copied, exchanged or foreign.
import { cp, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { restoreReplica } from '../../electron/engine/restore/restore.ts';
import { openFolderTarget } from '../../electron/engine/targets/folder.ts';
import { AppError } from '../../shared/errors.ts';
import { must } from '../../shared/assert.ts';
import type { RestoreWish } from '../../shared/contract.ts';
import { calm, scratchFolder } from '../support/replica-scratch.ts';
import { damage, inflict, laptopClocks, type Moment, place, writeTwo } from '../support/two-histories.ts';

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
  const histories = await Promise.all(
    laptopClocks.map(async (aheadMs) => {
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
    history: fc.nat({ max: laptopClocks.length - 1 }),
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
