// At the instants that we print both lines of the real litestream restore exactly what we do, to the millisecond: a file's time never lies
// behind the instant, not by a nanosecond, and nobody knows anything behind the newest object.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findLitestream } from '../../electron/demo/litestream-binary.ts';
import { RealHistory, type RecordedPoint } from '../support/replica-history.ts';
import { findLitestream5 } from '../support/litestream-5.ts';
import { newPlace, type Place, restore } from '../support/replica-place.ts';

const lines = [
  ['0.3', findLitestream()],
  ['0.5', await findLitestream5()],
] as const;

/** A transaction a segment, over three indices; each a second and an odd number of milliseconds after a whole minute. */
async function writePoints(place: Place, oddMs: number): Promise<RealHistory> {
  const history = new RealHistory({ ...place, startAt: Date.UTC(2026, 0, 2, 10) + oddMs });
  history.commit(2);
  await history.snapshot();
  await history.ship();
  for (let i = 1; i < 16; i++) {
    if (i % 6 === 0) history.restart();
    history.commit();
    await history.ship();
  }
  return history;
}

/** Which of the points a program makes of an instant; −1 where it refuses. */
function pointAt(program: string, { folder, target }: Place, points: readonly RecordedPoint[], at: number): number {
  const output = join(folder, 'theirs.db');
  const args = ['restore', '-o', output, '-timestamp', new Date(at).toISOString(), `file://${target.path}`];
  const { status } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) return -1;
  const file = readFileSync(output);
  rmSync(output);
  return points.findIndex(({ image }) => image.equals(file));
}

describe.each(lines)('litestream %s', (_line, program) => {
  test.skipIf(program === undefined).each([7, 333, 501])(
    'restores at our instants what we restore, %i ms after a second',
    async (oddMs) => {
      const place = await newPlace();
      using history = await writePoints(place, oddMs);
      const { points } = history;
      // At the newest instant of all they say that they do not know it.
      const instants = points.slice(0, -1).flatMap(({ at }) => [at, at + 999]);
      const theirs = instants.map((at) => pointAt(program ?? '', place, points, at));
      expect(theirs).toEqual(instants.map((at) => points.findLastIndex((point) => point.at <= at)));
      const own = points[4];
      if (own === undefined) throw new Error('there are sixteen');
      const { point } = await restore({ target: place.target, output: place.output }, { kind: 'time', at: own.at });
      expect(point.at).toBe(own.at);
      expect(readFileSync(place.output).equals(own.image)).toBe(true);
    },
  );
});
