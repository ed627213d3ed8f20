// Whatever was done to what lies on a target, and whatever the clocks of two computers said: what retention says that stays is
// restorable afterwards as it was before, and what it deletes takes nothing else along.
import { cp, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { describePlan, restoreReplica } from '../../electron/engine/restore/restore.ts';
import { lookAtReplica } from '../../electron/engine/retain/look.ts';
import { planRetention, type RetainPlan } from '../../electron/engine/retain/plan.ts';
import { prune } from '../../electron/engine/retain/prune.ts';
import { Readers } from '../../electron/engine/retain/readers.ts';
import { type FolderTarget, openFolderTarget } from '../../electron/engine/targets/folder.ts';
import { must } from '../../shared/assert.ts';
import type { RestoreWish } from '../../shared/contract.ts';
import { AppError } from '../../shared/errors.ts';
import type { Generation } from '../../shared/position.ts';
import { calm, scratchFolder } from '../support/replica-scratch.ts';
import { damage, inflict, laptopClocks, type Moment, place, writeTwo } from '../support/two-histories.ts';

/** Where a wish leads, as text; undefined for a refusal. */
async function answerTo(target: FolderTarget, wish: RestoreWish): Promise<string | undefined> {
  try {
    const { point } = await describePlan({ target, wish, signal: calm });
    const { generation, index, offset } = point.position;
    return `${generation}/${index}:${offset}`;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return undefined;
  }
}

function exactly({ generation, index, offset }: Moment): RestoreWish {
  return { kind: 'position', position: { generation: generation as Generation, index, offset } };
}

/** What the plan says in words: of a span everything behind its image, or up to a place, or the image alone. */
function isPromised({ spans, whole }: RetainPlan, point: Moment): boolean {
  if (whole.includes(point.generation as Generation)) return true;
  return spans.some(({ image, to }) => {
    if (image.generation !== point.generation) return false;
    const isBehind = (end: { readonly index: number; readonly offset: number }): boolean =>
      point.index > end.index || (point.index === end.index && point.offset > end.offset);
    const from = { index: image.index, offset: image.offset ?? 0 };
    const isImage = point.index === from.index && point.offset === from.offset;
    if (to === 'image' || isImage) return isImage;
    return isBehind(from) && (to === 'end' || !isBehind(to));
  });
}

/** What told when the first computer's history was begun is a copy: by its times it would be the last, and the other one old. */
const orderLost = {
  history: 0,
  damages: [{ kind: 'copy' as const, at: 0, to: 751 }],
  windowMs: 0,
  nowAt: 0,
  laterMs: 400 * 24 * 3_600_000,
  isLive: false,
  pin: null,
};

test('what retention promises is restorable as before, whatever was done to what lies there', async () => {
  const folder = await scratchFolder();
  const histories = await Promise.all(
    laptopClocks.map(async (aheadMs) => {
      const own = join(folder, `${aheadMs}`);
      await mkdir(own);
      return { own, told: await writeTwo(own, aheadMs) };
    }),
  );
  let [runs, deletions, promises] = [0, 0, 0];
  const cases = fc.record({
    history: fc.nat({ max: laptopClocks.length - 1 }),
    damages: fc.array(damage, { maxLength: 2 }),
    windowMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 30_000 })),
    nowAt: place,
    laterMs: fc.oneof(fc.integer({ min: 0, max: 20_000 }), fc.constant(400 * 24 * 3_600_000)),
    isLive: fc.boolean(),
    pin: fc.option(place),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ history, damages, windowMs, nowAt, laterMs, isLive, pin }) => {
      const { own, told } = must(histories[history], 'one of them');
      const root = join(own, `run-${++runs}`);
      await cp(join(own, 'whole'), root, { recursive: true, preserveTimestamps: true });
      for (const done of damages) await inflict(root, done);
      const target = openFolderTarget({ path: root });
      const all = told.flat();
      const wishes = all.map(exactly);
      const before = await Promise.all(wishes.map((wish) => answerTo(target, wish)));
      const newest = await answerTo(target, { kind: 'latest' });

      const pinned = pin === null ? undefined : must(all[pin % all.length], 'there are points');
      const { generation = '', index = 0, offset = 0 } = pinned ?? {};
      const looked = await lookAtReplica(target, { snapshots: [], signal: calm });
      const plan = planRetention({
        ...looked,
        retention: { kind: 'thinned', windowMs, dailyMs: 0, weeklyMs: 0 },
        pinned: pinned === undefined ? [] : [{ generation: generation as Generation, index, offset, why: 'pinned' }],
        current: isLive ? (all.at(-1)?.generation as Generation) : undefined,
        now: must(all[nowAt % all.length], 'there are points').at + laterMs,
      });
      const pruned = await prune({ target, url: root, plan, readers: new Readers(), signal: calm });
      expect(pruned.kind).toBe('done');
      deletions += pruned.objects;

      const after = await Promise.all(wishes.map((wish) => answerTo(target, wish)));
      const promised = all.map((point) => point === pinned || isPromised(plan, point));
      promises += promised.filter((one, i) => one && before[i] !== undefined).length;
      expect(after.filter((_, i) => promised[i])).toEqual(before.filter((_, i) => promised[i]));
      // What is given of the others is what was asked for; the newest stays the newest.
      for (const [i, answer] of after.entries()) expect([before[i], undefined]).toContain(answer);
      expect(await answerTo(target, { kind: 'latest' })).toBe(newest);

      const outputPath = join(root, 'restored.db');
      const chosen = all.findIndex((_, i) => promised[i] === true && after[i] !== undefined);
      if (chosen >= 0) {
        const wish = must(wishes[chosen], 'one for each');
        await restoreReplica({ target, wish, outputPath, signal: calm }).catch((error: unknown) => {
          // Damage within an object is found by reading it.
          if (damages.length === 0 || !(error instanceof AppError)) throw error;
        });
        const restored = await readFile(outputPath).catch(() => undefined);
        if (restored !== undefined) expect(restored.equals(must(all[chosen], 'one of them').image)).toBe(true);
      }
      await rm(root, { recursive: true });
    }),
    { numRuns: 60, examples: [[orderLost]] },
  );
  expect(deletions).toBeGreaterThan(100);
  expect(promises).toBeGreaterThan(100);
}, 120_000);
