// What hands and programs do to the files of a database while it is protected, and perhaps open: touched, deleted and made again,
// an older copy put over it while it is written, its -shm or -wal deleted. What is true is told once, what is nothing is not
// told, and no restore point claims what was not.
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { askRows, createIndex, createTable, insertRows, type Rows, rowsOf, sumRows } from '../support/rows.ts';
import type { ScriptedApp, Step } from '../support/scripted.ts';
import { Tenant } from '../support/tenant.ts';
import { until } from '../support/temp.ts';

const liveRows = 300;
/** Long enough for everything that looks at files by the clock. */
const lookedAtMs = 2500;

function commit(n: number): Step {
  return ['run', insertRows('own', { from: liveRows + n, count: 1 })];
}

function withOwn(count: number): Rows {
  return sumRows([...rowsOf('live', { from: 0, count: liveRows }), ...rowsOf('own', { from: liveRows, count })]);
}

describe('a database is touched', () => {
  test.concurrent.for([
    ['at rest', false],
    ['while an application has it open', true],
  ] as const)('%s: nothing happened, and nothing is told', async ([, isOpen]) => {
    await using tenant = new Tenant(liveRows);
    await tenant.protect();
    const person = tenant.app();
    const app = tenant.app();
    await app.does(...tenant.opening(), commit(0));
    await tenant.newestIs('it is captured', withOwn(1));
    if (isOpen) {
      await tenant.isWalEmpty();
    } else {
      await app.does(['close']);
      await tenant.isLeftAlone();
    }
    await tenant.shipped();
    const told = await tenant.told();
    const points = (await tenant.engine.points(tenant.id)).length;
    await person.does(['touch', tenant.file], ['sleep', lookedAtMs], ['touch', tenant.file], ['sleep', lookedAtMs]);
    expect(tenant.state.status.kind).toBe('protected');
    if (!isOpen) await app.does(...tenant.opening());
    await app.does(commit(1), commit(2));
    await tenant.newestIs('it is captured on', withOwn(3));
    await tenant.shipped();
    expect(await tenant.told()).toEqual(told);
    expect(tenant.problems).toEqual([]);
    expect(await tenant.breaks()).toEqual({ generations: 1, gaps: [] });
    expect(await tenant.engine.points(tenant.id)).toHaveLength(points + 2);
  });
});

describe('a database is deleted, and made anew by its application', () => {
  test.concurrent.for([0, 1500])('%i ms later: told once, and the new file is protected', async (afterMs) => {
    await using tenant = new Tenant(liveRows);
    await tenant.protect();
    const app = tenant.app();
    await app.does(...tenant.opening(), commit(0));
    await tenant.newestIs('it is captured', withOwn(1));
    const former = await tenant.newestPoint();
    await app.does(
      ['close'],
      ['remove', tenant.file],
      ['sleep', afterMs],
      ...tenant.opening(),
      ['run', createTable],
      ['run', createIndex],
      ['run', insertRows('fresh', { from: 0, count: 20 })],
    );
    await tenant.newestIs('the new one is captured', sumRows(rowsOf('fresh', { from: 0, count: 20 })));
    await app.does(['run', insertRows('fresh', { from: 20, count: 1 })]);
    const fresh = sumRows(rowsOf('fresh', { from: 0, count: 21 }));
    await tenant.newestIs('it is captured on', fresh);
    await tenant.shipped();
    expect(await tenant.restoredRows(former)).toEqual(withOwn(1));
    await app.does(['sleep', lookedAtMs], ['close']);
    await tenant.isLeftAlone();
    await tenant.shipped();
    expect(await tenant.replacementsTold()).toBe(1);
    const troubles = await tenant.told({ isOnlyTrouble: true });
    expect(troubles).toEqual([...new Set(troubles)]);
  });
});

describe('files beside an open database are deleted', () => {
  const which = [
    ['the -shm', ['-shm']],
    ['the -shm and the -wal', ['-shm', '-wal']],
    ['the -wal', ['-wal']],
  ] as const;

  test.concurrent.for(which)('%s: it is told, and what the application writes then is not lost', async ([, ends]) => {
    await using tenant = new Tenant(liveRows);
    await tenant.protect();
    const app = tenant.app();
    const person = tenant.app();
    await app.does(...tenant.opening(), commit(0));
    await tenant.newestIs('it is captured', withOwn(1));
    await person.does(...ends.map((end) => ['remove', `${tenant.file}${end}`] as const));
    for (let n = 1; n <= 50; n++) await app.does(commit(n), ['sleep', 20]);
    await tenant.isHonest(withOwn(51));
    await app.does(['close']);
    // The last one to close brings everything home, as without Tidemark; who comes next sees it.
    const rows = await app.does(...tenant.opening(), ['ask', askRows]);
    expect(sumRows(rows.at(-1))).toEqual(withOwn(51));
    await tenant.newestIs('everything is captured', withOwn(51));
    await app.does(commit(51));
    await tenant.newestIs('it is captured on', withOwn(52));
    await app.does(['close']);
    await tenant.isLeftAlone();
    await tenant.shipped();
    const troubles = await tenant.told({ isOnlyTrouble: true });
    expect([...troubles, ...tenant.problems]).not.toEqual([]);
    expect(troubles).toEqual([...new Set(troubles)]);
  });
});

describe('an older copy is put over a database while an application writes to it', () => {
  // Every page is another one in the copy, and trees have the same shape: whatever a mixture holds, it can be read.
  const count = 12_000;
  const change = (n: number): Step => ['try', `UPDATE t SET b = 'own' || substr(b, 4) WHERE a = ${(n * 97) % count}`];

  test('it is told, and no restore point claims what the file never held', async () => {
    await using tenant = new Tenant(0);
    const writer = tenant.app();
    const older = tenant.folder.at('older.db');
    await writer.does(
      ...tenant.opening(),
      ['run', 'DROP INDEX i'],
      ['run', insertRows('old', { from: 0, count })],
      ['close'],
      ['copy', tenant.file, older],
      ...tenant.opening(),
      ['run', "UPDATE t SET b = 'new' || substr(b, 4)"],
      ['close'],
    );
    await tenant.protect();
    const person = tenant.app();
    await writer.does(...tenant.opening());
    const writing = writer.does(...Array.from({ length: 120 }, (_, n) => [change(n), ['sleep', 100]] as const).flat());
    await person.does(['sleep', 2000], ['copy', older, tenant.file]);
    const words = 'shop.db was overwritten by another';
    await until('it is told', async () => (await tenant.told()).some((text) => text.includes(words)));
    await writing;

    for (let n = 120; n < 124; n++) {
      await isTrue(tenant, person);
      await writer.does(change(n));
    }
    await isTrue(tenant, person);
    await writer.does(['close']);
    await tenant.isLeftAlone();
    await tenant.shipped();
    const live = await writer.asks(...tenant.opening(), ['ask', askRows]);
    await tenant.newestIs('what the file holds in the end is captured', sumRows(live));
    expect(await tenant.replacementsTold()).toBe(1);
  });
});

/** Waits until the newest point restores to what the live file holds with its WAL, or it is told that it does not. Nobody writes. */
async function isTrue(tenant: Tenant, person: ScriptedApp): Promise<void> {
  const apart = tenant.folder.at('apart.db');
  await until('the newest point is true', async () => {
    const wal: readonly Step[] = tenant.sidecars().includes('-wal')
      ? [['copy', `${tenant.file}-wal`, `${apart}-wal`]]
      : [];
    const live = await person.does(
      ['remove', `${apart}-wal`],
      ['copy', tenant.file, apart],
      ...wal,
      ['open', apart, 0],
      ['ask', askRows],
      ['close'],
    );
    const { kind } = tenant.state.status;
    if (kind === 'attention' || kind === 'problem') return true;
    return isDeepStrictEqual(await tenant.newestRows().catch(() => undefined), sumRows(live.at(-2)));
  });
}
