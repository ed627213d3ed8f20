// The engine dies at places where it awaits or touches a file, a few of them each time: afterwards a normal run goes on, and
// every restore point is a state that was written. All places: npm run soak -- --crash.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CrashPoint, CrashStage, scenarios } from '../soak/crash-points.ts';
import { tempFolder, type TempFolder } from '../support/temp.ts';
import { seededRandom } from '../support/truth.ts';

const seed = Number(process.env['TIDEMARK_SEED'] ?? Math.floor(Math.random() * 1e6));
const random = seededRandom(seed);
const deaths = 5;
let folder: TempFolder;
let stage: CrashStage;

beforeAll(() => {
  folder = tempFolder('tidemark-crash');
  stage = new CrashStage(folder.path);
});
afterAll(() => {
  stage[Symbol.dispose]();
  folder[Symbol.dispose]();
});

function pick<T>(from: readonly T[]): T {
  return from[Math.floor(random() * from.length)] as T;
}

describe('an engine that dies anywhere', () => {
  test.for([pick(scenarios), 'compare' as const])(
    'leaves a history to go on with: while it has to %s',
    async (scenario) => {
      const points = await stage.find(scenario, seed);
      expect(points.length).toBeGreaterThan(100);
      const chosen: CrashPoint[] = Array.from({ length: deaths }, () => pick(points));
      for (const point of chosen) {
        const { isReached, complaints } = await stage.crash(point);
        console.log(`seed ${seed}: ${point.site} #${point.occurrence}${isReached ? '' : ', not reached this time'}`);
        expect(complaints, `${point.scenario}, ${point.site} #${point.occurrence}`).toEqual([]);
      }
    },
  );
});
