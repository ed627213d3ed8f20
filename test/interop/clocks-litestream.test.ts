// Clocks that are wrong for a while, and those of two computers: nothing that was captured goes, what comes afterwards is labelled
// rightly, and the newest state is what anybody gets who asks for it, here and with the real litestream.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { correctedWords } from '../../electron/engine/protection/labels.ts';
import { findLitestream } from '../../electron/demo/litestream-binary.ts';
import { must } from '../../shared/assert.ts';
import type { RestoreWish } from '../../shared/contract.ts';
import type { DatabaseId } from '../../shared/ids.ts';
import { openDatabase } from '../support/application.ts';
import { openTestEngine, type TestEngine } from '../support/engine.ts';
import { leapingClock } from '../support/leaping-clock.ts';
import { tempFolder, type TempFolder, until } from '../support/temp.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const yearMs = 365 * dayMs;
const table = 'CREATE TABLE IF NOT EXISTS t(n INTEGER PRIMARY KEY)';

interface Desk extends AsyncDisposable {
  readonly engine: TestEngine;
  readonly id: DatabaseId;
  readonly url: string;
  /** Another row, shipped; answers its number. */
  readonly write: () => Promise<number>;
  readonly set: (ms: number) => void;
  readonly leap: (ms: number) => void;
  readonly now: () => number;
}

async function openDesk(
  folder: TempFolder,
  {
    name = 'desk',
    app = openDatabase(folder.at(`${name}.db`), table),
  }: { name?: string; app?: ReturnType<typeof openDatabase> } = {},
): Promise<Desk> {
  const { clock, leap, set } = leapingClock();
  const engine = openTestEngine(folder.at(`${name}-data`), { clock, computer: name, isDeclaredOnly: true });
  const replicas = [{ url: folder.at('backup'), syncIntervalMs: 20, snapshotIntervalMs: hourMs }];
  const path = folder.at(`${name}.db`);
  await engine.call('protectDeclared', { databases: [{ path, enableWal: false, replicas }] });
  const { id } = await until('it is known', () => engine.state().databases[0]);
  return {
    engine,
    id,
    url: folder.at('backup'),
    set,
    leap,
    now: () => clock.now(),
    write: async () => {
      const before = engine.database(id).captured?.at ?? 0;
      const n = Number(app.prepare('INSERT INTO t DEFAULT VALUES').run().lastInsertRowid);
      await engine.waitFor(
        id,
        'it is shipped',
        ({ lag, status, captured }) =>
          lag.bytes === 0 && status.kind === 'protected' && captured !== undefined && captured.at !== before,
      );
      return n;
    },
    [Symbol.asyncDispose]: async () => {
      await engine[Symbol.asyncDispose]();
      app.close();
    },
  };
}

/** What a wish leads to, by its address alone. */
async function restored({ engine, url }: Desk, folder: TempFolder, wish: RestoreWish): Promise<readonly number[]> {
  const outputPath = folder.at(`restored-${Math.random()}.db`);
  const { operationId } = await engine.call('startReplicaRestore', { url, wish, outputPath });
  const operation = await engine.ended(operationId);
  expect(operation.error).toBeUndefined();
  return readNumbers(outputPath);
}

function litestream({ url }: Desk, folder: TempFolder, ...more: string[]): readonly number[] {
  const output = folder.at(`theirs-${Math.random()}.db`);
  execFileSync(must(findLitestream(), 'npm brought it'), ['restore', '-o', output, ...more, `file://${url}`], {
    stdio: 'pipe',
  });
  return readNumbers(output);
}

function readNumbers(file: string): readonly number[] {
  const database = new Database(file);
  try {
    return database.prepare<[], number>('SELECT n FROM t ORDER BY n').pluck().all();
  } finally {
    database.close();
  }
}

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);
const objects = ({ url }: Desk) =>
  fs.readdirSync(url, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.lz4'));

describe('a clock that was ahead by years and is right again', () => {
  test.each([
    ['while it is open', false],
    ['and a restart in between', true],
  ])('gives new points right times, and the newest state to whoever asks: %s', async (_what, hasRestart) => {
    using folder = tempFolder();
    const app = openDatabase(folder.at('desk.db'), table);
    let desk = await openDesk(folder, { app });
    await desk.write();
    const right = (await desk.engine.points(desk.id)).at(-1)?.at ?? 0;
    desk.set(17 * yearMs);
    await desk.write();
    const wrongAt = (await desk.engine.points(desk.id)).at(-1)?.at ?? 0;
    expect(wrongAt - right).toBeGreaterThan(16 * yearMs);
    if (hasRestart) {
      await desk.engine[Symbol.asyncDispose]();
      desk = await openDesk(folder, { app });
    } else {
      desk.set(-17 * yearMs);
    }
    await using open = desk;
    await open.write();
    await open.engine.waitFor(open.id, 'a new generation', ({ generation }) => generation?.reason === correctedWords);
    const last = await open.write();

    const { captured, newest, generation } = open.engine.database(open.id);
    for (const moment of [captured, newest]) expect(Math.abs((moment?.at ?? 0) - Date.now())).toBeLessThan(hourMs);
    expect(generation).toMatchObject({ reason: correctedWords });
    for (const wish of [{ kind: 'latest' }, { kind: 'time', at: Date.now() + 1000 }] as const) {
      expect(await restored(open, folder, wish)).toEqual(upTo(last));
    }
    expect(await restored(open, folder, { kind: 'time', at: right })).toEqual([1]);
    expect(litestream(open, folder)).toEqual(upTo(last));
    // Behind its newest object v0.3.13 knows nothing: at an instant that has another one behind it.
    const { at } = must(newest, 'it is shipped');
    const next = await open.write();
    expect(litestream(open, folder, '-timestamp', new Date(at).toISOString())).toEqual(upTo(last));
    expect(await restored(open, folder, { kind: 'time', at })).toEqual(upTo(last));
    expect(next).toBe(last + 1);
    // What was captured meanwhile is there, and the timeline says what its times are worth.
    const wrong = must(
      (await open.engine.points(open.id)).find((point) => point.at === wrongAt),
      'it is told',
    );
    await open.engine.restore(open.id, wrong, folder.at('wrong.db'));
    expect(readNumbers(folder.at('wrong.db'))).toEqual([1, 2]);
    const { events, last: shown } = await open.engine.call('getTimeline', { databaseId: open.id, bins: 10 });
    expect(shown).toEqual(open.engine.database(open.id).newest);
    for (const moment of [at, Date.now() + 1000, wrongAt]) {
      const query = { kind: 'at-or-before', databaseId: open.id, at: moment } as const;
      const { position } = must(await open.engine.call('findPoint', query), 'there are points');
      expect(position.generation).toBe(open.engine.database(open.id).generation?.generation);
    }
    expect(JSON.stringify(events)).toContain('clock was ahead');
  });
});

test.each([17 * yearMs, 2 * yearMs, 8 * dayMs, -3 * yearMs])(
  'a clock that is wrong by %i ms for hours deletes nothing, by itself or by retain, and nothing later',
  async (wrongMs) => {
    using folder = tempFolder();
    await using desk = await openDesk(folder);
    const { engine, id } = desk;
    const targetId = must(engine.database(id).replicas[0], 'declared').targetId;
    const retention = { kind: 'thinned', windowMs: 3 * dayMs, dailyMs: 0, weeklyMs: 0 } as const;
    // Known for long enough what the time is.
    desk.leap(25 * hourMs);
    const commits: number[] = [];
    for (let i = 0; i < 3; i++) {
      commits.push(await desk.write());
      desk.leap(2 * hourMs);
    }
    const before = objects(desk);
    const looked = async (): Promise<void> => {
      await engine.call('updateReplica', { databaseId: id, targetId, retention });
      const { deletedObjects } = await engine.call('previewRetention', { databaseId: id, targetId });
      expect(deletedObjects).toBe(0);
      const dry = await engine.call('retainReplica', { url: desk.url, retention, isDryRun: false });
      expect(dry.deletedObjects).toBe(0);
    };
    await looked();
    desk.set(wrongMs);
    await looked();
    commits.push(await desk.write());
    for (let hour = 0; hour < 5; hour++) desk.leap(hourMs);
    await looked();
    desk.set(-wrongMs);
    commits.push(await desk.write());
    await looked();
    desk.leap(dayMs);
    await looked();
    expect({ gone: before.filter((name) => !objects(desk).includes(name)) }).toEqual({ gone: [] });
    expect((await engine.points(id)).length).toBeGreaterThanOrEqual(commits.length);
    expect(await restored(desk, folder, { kind: 'latest' })).toEqual(upTo(commits.at(-1) ?? 0));
  },
);

test('a second computer whose clock is an hour behind takes over: newest is its state', async () => {
  using folder = tempFolder();
  await using desk = await openDesk(folder);
  await desk.write();
  await desk.write();

  const app = openDatabase(folder.at('laptop.db'), table);
  for (let n = 0; n < 7; n++) app.exec('INSERT INTO t DEFAULT VALUES');
  const { clock, set } = leapingClock();
  set(-hourMs);
  await using engine = openTestEngine(folder.at('laptop-data'), { clock, computer: 'laptop', isDeclaredOnly: true });
  const replicas = [{ url: desk.url, syncIntervalMs: 20, snapshotIntervalMs: hourMs }];
  const path = folder.at('laptop.db');
  await engine.call('protectDeclared', { databases: [{ path, enableWal: false, replicas }] });
  const { id } = await until('it is known', () => engine.state().databases[0]);
  await engine.waitFor(id, 'it is told', ({ status }) => status.kind === 'problem');
  const targetId = must(engine.database(id).replicas[0], 'declared').targetId;
  await engine.call('takeOverReplica', { databaseId: id, targetId });
  await engine.waitFor(id, 'it is protected', ({ status }) => status.kind === 'protected');
  const { newest: before } = engine.database(id);
  app.exec('INSERT INTO t DEFAULT VALUES');
  await engine.waitFor(id, 'it is shipped', ({ lag, newest }) => lag.bytes === 0 && newest?.at !== before?.at);
  const laptop = { ...desk, engine, id };

  for (const wish of [{ kind: 'latest' }, { kind: 'time', at: Date.now() + hourMs }] as const) {
    expect(await restored(laptop, folder, wish)).toEqual(upTo(8));
  }
  expect(litestream(laptop, folder)).toEqual(upTo(8));
  const { at } = must(engine.database(id).newest, 'it is shipped');
  expect(Date.now() - at).toBeGreaterThan(hourMs / 2);
  app.exec('INSERT INTO t DEFAULT VALUES');
  await engine.waitFor(id, 'it is shipped', ({ lag, newest }) => lag.bytes === 0 && newest?.at !== at);
  expect(litestream(laptop, folder, '-timestamp', new Date(at).toISOString())).toEqual(upTo(8));
  expect(await restored(laptop, folder, { kind: 'time', at })).toEqual(upTo(8));
  app.close();
});
