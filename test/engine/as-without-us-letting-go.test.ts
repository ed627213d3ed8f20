// Letting go of a database: afterwards its files are what the last close of its application would have left, and where an
// application has it open, that one goes on as if nothing had been. The same for a Tidemark that was killed while at rest.
import fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import { askIntegrity, askRows, insertRows, makeRows, type Rows, rowsOf, sumRows } from '../support/rows.ts';
import { startScript } from '../support/processes.ts';
import { startScripted, type Step } from '../support/scripted.ts';
import { tempFolder, until } from '../support/temp.ts';
import { Tenant } from '../support/tenant.ts';

const liveRows = 2000;

const ways: readonly (readonly [string, (tenant: Tenant) => Promise<void>])[] = [
  ['paused', async ({ engine, id }) => await engine.call('pause', { databaseId: id })],
  ['paused with all others', async ({ engine }) => await engine.call('pause', {})],
  ['removed', async ({ engine, id }) => await engine.call('removeDatabase', { databaseId: id })],
  ['stopped', async (tenant) => await tenant.stop()],
];

function commit(n: number): Step {
  return ['run', insertRows('own', { from: liveRows + n, count: 1 })];
}

function withOwn(count: number): Rows {
  return sumRows([...rowsOf('live', { from: 0, count: liveRows }), ...rowsOf('own', { from: liveRows, count })]);
}

describe('a database that nobody has open', () => {
  test('has nothing beside it once it is protected, and a reader leaves nothing either', async () => {
    await using tenant = new Tenant(liveRows);
    await tenant.protect();
    await tenant.isLeftAlone();
    const app = tenant.app();
    await app.does(['open', tenant.file, 5000], ['ask', askRows], ['close']);
    await tenant.isLeftAlone();
    await tenant.shipped();
    expect(await tenant.told({ isOnlyTrouble: true })).toEqual([]);
  });

  test.for(ways)('has nothing beside it once it is %s: after a rest', async ([, letGo]) => {
    await using tenant = new Tenant(liveRows);
    await tenant.protect();
    await tenant.app().does(...tenant.opening(), commit(0), ['close']);
    await tenant.newestIs('it is captured', withOwn(1));
    await letGo(tenant);
    await tenant.isLeftAlone();
    const app = tenant.app();
    const rows = await app.asks(['open', tenant.file, 0], ['ask', 'PRAGMA journal_mode = DELETE']);
    expect(rows).toEqual([['delete']]);
  });

  test.for(ways)('has nothing beside it once it is %s: right after a commit', async ([how, letGo]) => {
    await using tenant = new Tenant(liveRows);
    await tenant.protect();
    const app = tenant.app();
    await app.does(...tenant.opening(), commit(0), commit(1), ['close']);
    await letGo(tenant);
    // Everything that has to be waited for was waited for.
    if (how === 'stopped') expect(tenant.sidecars()).toEqual([]);
    await tenant.isLeftAlone();
    const rows = await app.does(...tenant.opening(), ['ask', askIntegrity], ['ask', askRows], ['close']);
    expect(rows.at(-3)).toEqual([['ok']]);
    expect(sumRows(rows.at(-2))).toEqual(withOwn(2));
    expect(tenant.sidecars()).toEqual([]);
  });
});

describe('a database that an application has open', () => {
  test.for(ways)('goes on once it is %s, and is cleared away by its application alone', async ([, letGo]) => {
    await using tenant = new Tenant(liveRows);
    await tenant.protect();
    const app = tenant.app();
    await app.does(...tenant.opening(0), commit(0), commit(1));
    await letGo(tenant);
    expect(tenant.sidecars()).toEqual(['-wal', '-shm']);
    for (let n = 2; n < 6; n++) await app.does(commit(n), ['sleep', 20]);
    expect(await app.asks(commit(6), ['ask', 'PRAGMA wal_checkpoint(TRUNCATE)'])).toEqual([[0, 0, 0]]);
    expect(await app.asks(commit(7), ['ask', 'PRAGMA journal_mode = DELETE'])).toEqual([['delete']]);
    expect(await app.asks(['ask', 'PRAGMA journal_mode = WAL'])).toEqual([['wal']]);
    const rows = await app.does(commit(8), ['ask', askIntegrity], ['ask', askRows], ['close']);
    expect(rows[1]).toEqual([['ok']]);
    expect(sumRows(rows[2])).toEqual(withOwn(9));
    expect(tenant.sidecars()).toEqual([]);
  });
});

describe('Tidemark is killed while the database rests', () => {
  test.each(['copy', 'move'] as const)(
    'nothing lies beside it, and another file may take its place: %s',
    async (way) => {
      using folder = tempFolder();
      const file = folder.at('shop.db');
      makeRows(file, 'live', liveRows);
      makeRows(folder.at('copy.db'), 'copy', 6000);
      const args = ['--data', folder.at('data'), '--add', file, '--folder', folder.at('backup')];
      await using engine = startScript('engine-process.ts', args);
      await engine.printed('protected');
      await using app = startScripted('node');
      const opening: readonly Step[] = [
        ['open', file, 5000],
        ['ask', 'PRAGMA journal_mode = WAL'],
      ];
      await app.does(...opening, commit(0), ['close']);
      await until('nothing lies beside it', () => !['-wal', '-shm'].some((end) => fs.existsSync(`${file}${end}`)));
      engine.child.kill('SIGKILL');
      await engine.ended;
      const rows = await app.does(
        [way, folder.at('copy.db'), file],
        ...opening,
        ['ask', askIntegrity],
        ['ask', askRows],
      );
      expect(rows.at(-2)).toEqual([['ok']]);
      expect(sumRows(rows.at(-1))).toEqual(sumRows(rowsOf('copy', { from: 0, count: 6000 })));
    },
  );
});
