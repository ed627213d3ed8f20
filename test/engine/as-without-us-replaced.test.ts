// An application closes its database, another file takes its place, and the application opens it again: it finds that file and
// nothing else, whoever puts it there and when, whether Tidemark watches, was paused, stopped or told to let the database
// alone just before; and what is in place is captured from then on.
import { describe, expect, test } from 'vitest';
import { askIntegrity, askRows, insertRows, makeRows, type Rows, rowsOf, sumRows } from '../support/rows.ts';
import { type AppKind, appKinds, type ScriptedApp, type Step } from '../support/scripted.ts';
import { Tenant } from '../support/tenant.ts';

const liveRows = 2000;
const ways = ['copy', 'move'] as const;
/** Fewer rows than the live database has, and more: the file is shorter or longer than what a wal-index may remember. */
const sizes = [500, 6000] as const;

interface Case {
  readonly way: (typeof ways)[number];
  readonly size: number;
  readonly kind: AppKind;
}

const cases: readonly Case[] = ways.flatMap((way) =>
  sizes.flatMap((size) => appKinds.map((kind) => ({ way, size, kind }))),
);

/** Rows of the application in the new file, numbered from here. */
const ownFrom = 100_000;
/** The last that it does before: a change, at once followed by the close. */
const changeAndClose: readonly Step[] = [['run', "UPDATE t SET b = 'touched' WHERE a = 1500"], ['close']];

/** What the application finds and what a restore gives: the copy, and the first rows of its own. */
function expected({ size }: Case, own: number): Rows {
  return sumRows([...rowsOf('copy', { from: 0, count: size }), ...rowsOf('own', { from: ownFrom, count: own })]);
}

/** Puts the copy in place, opens it, adds rows of its own, and looks at everything: all of it without a pause. */
async function replace(tenant: Tenant, one: Case, { app, before }: { app: ScriptedApp; before: readonly Step[] }) {
  const answers = await app.does(
    ...before,
    [one.way, tenant.folder.at('copy.db'), tenant.file],
    ...tenant.opening(),
    ['run', insertRows('own', { from: ownFrom, count: 10 })],
    ['ask', askIntegrity],
    ['ask', askRows],
  );
  return { integrity: answers.at(-2), rows: sumRows(answers.at(-1)) };
}

/** Protects the database, and lets an application have it open that wrote to it; makes the copy that will take its place. */
async function begin(tenant: Tenant, one: Case): Promise<ScriptedApp> {
  makeRows(tenant.folder.at('copy.db'), 'copy', one.size);
  await tenant.protect();
  const app = tenant.app(one.kind);
  const more = { from: 50_000, count: 5 };
  await app.does(...tenant.opening(), ['run', insertRows('more', more)]);
  const rows = sumRows([...rowsOf('live', { from: 0, count: liveRows }), ...rowsOf('more', more)]);
  await tenant.newestIs('what the application wrote is captured', rows);
  return app;
}

describe('another file is put in the place of the database, and opened', () => {
  const whens = [
    ['by the application itself, right after it closed it', 0],
    ['by a person, 0.3 s after it was closed', 300],
    ['by a person, 3 s after it was closed', 3000],
  ] as const;
  const all = whens.flatMap(([when, pauseMs]) =>
    cases.filter(({ kind }) => pauseMs === 0 || kind === 'node').map((one) => ({ when, pauseMs, ...one })),
  );

  test.concurrent.for(all)('$when: $way, $size rows, $kind', async (one) => {
    await using tenant = new Tenant(liveRows);
    const app = await begin(tenant, one);
    const former = await tenant.newestPoint();
    const formerRows = await tenant.restoredRows(former);
    const before: readonly Step[] = one.pauseMs === 0 ? changeAndClose : [...changeAndClose, ['sleep', one.pauseMs]];
    expect(await replace(tenant, one, { app, before })).toEqual({ integrity: [['ok']], rows: expected(one, 10) });

    // It stays open: what it does is captured nevertheless.
    await tenant.newestIs('the new file is captured', expected(one, 10));
    await app.does(['run', insertRows('own', { from: ownFrom + 10, count: 1 })]);
    await tenant.newestIs('its next commit is captured', expected(one, 11));
    await tenant.shipped();
    expect(await tenant.restoredRows(former)).toEqual(formerRows);

    const answers = await app.does(['ask', askIntegrity], ['ask', askRows], ['close']);
    expect(answers[0]).toEqual([['ok']]);
    expect(sumRows(answers[1])).toEqual(expected(one, 11));
    await tenant.isLeftAlone();
    await tenant.newestIs('nothing changed by closing it', expected(one, 11));
    await tenant.shipped();
    // Once; where it came between two looks, as a new history or a gap.
    const told = await tenant.replacementsTold();
    const { generations, gaps } = await tenant.breaks();
    expect(told).toBeLessThanOrEqual(1);
    expect(told + generations - 1 + gaps.length).toBeGreaterThan(0);
  });
});

describe('Tidemark lets go while an application has the database open, which then replaces it', () => {
  const some = cases.filter(({ kind }) => kind === 'node');

  const lettings = [
    {
      how: 'paused',
      letGo: async ({ engine, id }: Tenant) => await engine.call('pause', { databaseId: id }),
      takeUp: async ({ engine, id }: Tenant) => await engine.call('resume', { databaseId: id }),
    },
    {
      how: 'stopped',
      letGo: async (tenant: Tenant) => await tenant.stop(),
      takeUp: async (tenant: Tenant) => await tenant.protect(),
    },
    {
      how: 'removed',
      letGo: async ({ engine, id }: Tenant) => await engine.call('removeDatabase', { databaseId: id }),
      takeUp: undefined,
    },
  ] as const;

  test.concurrent.for(lettings.flatMap((letting) => some.map((one) => ({ ...letting, ...one }))))(
    '$how: $way, $size rows',
    async ({ letGo, takeUp, ...one }) => {
      await using tenant = new Tenant(liveRows);
      const app = await begin(tenant, one);
      await letGo(tenant);
      const found = await replace(tenant, one, { app, before: changeAndClose });
      expect(found).toEqual({ integrity: [['ok']], rows: expected(one, 10) });
      await app.does(['close']);
      await tenant.isLeftAlone();
      await takeUp?.(tenant);
      if (takeUp !== undefined) await goesOn(tenant, one);
    },
  );

  test.concurrent.for(some)('paused and resumed while it has the new file open: $way, $size rows', async (one) => {
    await using tenant = new Tenant(liveRows);
    const app = await begin(tenant, one);
    await tenant.engine.call('pause', { databaseId: tenant.id });
    const found = await replace(tenant, one, { app, before: [['close']] });
    expect(found).toEqual({ integrity: [['ok']], rows: expected(one, 10) });
    await tenant.engine.call('resume', { databaseId: tenant.id });
    await goesOn(tenant, one);
    await app.does(['run', insertRows('own', { from: ownFrom + 10, count: 1 })]);
    await tenant.newestIs('its next commit is captured', expected(one, 11));
    await app.does(['close']);
    await tenant.isLeftAlone();
  });
});

/** What was put in place while nobody watched is captured; it is told once where the file is another one. */
async function goesOn(tenant: Tenant, one: Case): Promise<void> {
  await tenant.newestIs('the new file is captured', expected(one, 10));
  await tenant.shipped();
  const told = await tenant.replacementsTold();
  if (one.way === 'move') expect(told).toBe(1);
  // The same file with other content: an application may have written it.
  else expect(told).toBeLessThanOrEqual(1);
}
