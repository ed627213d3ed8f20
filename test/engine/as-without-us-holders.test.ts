// Applications that keep their database for themselves (PRAGMA locking_mode = EXCLUSIVE): they start and work beside Tidemark,
// which says what it cannot see, and captures what they did.
import { describe, expect, test } from 'vitest';
import { askIntegrity, askRows, insertRows, type Rows, rowsOf, sumRows } from '../support/rows.ts';
import { appKinds, type Step } from '../support/scripted.ts';
import { Tenant } from '../support/tenant.ts';

const liveRows = 300;
const exclusively: Step = ['ask', 'PRAGMA locking_mode = EXCLUSIVE'];

function commit(n: number): Step {
  return ['run', insertRows('own', { from: liveRows + n, count: 1 })];
}

function withOwn(count: number): Rows {
  return sumRows([...rowsOf('live', { from: 0, count: liveRows }), ...rowsOf('own', { from: liveRows, count })]);
}

describe('an application that keeps its database for itself', () => {
  test.concurrent.for(appKinds)('starts while it is protected, and what it did is captured: %s', async (kind) => {
    await using tenant = new Tenant(liveRows);
    await tenant.protect();
    await tenant.isLeftAlone();
    const app = tenant.app(kind);
    for (const first of [0, 3]) {
      await app.does(['open', tenant.file, 0], exclusively, ['ask', 'SELECT count(*) FROM t']);
      for (let n = first; n < first + 3; n++) await app.does(commit(n), ['sleep', 50]);
      await tenant.isHonest(withOwn(first + 3));
      const rows = await app.does(['ask', askIntegrity], ['ask', askRows], ['close']);
      expect(rows[0]).toEqual([['ok']]);
      expect(sumRows(rows[1])).toEqual(withOwn(first + 3));
      await tenant.newestIs('what it did is captured', withOwn(first + 3));
      await tenant.shipped();
      await tenant.isLeftAlone();
    }
    expect(await tenant.replacementsTold()).toBe(0);
  });

  test.concurrent.for(appKinds)('stays for long, and Tidemark waits without being in its way: %s', async (kind) => {
    await using tenant = new Tenant(liveRows);
    await tenant.protect();
    await tenant.isLeftAlone();
    const app = tenant.app(kind);
    await app.does(['open', tenant.file, 0], exclusively, commit(0));
    // Whatever Tidemark tries meanwhile, nothing is ever busy for the one that holds it.
    const commits = Array.from({ length: 40 }, (_, n) => [commit(n + 1), ['sleep', 100]] as const).flat();
    expect(new Set(await app.does(...commits))).toEqual(new Set(['done']));
    await tenant.isHonest(withOwn(41));
    await app.does(['close']);
    await tenant.newestIs('what it did is captured', withOwn(41));
    await tenant.shipped();
    await tenant.isLeftAlone();
  });

  test.concurrent.for(appKinds)('decides so while it is at work already: %s', async (kind) => {
    await using tenant = new Tenant(liveRows);
    await tenant.protect();
    const app = tenant.app(kind);
    await app.does(...tenant.opening(0), commit(0));
    await tenant.newestIs('what it did before is captured', withOwn(1));
    await app.does(exclusively, commit(1), ['sleep', 100], commit(2), ['sleep', 700], commit(3));
    await tenant.isHonest(withOwn(4));
    const rows = await app.does(['ask', askIntegrity], ['ask', askRows], ['close']);
    expect(rows[0]).toEqual([['ok']]);
    expect(sumRows(rows[1])).toEqual(withOwn(4));
    await tenant.newestIs('what it did then is captured', withOwn(4));
    await tenant.shipped();
    await tenant.isLeftAlone();
  });
});
