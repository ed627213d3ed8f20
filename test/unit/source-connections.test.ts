// The connections on a live database: what a pin forbids, what an advance permits, what each hold leaves to others, and in which
// order all is let go.
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { beforeEach, describe, expect, test } from 'vitest';
import { Connections } from '../../electron/engine/source/connections.ts';
import { openPin, Pins } from '../../electron/engine/source/pins.ts';
import { type FrameSink, WalReader } from '../../electron/engine/source/wal-reader.ts';
import type { AppError } from '../../shared/errors.ts';
import { openApplicationHere } from '../support/application.ts';
import { type ScriptedApp, startScripted } from '../support/scripted.ts';
import type { TempFolder } from '../support/temp.ts';

let folder: TempFolder;
let file: string;
/** The application that the database belongs to. */
let app: Database.Database;

beforeEach(() => {
  const application = openApplicationHere('CREATE TABLE t(v)', { checkpoints: false });
  ({ folder, file, app } = application);
  return application[Symbol.dispose];
});

const write = () => app.exec('INSERT INTO t VALUES (randomblob(100))');
const advance = (connections: Connections) => connections.pins.advance(async () => {});

/** Whether the application's own checkpoint was hindered. */
function isBusy(mode: 'RESTART' | 'TRUNCATE'): boolean {
  const [row] = app.pragma(`wal_checkpoint(${mode})`) as readonly { readonly busy: number }[];
  return row?.busy === 1;
}

describe('opening', () => {
  const failureOf = async (path: string): Promise<unknown> => {
    try {
      await (await Connections.open(path))[Symbol.asyncDispose]();
    } catch (error) {
      return (error as AppError).code;
    }
    return 'it opened';
  };

  test('says what is wrong', async () => {
    const plain = new Database(folder.at('plain.db'));
    plain.exec('CREATE TABLE t(v)');
    plain.close();
    fs.writeFileSync(folder.at('text.db'), 'Not a database. '.repeat(100));
    const names = ['shop.db', 'nowhere.db', 'shop.db/inside.db', 'plain.db', 'text.db'];
    const failures = names.map(async (name) => await failureOf(folder.at(...name.split('/'))));
    expect(await Promise.all(failures)).toEqual([
      'it opened',
      'database-missing',
      'database-missing',
      'database-not-wal',
      'database-not-sqlite',
    ]);
    expect(fs.existsSync(folder.at('nowhere.db'))).toBe(false);
  });

  test('says that a program holds the database for itself', async () => {
    const other = new Database(folder.at('held.db'));
    other.pragma('journal_mode = wal');
    other.pragma('locking_mode = EXCLUSIVE');
    other.exec('CREATE TABLE t(v)');
    expect(await failureOf(folder.at('held.db'))).toBe('database-busy');
    other.close();
  });
});

describe('a pin', () => {
  test('keeps the WAL from restarting until it is moved', async () => {
    await using connections = await Connections.open(file);
    write();
    await advance(connections);
    write();
    expect([isBusy('RESTART'), isBusy('TRUNCATE')]).toEqual([true, true]);
    await advance(connections);
    await connections.checkpoint();
    await advance(connections);
    expect([isBusy('RESTART'), isBusy('TRUNCATE')]).toEqual([false, false]);
  });

  test('lets checkpoints copy what lies before it, and the counts say so', async () => {
    await using connections = await Connections.open(file);
    const before = connections.counts().frames;
    write();
    await advance(connections);
    const { frames } = connections.counts();
    write();
    write();
    expect(frames).toBeGreaterThan(before);
    expect(await connections.checkpoint()).toEqual({ frames: frames + 2, backfilled: frames, isBlocked: false });
    await advance(connections);
    expect(await connections.checkpoint()).toEqual({ frames: frames + 2, backfilled: frames + 2, isBlocked: false });
    expect(connections.counts()).toEqual({ frames: frames + 2, backfilled: frames + 2 });
  });

  test('stays where it is when draining fails', async () => {
    await using connections = await Connections.open(file);
    write();
    await advance(connections);
    write();
    for (let i = 0; i < 3; i++) {
      const failing = connections.pins.advance(async () => {
        throw new Error('no room');
      });
      await expect(failing).rejects.toThrow('no room');
      expect(isBusy('RESTART')).toBe(true);
    }
    await advance(connections);
    expect(await connections.checkpoint()).toMatchObject({ isBlocked: false });
    await advance(connections);
    expect(isBusy('RESTART')).toBe(false);
  });

  test('that is kept holds its place while the next one moves on, until the last of those who asked lets go', async () => {
    await using connections = await Connections.open(file);
    write();
    await advance(connections);
    const { frames } = connections.counts();
    const kept = [connections.pins.keep(), connections.pins.keep()] as const;
    expect(connections.pins.isKeeping).toBe(true);
    write();
    await advance(connections);
    expect((await connections.checkpoint()).backfilled).toBe(frames);
    kept[0][Symbol.dispose]();
    kept[0][Symbol.dispose]();
    expect([connections.pins.isKeeping, (await connections.checkpoint()).backfilled]).toEqual([true, frames]);
    kept[1][Symbol.dispose]();
    expect([connections.pins.isKeeping, (await connections.checkpoint()).backfilled]).toEqual([false, frames + 1]);
    // One that never moved is let go as if nobody had asked.
    connections.pins.keep()[Symbol.dispose]();
    write();
    await advance(connections);
    expect((await connections.checkpoint()).backfilled).toBe(frames + 2);
  });

  test('can be let go for a moment, and is taken again', async () => {
    await using connections = await Connections.open(file);
    write();
    await advance(connections);
    write();
    expect(isBusy('RESTART')).toBe(true);
    const aside = connections.pins.stepAside(10_000);
    expect(isBusy('TRUNCATE')).toBe(false);
    await aside;
    write();
    await advance(connections);
    write();
    expect(isBusy('TRUNCATE')).toBe(true);
  });
});

describe('a pin that moves through a WAL that cannot restart', () => {
  /** Frames that the application's own checkpoint copied, of those in the WAL. */
  const copy = (): readonly [copied: number, frames: number] => {
    const [row] = app.pragma('wal_checkpoint(PASSIVE)') as readonly { log: number; checkpointed: number }[];
    return [row?.checkpointed ?? -1, row?.log ?? -1];
  };

  test('lets checkpoints copy at once, before what it passed is read', async () => {
    await using connections = await Connections.open(file);
    write();
    await advance(connections);
    write();
    const asked: string[] = [];
    const drain = async () =>
      void asked.push(`read; ${copy().join(' of ')} copied; restart busy: ${isBusy('RESTART')}`);
    await connections.pins.advance(drain, () => asked.push(`moves; ${copy().join(' of ')} copied`));
    expect(asked).toEqual(['moves; 3 of 4 copied', 'read; 4 of 4 copied; restart busy: true']);
  });

  test('does not let go of the old one where the new one would permit a restart', async () => {
    await using connections = await Connections.open(file);
    write();
    await advance(connections);
    expect(copy()).toEqual([3, 3]);
    const asked: unknown[] = [];
    const drain = async () => void asked.push(isBusy('RESTART'));
    await connections.pins.advance(drain, () => asked.push('moves early'));
    expect([asked, isBusy('RESTART')]).toEqual([[true], false]);
  });

  test('nor where the WAL was started over meanwhile', async () => {
    await using connections = await Connections.open(file);
    write();
    await advance(connections);
    copy();
    await advance(connections);
    const before = connections.walIndex?.read();
    // As if a writer had come between the look and the new pin: that lies in a WAL which nobody looked at.
    let looks = 0;
    const walIndex = { read: () => (looks++ === 0 ? before : connections.walIndex?.read()) };
    const first = openPin(file);
    first.take();
    const pins = new Pins({ path: file, first, walIndex, counts: () => connections.counts() });
    write();
    let isEarly = false;
    await pins.advance(
      async () => {},
      () => (isEarly = true),
    );
    pins.close();
    expect([isEarly, looks]).toEqual([false, 2]);
  });

  test('follows each commit, and nothing else', async () => {
    await using connections = await Connections.open(file);
    let moves = 0;
    const follow = () => connections.pins.follow(5, () => moves++);
    await advance(connections);
    expect([follow(), moves]).toEqual([false, 0]);
    write();
    expect([follow(), follow(), moves, ...copy()]).toEqual([true, false, 1, 3, 3]);
    write();
    write();
    expect([follow(), moves, ...copy(), isBusy('RESTART')]).toEqual([true, 2, 5, 5, true]);
    expect([follow(), moves]).toEqual([false, 2]);
    await advance(connections);
    expect(isBusy('RESTART')).toBe(false);
  });

  test('stays where it is when somebody refuses', async () => {
    await using connections = await Connections.open(file);
    write();
    await advance(connections);
    write();
    const refuse = () => {
      throw new Error('somebody wrote to the file');
    };
    expect(() => connections.pins.follow(5, refuse)).toThrow('somebody wrote');
    await expect(connections.pins.advance(async () => {}, refuse)).rejects.toThrow('somebody wrote');
    expect([...copy(), isBusy('RESTART')]).toEqual([3, 4, true]);
    await advance(connections);
    expect(copy()).toEqual([4, 4]);
  });
});

describe('the hold', () => {
  /** Another process that has the database open, as applications of their own do. Nobody in this one does. */
  let other: ScriptedApp;
  const wal = () => `${file}-wal`;
  const sidecars = () => [wal(), `${file}-shm`].map((name) => fs.existsSync(name));
  /** Whether the other's own checkpoint was hindered. */
  const isHindered = async (mode: 'RESTART' | 'TRUNCATE') =>
    JSON.stringify(await other.asks(['ask', `PRAGMA wal_checkpoint(${mode})`])).startsWith('[[1,');
  const copy = ['ask', 'PRAGMA wal_checkpoint(PASSIVE)'] as const;
  const insert = ['run', 'INSERT INTO t VALUES (randomblob(100))'] as const;

  beforeEach(async () => {
    app.close();
    other = startScripted('node');
    await other.does(['open', file, 0], ['run', 'PRAGMA wal_autocheckpoint = 0'], insert);
    return async () => await other[Symbol.asyncDispose]();
  });

  describe.runIf(process.platform !== 'win32')('light', () => {
    test('keeps the WAL from restarting until the pin is moved', async () => {
      await using connections = await Connections.open(file, 'light');
      expect(connections.hold).toBe('light');
      await advance(connections);
      await other.does(insert);
      expect([await isHindered('RESTART'), await isHindered('TRUNCATE')]).toEqual([true, true]);
      await advance(connections);
      await other.does(copy);
      await advance(connections);
      expect([await isHindered('RESTART'), await isHindered('TRUNCATE')]).toEqual([false, false]);
    });

    test('lets the last close of another process empty and remove the WAL, whose frames can still be read', async () => {
      await using connections = await Connections.open(file, 'light');
      using reader = new WalReader(file, undefined);
      const pages: number[] = [];
      const sink: FrameSink = { begin: () => {}, append: () => {}, frame: ({ page }) => pages.push(page) };
      const drain = async () => await reader.drain(() => connections.counts().frames, sink);
      expect(await drain()).toBe(true);
      const before = pages.length;
      await other.does(insert, insert, ['close']);
      expect([sidecars(), connections.isBeside]).toEqual([[false, false], false]);
      expect(await drain()).toBe(true);
      expect(pages.slice(before)).toEqual([2, 2]);
      const { frames, backfilled } = connections.counts();
      expect([frames, backfilled]).toEqual([pages.length, pages.length]);
      // All of it lies in the file, and letting go brings nothing back.
      await connections[Symbol.asyncDispose]();
      expect(sidecars()).toEqual([false, false]);
      expect(await other.asks(['open', file, 0], ['ask', 'SELECT count(*) FROM t'])).toEqual([[3]]);
    });

    test('lets another process switch the journal mode', async () => {
      await using connections = await Connections.open(file, 'light');
      expect(await other.asks(['ask', 'PRAGMA journal_mode = delete'])).toEqual([['delete']]);
      expect([sidecars(), connections.isBeside]).toEqual([[false, false], false]);
      await connections[Symbol.asyncDispose]();
      await expect(Connections.open(file, 'light')).rejects.toMatchObject({ code: 'database-not-wal' });
      expect(await other.asks(['try', 'INSERT INTO t VALUES (1)'])).toBe('ok');
    });

    test('touches nothing when it is let go, though it is the last', async () => {
      const connections = await Connections.open(file, 'light');
      await advance(connections);
      await other[Symbol.asyncDispose]();
      const before = [wal(), file].map((name) => fs.readFileSync(name));
      await connections[Symbol.asyncDispose]();
      await connections[Symbol.asyncDispose]();
      expect([wal(), file].map((name) => fs.readFileSync(name))).toEqual(before);
    });

    test('becomes firm and light again: only with the lock does the WAL outlive the others', async () => {
      await using connections = await Connections.open(file, 'light');
      await advance(connections);
      connections.firm();
      connections.firm();
      await advance(connections);
      await other.does(insert);
      expect([connections.hold, await isHindered('TRUNCATE')]).toEqual(['firm', true]);
      await other.does(['close']);
      expect([sidecars(), connections.isBeside, fs.statSync(wal()).size > 0]).toEqual([[true, true], true, true]);
      await other.does(['open', file, 0], insert);
      await connections.ease();
      await connections.ease();
      expect([connections.hold, await isHindered('TRUNCATE')]).toEqual(['light', true]);
      await other.does(['close']);
      expect([sidecars(), connections.isBeside]).toEqual([[false, false], false]);
    });

    test('has no pin for a moment when it becomes firm, and tells nobody that one is kept', async () => {
      await using connections = await Connections.open(file, 'light');
      await advance(connections);
      const kept = connections.pins.keep();
      connections.firm();
      expect([connections.pins.isKeeping, connections.pins.frames]).toEqual([false, undefined]);
      kept[Symbol.dispose]();
      await other.does(insert);
      expect(await isHindered('RESTART')).toBe(true);
    });

    // Only Linux lists a process's descriptors.
    test.runIf(process.platform === 'linux')(
      'keeps the pin and little else, and everything comes back when it is needed',
      async () => {
        await using connections = await Connections.open(file);
        await advance(connections);
        await connections.whileLocked(async () => {});
        await connections.checkpointerIdle();
        await other.does(insert);
        const before = openFiles();
        await connections.ease();
        expect(openFiles()).toBeLessThan(before);
        const { frames } = connections.counts();
        expect(await isHindered('TRUNCATE')).toBe(true);
        connections.firm();
        expect(connections.counts().frames).toBe(frames);
        await advance(connections);
        expect(await connections.checkpoint()).toEqual({ frames, backfilled: frames, isBlocked: false });
        await advance(connections);
        expect([await isHindered('TRUNCATE'), await connections.whileLocked(async () => {})]).toEqual([false, true]);
      },
    );
  });

  test('is firm where nobody asks for less, and can be what it is twice', async () => {
    await using connections = await Connections.open(file);
    connections.firm();
    expect(connections.hold).toBe('firm');
    expect(await other.asks(['try', 'PRAGMA journal_mode = delete'])).toContain('locked');
    await other.does(['close']);
    expect([sidecars(), connections.isBeside]).toEqual([[true, true], true]);
  });

  // Only Linux lists a process's descriptors.
  test.runIf(process.platform === 'linux')('opens nothing under the write lock of a seal', async () => {
    await using connections = await Connections.open(file, 'light');
    connections.firm();
    await connections.checkpointerIdle();
    const opened: number[] = [];
    await connections.whileLocked(async () => {
      opened.push(openFiles());
      await connections.checkpoint({ atOnce: true });
      opened.push(openFiles());
    });
    expect(opened[1]).toBe(opened[0]);
  });

  test('a pin that is taken again at the end of a copied WAL lets others empty it, and is behind what they commit', async () => {
    await using connections = await Connections.open(file);
    await advance(connections);
    await connections.checkpoint();
    const { frames } = connections.counts();
    expect(await isHindered('TRUNCATE')).toBe(true);
    connections.pins.retake();
    expect([connections.pins.frames, await connections.emptyWal(), connections.isWalEmpty]).toEqual([
      frames,
      true,
      true,
    ]);
    await other.does(insert, copy);
    // The one restart that it permits has happened.
    expect([connections.counts().frames > 0, await isHindered('RESTART')]).toEqual([true, true]);
  });

  test('tells whether others have the database open, where the system says it', async () => {
    await using connections = await Connections.open(file);
    const isToldOf = connections.isShared !== undefined;
    expect([connections.isShared, connections.isBeside]).toEqual([isToldOf ? true : undefined, true]);
    await other.does(['close']);
    expect(connections.isShared).toBe(isToldOf ? false : undefined);
  });

  test('is beside the database no more where somebody deleted the sidecars, or others lie there', async () => {
    await using connections = await Connections.open(file, 'light');
    expect(connections.isBeside).toBe(true);
    fs.renameSync(`${file}-shm`, folder.at('aside'));
    expect(connections.isBeside).toBe(false);
    fs.writeFileSync(`${file}-shm`, '');
    expect(connections.isBeside).toBe(false);
    fs.renameSync(folder.at('aside'), `${file}-shm`);
    expect(connections.isBeside).toBe(true);
  });

  /** Descriptors of the database and its WAL. */
  function openFiles(): number {
    const links = fs.readdirSync('/proc/self/fd').map((fd) => {
      try {
        return fs.readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return '';
      }
    });
    return links.filter((link) => link.startsWith(file)).length;
  }
});

describe('the write lock', () => {
  test('is held while work runs, changes nothing, and is let go whether or not it fails', async () => {
    await using connections = await Connections.open(file);
    write();
    const { frames } = connections.counts();
    const during = connections.whileLocked(async () => {
      expect(write).toThrow('locked');
    });
    expect(await during).toBe(true);
    const failing = connections.whileLocked(async () => {
      throw new Error('no room');
    });
    await expect(failing).rejects.toThrow('no room');
    expect(connections.counts().frames).toBe(frames);
    write();
    expect(connections.counts().frames).toBe(frames + 1);
  });

  test('is left to a writer that has it', async () => {
    await using connections = await Connections.open(file);
    app.exec('BEGIN IMMEDIATE');
    let hasRun = false;
    const isLocked = await connections.whileLocked(async () => {
      hasRun = true;
    });
    app.exec('COMMIT');
    expect([isLocked, hasRun]).toEqual([false, false]);
  });
});

describe('disposing', () => {
  test('leaves what the application itself would leave: where nobody else is there, neither WAL nor wal-index', async () => {
    const connections = await Connections.open(file);
    write();
    await advance(connections);
    write();
    await connections.whileLocked(async () => {});
    app.close();
    expect(fs.statSync(`${file}-wal`).size).toBeGreaterThan(0);
    await connections[Symbol.asyncDispose]();
    await connections[Symbol.asyncDispose]();
    expect([fs.existsSync(`${file}-wal`), fs.existsSync(`${file}-shm`)]).toEqual([false, false]);
    app = new Database(file, { timeout: 0 });
    expect(app.prepare('SELECT count(*) FROM t').pluck().get()).toBe(2);
  });

  test('leaves the WAL to another process that has the database open', async () => {
    app.close();
    await using other = startScripted('node');
    await other.does(['open', file, 0], ['run', 'PRAGMA wal_autocheckpoint = 0; INSERT INTO t VALUES (1)']);
    const connections = await Connections.open(file);
    await advance(connections);
    const before = fs.readFileSync(`${file}-wal`);
    await connections[Symbol.asyncDispose]();
    expect(fs.readFileSync(`${file}-wal`)).toEqual(before);
    expect(await other.asks(['run', 'INSERT INTO t VALUES (2)'], ['ask', 'SELECT v FROM t'])).toEqual([[1], [2]]);
  });

  test('leaves the application free', async () => {
    await (await Connections.open(file))[Symbol.asyncDispose]();
    write();
    expect(isBusy('TRUNCATE')).toBe(false);
  });
});
