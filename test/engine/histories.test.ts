// Model-checked histories, a short run: writers of several kinds, and an engine that is killed, starved and cut off while they
// write. Every restore point is what the writers had committed. Longer ones: npm run soak.
import { describe, expect, test } from 'vitest';
import { versionOf } from '../soak/executors.ts';
import { runHistory } from '../soak/history.ts';
import { tempFolder } from '../support/temp.ts';

const random = Number(process.env['TIDEMARK_SEED'] ?? Math.floor(Math.random() * 1e6));

/** Seeds that once failed, each with what it found. */
const seeds: readonly (readonly [number, string])[] = [
  [2, 'an index that was composed and shipped only after the next start'],
  [3, 'times that ran backwards at a restart and at an image'],
  [575_163, 'frames that an old SQLite committed without a checksum'],
  [random, 'a new one'],
];

describe('every restore point of a history', () => {
  test.concurrent.for(seeds)('is what the writers committed: seed %i, %s', async ([seed]) => {
    for (const application of ['sqlite3', 'python3'] as const) {
      if (versionOf(application) === undefined) console.log(`without ${application}, which is not installed`);
    }
    using folder = tempFolder('tidemark-history');
    const judged = await runHistory({ seed, folder: folder.path, seconds: 2, restores: 15, say: console.log });
    console.log(`seed ${seed}:`, { ...judged, complaints: judged.complaints.length });
    expect(judged.complaints, `seed ${seed}`).toEqual([]);
    expect(judged.points).toBeGreaterThan(0);
  });
});
