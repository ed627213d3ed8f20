// What is read of a database while an application writes to it without a WAL: nothing keeps the file as it is then, so whatever is
// read meanwhile counts only where nobody wrote.
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { appKinds, type Step } from '../support/scripted.ts';
import { until } from '../support/temp.ts';
import { Tenant } from '../support/tenant.ts';

/** On so many pages that an image of them takes longer than a transaction. */
const rows = 600;
const change = ['run', 'UPDATE spread SET v = v + 1'] as const;
const rounds = 40;

/** One transaction changes all of them. */
function isWhole(file: string): boolean {
  const database = new Database(file, { readonly: true });
  try {
    return database.prepare('SELECT count(DISTINCT v) = 1 FROM spread').pluck().get() === 1;
  } finally {
    database.close();
  }
}

test.for(appKinds.flatMap((kind) => (['DELETE', 'MEMORY'] as const).map((mode) => ({ kind, mode }))))(
  'every restore point is a state that was committed: $mode, $kind',
  async ({ kind, mode }) => {
    await using tenant = new Tenant(10);
    const app = tenant.app(kind);
    await app.does(
      ...tenant.opening(),
      ['run', 'CREATE TABLE spread(id INTEGER PRIMARY KEY, v INTEGER, pad BLOB)'],
      [
        'run',
        `WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < ${rows})
         INSERT INTO spread SELECT n, 0, randomblob(3000) FROM i`,
      ],
    );
    await tenant.protect();
    const leave: Step = ['try', `PRAGMA journal_mode = ${mode}`];
    for (let round = 0; round < rounds; round++) {
      // Refused while the WAL is being copied, as beside any other program.
      await until('it writes without a WAL', async () => (await app.asks(leave)) === 'ok');
      const pause: Step = ['sleep', (round * 37) % 90];
      await app.does(change, ['ask', 'PRAGMA journal_mode = WAL'], change, pause);
    }
    await app.does(['close']);
    await tenant.isLeftAlone();
    await tenant.shipped();
    const points = await tenant.engine.points(tenant.id);
    expect(points.length).toBeGreaterThan(1);
    // That it has no WAL is true as long as it has none, and that it does not hold still, too.
    const isSo = new Set(['database-not-wal', 'database-left-wal', 'database-unsteady']);
    expect(tenant.problems.filter((code) => !isSo.has(code))).toEqual([]);
    for (const point of points) {
      const file = await tenant.restored(point);
      expect(isWhole(file), JSON.stringify(point)).toBe(true);
    }
  },
);
