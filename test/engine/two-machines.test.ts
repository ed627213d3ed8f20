// Two computers, each with a database of its own, on one replica: one writes, both are told, and it can be taken over and back.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../electron/engine/basics/clock.ts';
import { must } from '../../shared/assert.ts';
import type { DatabaseId, TargetId } from '../../shared/ids.ts';
import { openTestEngine, type TestEngine } from '../support/engine.ts';
import { openDatabase } from '../support/application.ts';
import { tempFolder, type TempFolder, until } from '../support/temp.ts';

interface Machine extends AsyncDisposable {
  readonly engine: TestEngine;
  readonly id: DatabaseId;
  readonly targetId: TargetId;
  /** Another row, and its number. */
  readonly insert: () => number;
  /** Another row, shipped. */
  readonly write: () => Promise<void>;
  /** Lets time pass here. */
  readonly wait: (ms: number) => void;
  readonly seen: (what: string, status: string) => Promise<void>;
}

async function openMachine(folder: TempFolder, name: string, computer = 'this one'): Promise<Machine> {
  fs.mkdirSync(folder.at(name), { recursive: true });
  const file = folder.at(name, 'shop.db');
  const app = openDatabase(file, 'CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, v TEXT)');
  let passed = 0;
  const clock = {
    ...systemClock,
    now: () => Date.now() + passed,
    uptime: () => systemClock.uptime() + passed,
  };
  const engine = openTestEngine(folder.at(`${name}-data`), { clock, computer, isDeclaredOnly: true });
  const url = folder.at('backup', 'shop');
  const replicas = [{ url, syncIntervalMs: 20, snapshotIntervalMs: 0 }];
  await engine.call('protectDeclared', { databases: [{ path: file, enableWal: false, replicas }] });
  const { id, replicas: known } = await until('it is known', () => engine.state().databases[0]);
  const insert = () => Number(app.prepare('INSERT INTO t(v) VALUES (?)').run(name).lastInsertRowid);
  return {
    engine,
    id,
    targetId: must(known[0], 'declared above').targetId,
    insert,
    write: async () => {
      const { newest: before } = await engine.waitFor(
        id,
        'it is protected',
        ({ status }) => status.kind === 'protected',
      );
      insert();
      await engine.waitFor(id, 'it is shipped', ({ newest, lag }) => {
        return lag.bytes === 0 && JSON.stringify(newest?.position) !== JSON.stringify(before?.position);
      });
    },
    wait: (ms) => (passed += ms),
    seen: async (what, status) => {
      await engine.waitFor(
        id,
        what,
        (database) => database.status.kind === status && (status === 'problem' || database.lag.bytes === 0),
      );
    },
    [Symbol.asyncDispose]: async () => {
      app.close();
      await engine[Symbol.asyncDispose]();
    },
  };
}

const problemOf = ({ engine, id }: Machine) => engine.database(id).replicas[0]?.problem;
const activityOf = ({ engine }: Machine) => engine.state().activity.map(({ text }) => text);

describe('two computers on one replica', () => {
  test('are both told, take over and back, and lose nothing', async () => {
    using folder = tempFolder();
    await using desk = await openMachine(folder, 'desk');
    desk.insert();
    await desk.seen('desk is protected', 'protected');
    const before = fs.readFileSync(folder.at('backup', 'shop', 'tidemark.json'), 'utf8');

    // The second one does not write, and says whose place it is.
    await using laptop = await openMachine(folder, 'laptop');
    laptop.insert();
    await laptop.seen('laptop is told', 'problem');
    expect(problemOf(laptop)).toMatchObject({
      code: 'target-owned-by-other',
      details: { databasePath: folder.at('desk', 'shop.db'), machine: os.hostname() },
    });
    expect(fs.readFileSync(folder.at('backup', 'shop', 'tidemark.json'), 'utf8')).toBe(before);
    expect(fs.readdirSync(folder.at('backup', 'shop', 'generations'))).toHaveLength(1);

    // It takes over: a new generation begins there, and what the first one has stays.
    await laptop.engine.call('takeOverReplica', { databaseId: laptop.id, targetId: laptop.targetId });
    await laptop.seen('laptop is protected', 'protected');
    expect(fs.readdirSync(folder.at('backup', 'shop', 'generations'))).toHaveLength(2);
    expect(activityOf(laptop).join('\n')).toContain(`This computer took over from ${os.hostname()}`);

    // The first one finds out with what it ships an hour later at most.
    desk.wait(3_600_000);
    const last = desk.insert();
    await desk.seen('desk is told', 'problem');
    expect(problemOf(desk)).toMatchObject({
      code: 'target-owned-by-other',
      message: expect.stringContaining('has been writing there since') as string,
    });
    expect(activityOf(desk).join('\n')).toContain('has been writing there since');

    // And takes it back: what was captured meanwhile is there.
    await desk.engine.call('takeOverReplica', { databaseId: desk.id, targetId: desk.targetId });
    await desk.seen('desk is protected again', 'protected');
    const points = await desk.engine.points(desk.id);
    const newest = must(points.at(-1), 'shipped above');
    await desk.engine.restore(desk.id, newest, folder.at('restored.db'));
    const restored = new Database(folder.at('restored.db'));
    expect(restored.prepare('SELECT max(id) FROM t').pluck().get()).toBe(last);
    restored.close();
  });

  test('which takes over leaves what the former one named, and may remove the name', async () => {
    using folder = tempFolder();
    await using desk = await openMachine(folder, 'desk');
    const named = desk.insert();
    await desk.seen('desk is protected', 'protected');
    const point = await until('it is shipped', async () => (await desk.engine.points(desk.id)).at(-1));
    await desk.engine.call('namePoint', { databaseId: desk.id, position: point.position, name: 'of the desk' });
    const record = folder.at('backup', 'shop', 'tidemark.json');
    await until('the record says so', () => fs.readFileSync(record, 'utf8').includes('of the desk'));
    await desk.write();

    await using laptop = await openMachine(folder, 'laptop');
    laptop.insert();
    await laptop.seen('laptop is told', 'problem');
    await laptop.engine.call('takeOverReplica', { databaseId: laptop.id, targetId: laptop.targetId });
    await laptop.seen('laptop is protected', 'protected');
    const [taken] = laptop.engine.database(laptop.id).namedPoints;
    expect(taken).toMatchObject({ name: 'of the desk', position: point.position });
    expect(fs.readFileSync(record, 'utf8')).toContain('of the desk');

    const { databaseId, targetId } = { databaseId: laptop.id, targetId: laptop.targetId };
    const left = () => fs.readdirSync(folder.at('backup', 'shop', 'generations', point.position.generation, 'wal'));
    const before = left().length;
    laptop.wait(40 * 24 * 3_600_000);
    const retention = { kind: 'thinned', windowMs: 3_600_000, dailyMs: 0, weeklyMs: 0 } as const;
    await laptop.engine.call('updateReplica', { databaseId, targetId, retention });
    await until('what came behind it is gone', () => left().length < before);
    const url = folder.at('backup', 'shop');
    const outputPath = folder.at('named.db');
    const wish = { kind: 'name', name: 'of the desk' } as const;
    const { operationId } = await laptop.engine.call('startReplicaRestore', { url, wish, outputPath });
    expect(await laptop.engine.ended(operationId)).toMatchObject({ state: 'done' });
    const restored = new Database(outputPath);
    expect(restored.prepare('SELECT max(id) FROM t').pluck().get()).toBe(named);
    restored.close();

    await laptop.engine.call('removePointName', { databaseId, namedPointId: must(taken, 'seen above').id });
    const gone = folder.at('backup', 'shop', 'generations', point.position.generation, 'snapshots');
    await until('it is gone', () => !fs.existsSync(gone) || fs.readdirSync(gone).length === 0);
    await until('the record says so', () => !fs.readFileSync(record, 'utf8').includes('of the desk'));
  });

  test('go on where they were after a restart', async () => {
    using folder = tempFolder();
    for (let run = 0; run < 3; run++) {
      await using desk = await openMachine(folder, 'desk');
      desk.insert();
      await desk.seen('desk is protected', 'protected');
    }
    expect(fs.readdirSync(folder.at('backup', 'shop', 'generations'))).toHaveLength(1);
  });

  test('begin a new generation where a copy of this one’s data wrote meanwhile', async () => {
    using folder = tempFolder();
    {
      await using desk = await openMachine(folder, 'desk');
      desk.insert();
      await desk.seen('desk is protected', 'protected');
    }
    fs.cpSync(folder.at('desk-data'), folder.at('kept-data'), { recursive: true });
    fs.cpSync(folder.at('desk'), folder.at('kept'), { recursive: true });
    {
      await using desk = await openMachine(folder, 'desk');
      await desk.write();
    }
    for (const name of ['desk', 'desk-data']) {
      fs.rmSync(folder.at(name), { recursive: true });
      fs.renameSync(folder.at(name.replace('desk', 'kept')), folder.at(name));
    }
    await using desk = await openMachine(folder, 'desk');
    desk.insert();
    await until('a new generation is there', () =>
      fs.readdirSync(folder.at('backup', 'shop', 'generations')).length === 2 ? true : undefined,
    );
    await desk.seen('desk is protected', 'protected');
    expect(activityOf(desk).join('\n')).toContain('A copy of this Tidemark wrote to the destination meanwhile');
  });

  test('that are copies of one another, with all that Tidemark keeps, do not mix what they write', async () => {
    using folder = tempFolder();
    {
      await using desk = await openMachine(folder, 'desk');
      desk.insert();
      await desk.seen('desk is protected', 'protected');
    }
    fs.cpSync(folder.at('desk-data'), folder.at('copy-data'), { recursive: true });
    fs.cpSync(folder.at('desk'), folder.at('copy'), { recursive: true });
    // On its own computer the copy would lie at the very same path.
    const state = new Database(folder.at('copy-data', 'state.db'));
    state.prepare('UPDATE database SET path = ?').run(folder.at('copy', 'shop.db'));
    state.close();

    await using desk = await openMachine(folder, 'desk');
    await using copy = await openMachine(folder, 'copy', 'another one');
    for (const machine of [desk, copy, desk, copy]) {
      await machine.write();
    }
    desk.wait(3_600_000);
    desk.insert();
    await desk.seen('desk is told', 'problem');
    expect(problemOf(desk)).toMatchObject({ code: 'target-owned-by-other' });
    expect(activityOf(copy).join('\n')).toContain('moved or copied here from another computer');
    for (const [name, machine, rows] of [
      ['desk', desk, 3],
      ['copy', copy, 3],
    ] as const) {
      const points = await machine.engine.points(machine.id);
      for (const [i, point] of points.entries()) {
        const { result } = await machine.engine.restore(machine.id, point, folder.at(`${name}-${i}.db`));
        expect(result?.proof.kind).toBe('identical');
      }
      const newest = new Database(folder.at(`${name}-${points.length - 1}.db`));
      expect(newest.prepare('SELECT v FROM t ORDER BY id').pluck().all()).toEqual([
        'desk',
        ...Array.from({ length: rows - 1 }, () => name),
      ]);
      newest.close();
    }
  });

  test('never replace what the other one has just put', async () => {
    using folder = tempFolder();
    await using desk = await openMachine(folder, 'desk');
    desk.insert();
    await desk.seen('desk is protected', 'protected');
    const { generation, index, offset } = must(desk.engine.database(desk.id).newest, 'it is protected').position;
    const hex = (n: number) => n.toString(16).padStart(8, '0');
    const wal = folder.at('backup', 'shop', 'generations', generation, 'wal');
    // Whether or not the WAL begins anew before that.
    const next = [`${hex(index)}_${hex(offset)}.wal.lz4`, `${hex(index + 1)}_${hex(0)}.wal.lz4`];
    // A copy that runs at the same time goes on with the same history.
    const record = folder.at('backup', 'shop', 'tidemark.json');
    const found = JSON.parse(fs.readFileSync(record, 'utf8')) as object;
    fs.writeFileSync(record, JSON.stringify({ ...found, claim: 'of the copy' }));
    for (const name of next) fs.writeFileSync(path.join(wal, name), 'written by the copy');

    desk.insert();
    await desk.seen('desk is told', 'problem');
    expect(problemOf(desk)).toMatchObject({ code: 'target-owned-by-other' });
    for (const name of next) expect(fs.readFileSync(path.join(wal, name), 'utf8')).toBe('written by the copy');
  });

  test('take over what another one has in a folder when a database is added, if asked to', async () => {
    using folder = tempFolder();
    const newApp = (name: string): string => {
      fs.mkdirSync(folder.at(name));
      const app = new Database(folder.at(name, 'shop.db'));
      app.pragma('journal_mode = wal');
      app.exec('CREATE TABLE t(v)');
      app.close();
      return folder.at(name, 'shop.db');
    };
    const isProtected = ({ status }: { readonly status: { readonly kind: string } }) => status.kind === 'protected';
    const disk = folder.at('disk');
    {
      await using desk = openTestEngine(folder.at('desk-data'));
      const { databaseId } = await desk.call('addDatabase', { path: newApp('desk'), folder: disk });
      await desk.waitFor(databaseId, 'desk is protected', isProtected);
    }
    await using laptop = openTestEngine(folder.at('laptop-data'));
    const added = { path: newApp('laptop'), folder: disk };
    await expect(laptop.call('addDatabase', added)).rejects.toMatchObject({ code: 'target-owned-by-other' });
    expect(laptop.state().databases).toEqual([]);

    const { databaseId } = await laptop.call('addDatabase', { ...added, takeOver: true });
    await laptop.waitFor(databaseId, 'laptop is protected', isProtected);
    expect(fs.readdirSync(path.join(disk, 'shop.db', 'generations'))).toHaveLength(2);
    const record = JSON.parse(fs.readFileSync(path.join(disk, 'shop.db', 'tidemark.json'), 'utf8')) as object;
    expect(record).toMatchObject({ path: folder.at('laptop', 'shop.db') });

    // What this computer itself keeps there is no other’s.
    const second = { path: newApp('second'), folder: disk, takeOver: true };
    await expect(laptop.call('addDatabase', second)).rejects.toMatchObject({ code: 'target-owned-by-other' });
  });
});
