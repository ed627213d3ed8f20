// The connections on a live database: what a pin forbids, what an advance permits, and in which order all is let go.
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { beforeEach, describe, expect, test } from 'vitest';
import { Connections } from '../../electron/engine/source/connections.ts';
import { openPin, Pins } from '../../electron/engine/source/pins.ts';
import type { AppError } from '../../shared/errors.ts';
import { openApplication } from '../support/application.ts';
import type { TempFolder } from '../support/temp.ts';

let folder: TempFolder;
let file: string;
/** The application that the database belongs to. */
let app: Database.Database;

beforeEach(() => {
  const application = openApplication('CREATE TABLE t(v)', { checkpoints: false });
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

describe('relaxing', () => {
  // Only Linux lists a process's descriptors.
  test.runIf(process.platform === 'linux')(
    'keeps the pin and nothing else, and everything comes back when it is needed',
    async () => {
      await using connections = await Connections.open(file);
      write();
      await advance(connections);
      await connections.whileLocked(async () => {});
      write();
      const before = openFiles();
      await connections.relax();
      await connections.relax();
      expect(openFiles()).toBeLessThan(before);
      expect([isBusy('TRUNCATE'), connections.counts().frames]).toEqual([true, 4]);
      await advance(connections);
      expect(await connections.checkpoint()).toEqual({ frames: 4, backfilled: 4, isBlocked: false });
      await advance(connections);
      expect([isBusy('TRUNCATE'), await connections.whileLocked(async () => {})]).toEqual([false, true]);
    },
  );

  // Only Linux lists a process's descriptors.
  test.runIf(process.platform === 'linux')('ends before a seal: under the write lock nothing is opened', async () => {
    await using connections = await Connections.open(file);
    await connections.whileLocked(async () => {});
    await connections.relax();
    await connections.checkpointerIdle();
    const opened: number[] = [];
    await connections.whileLocked(async () => {
      opened.push(openFiles());
      await connections.checkpoint({ atOnce: true });
      opened.push(openFiles());
    });
    expect(opened[1]).toBe(opened[0]);
  });

  test('leaves the WAL to the pin when the application ends', async () => {
    await using connections = await Connections.open(file);
    await connections.relax();
    write();
    app.close();
    expect(fs.statSync(`${file}-wal`).size).toBeGreaterThan(0);
    app = new Database(file, { timeout: 0 });
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
  test('leaves the WAL where it is, though it is the last to close', async () => {
    const connections = await Connections.open(file);
    write();
    await advance(connections);
    await connections.whileLocked(async () => {});
    app.close();
    const size = fs.statSync(`${file}-wal`).size;
    await connections[Symbol.asyncDispose]();
    await connections[Symbol.asyncDispose]();
    expect([fs.statSync(`${file}-wal`).size, size > 0]).toEqual([size, true]);
    app = new Database(file, { timeout: 0 });
    expect(app.prepare('SELECT count(*) FROM t').pluck().get()).toBe(1);
  });

  test('leaves the application free', async () => {
    await (await Connections.open(file))[Symbol.asyncDispose]();
    write();
    expect(isBusy('TRUNCATE')).toBe(false);
  });
});
