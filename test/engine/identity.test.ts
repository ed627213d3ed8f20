// What users and other programs do to a database's files behind Tidemark's back. Each case is told, each goes on or waits
// until it can, and whatever was captured before and after restores to what the application had then. The files are touched
// by other processes only: opening a live database here would drop the locks of the engine in this process.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import type { DatabaseState } from '../../shared/databases.ts';
import type { DatabaseId } from '../../shared/ids.ts';
import { openTestEngine, type TestEngine } from '../support/engine.ts';
import { type Started, startScript } from '../support/processes.ts';
import { tempFolder, type TempFolder, until } from '../support/temp.ts';
import { readTruth, type Truth } from '../support/truth.ts';

const seed = Number(process.env['TIDEMARK_SEED'] ?? Math.floor(Math.random() * 1e9));
/** Sooner than the poll behind the file system's notices. */
const noticedMs = 8000;

class House implements AsyncDisposable {
  readonly #apps: Started[] = [];
  readonly folder: TempFolder = tempFolder();
  readonly file = this.folder.at('shop.db');
  readonly truthFile = this.folder.at('truth');

  constructor() {
    create(this.file);
    fs.writeFileSync(this.truthFile, `${JSON.stringify({ n: 0, rows: 0, digest: 0 })}\n`);
  }

  /** The application runs, commits, and quits a moment later: who is there for less is not seen commit by commit. */
  async write(count: number): Promise<void> {
    const args = ['--database', this.file, '--seed', String(seed), '--count', String(count), '--pause', '2'];
    await using writer = startScript('writer.ts', [...args, '--linger', '300', '--truth', this.truthFile]);
    expect(await writer.ended, writer.output()).toBe(0);
  }

  /** The application runs and stays, with one commit more. */
  async start(...more: readonly string[]): Promise<Started> {
    const app = startScript('app.ts', ['--database', this.file, '--truth', this.truthFile, ...more]);
    this.#apps.push(app);
    await app.printed('ready');
    return app;
  }

  open(): TestEngine {
    return openTestEngine(this.folder.at('data'));
  }

  async protect(engine: TestEngine): Promise<DatabaseId> {
    const known = engine.state().databases[0]?.id;
    const id =
      known ?? (await engine.call('addDatabase', { path: this.file, folder: this.folder.at('backup') })).databaseId;
    await shipped(engine, id);
    return id;
  }

  /** Restores points all over the history: each must be a state that the application had. Returns the `n` of the last. */
  async proveAll(engine: TestEngine, id: DatabaseId): Promise<number> {
    const lines = fs.readFileSync(this.truthFile, 'utf8').trim().split('\n');
    const truths = new Set(lines.map((line) => JSON.parse(line) as Truth).map(plain));
    const points = await engine.points(id);
    const every = Math.ceil(points.length / 5);
    let last = -1;
    for (const [i, point] of points.entries()) {
      if (i % every !== 0 && i < points.length - 2) continue;
      const output = this.folder.at(`restored-${i}.db`);
      const { result } = await engine.restore(id, point, output);
      expect(result?.proof).toMatchObject({ kind: 'identical', check: 'quick_check ok' });
      if (hasTable(output)) {
        const truth = readTruth(output);
        expect(truths).toContain(plain(truth));
        last = truth.n;
      }
      fs.rmSync(output);
    }
    return last;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const app of this.#apps) await app[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }

  sidecars(): readonly string[] {
    return ['-wal', '-shm'].filter((end) => fs.existsSync(`${this.file}${end}`));
  }
}

function plain({ n, rows, digest }: Truth): string {
  return `${n}:${rows}:${digest}`;
}

function create(file: string, pageSize = 4096): void {
  const database = new Database(file);
  database.pragma(`page_size = ${pageSize}`);
  database.pragma('journal_mode = wal');
  database.exec(
    'CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB); CREATE TABLE t_n(n INTEGER); INSERT INTO t_n VALUES (0)',
  );
  database.close();
}

function hasTable(file: string): boolean {
  const database = new Database(file);
  try {
    return database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 't_n'").get() !== undefined;
  } finally {
    database.close();
  }
}

/** Runs a line of Node in a process of its own. */
function elsewhere(line: string, ...args: readonly string[]): void {
  const head = `const fs = require('node:fs'); const [a, b] = process.argv.slice(1);`;
  execFileSync(process.execPath, ['-e', `${head} ${line}`, ...args]);
}

const copy = (from: string, to: string) => elsewhere('fs.writeFileSync(b, fs.readFileSync(a))', from, to);
const move = (from: string, to: string) => elsewhere('fs.renameSync(a, b)', from, to);
const remove = (...files: readonly string[]) => files.forEach((file) => elsewhere('fs.rmSync(a)', file));
const sqlite = (file: string, sql: string) =>
  execFileSync(
    process.execPath,
    ['-e', `const d = new (require('better-sqlite3'))(process.argv[1]); d.exec(process.argv[2]); d.close()`, file, sql],
    { cwd: path.resolve(import.meta.dirname, '../..') },
  );

async function shipped(engine: TestEngine, id: DatabaseId): Promise<DatabaseState> {
  return await engine.waitFor(
    id,
    'it is protected',
    ({ status, lag }) => status.kind === 'protected' && lag.bytes === 0,
  );
}

/** Until everything lies in the database file itself: what is put over it before that is still completed by the WAL. */
async function rested(engine: TestEngine, id: DatabaseId, house: House): Promise<void> {
  await shipped(engine, id);
  const kept = house.folder.at('data', 'databases', id, 'spool');
  // Where somebody came and went in the moment in which it was left, it is not: then it rests all the same.
  const givesUpAt = performance.now() + 5000;
  await until('it rests, and that is noted', async () => {
    const { wal, captured } = await engine.call('getDetails', { databaseId: id });
    const position = captured?.position;
    const note = path.join(kept, position?.generation ?? '', 'file.json');
    if (wal.waitingFrames !== 0 || position === undefined || !fs.existsSync(note)) return false;
    if (performance.now() > givesUpAt && house.sidecars().length === 0) return true;
    const { atRest } = JSON.parse(fs.readFileSync(note, 'utf8')) as { atRest?: { index: number; offset: number } };
    return atRest?.index === position.index && atRest?.offset === position.offset;
  });
}

async function tells(engine: TestEngine, id: DatabaseId, code: string): Promise<DatabaseState> {
  const codeOf = ({ status }: DatabaseState) =>
    status.kind === 'problem' || status.kind === 'attention' ? status.problem.code : status.kind;
  return await until(
    `${code} is told (${JSON.stringify(codeOf(engine.database(id)))})`,
    () => (codeOf(engine.database(id)) === code ? engine.database(id) : undefined),
    noticedMs,
  );
}

async function says(engine: TestEngine, words: string): Promise<void> {
  const entries = () => engine.state().activity.map(({ text }) => text);
  await until(`the activity says “${words}”`, () => entries().some((text) => text.includes(words)), noticedMs);
}

async function story(
  engine: TestEngine,
  id: DatabaseId,
): Promise<{ generations: readonly string[]; gaps: readonly string[] }> {
  const { generations, events } = await engine.call('getTimeline', { databaseId: id, bins: 10 });
  return {
    generations: generations.map(({ reason }) => reason),
    gaps: events.flatMap((event) => (event.kind === 'gap' ? [event.text] : [])),
  };
}

// Inside a container nobody can tell whether another program has the database open: there Tidemark waits and says so.
const seesEveryLock = process.platform === 'linux' && fs.readlinkSync('/proc/self/ns/pid') === 'pid:[4026531836]';

describe.runIf(seesEveryLock)('an older copy is put back', () => {
  const ways: readonly (readonly [string, string, (from: string, to: string) => void])[] = [
    ['over the file', 'overwritten', copy],
    ['by renaming it', 'replaced', move],
    ['after deleting it', 'replaced', (from, to) => (remove(to), copy(from, to))],
  ];
  test.concurrent.for(ways)(
    'while Tidemark runs, %s: the application finds that copy, not a mixture',
    async ([, word, put]) => {
      await using house = new House();
      await house.write(8);
      copy(house.file, house.folder.at('older.db'));
      await using engine = house.open();
      const id = await house.protect(engine);
      await house.write(6);
      await rested(engine, id, house);
      put(house.folder.at('older.db'), house.file);
      await says(engine, `shop.db was ${word} by another`);
      await shipped(engine, id);
      await house.write(3);
      await until('what came later is shipped', async () => (await engine.points(id)).length >= 9);
      await shipped(engine, id);
      expect(await house.proveAll(engine, id)).toBe(11);
      const { gaps } = await story(engine, id);
      expect(gaps).toEqual([
        `The database was ${word} by another ${word === 'replaced' ? 'file' : 'program'}: changes in between were not seen one by one`,
      ]);
      await engine[Symbol.asyncDispose]();
      expect(readTruth(house.file).n).toBe(11);
    },
  );

  test.concurrent.for([
    ['stopped', copy],
    ['stopped', move],
    ['killed', copy],
    ['killed', move],
  ] as const)('while Tidemark is %s (%#), with nothing of it beside the file', async ([how, put]) => {
    await using house = new House();
    await house.write(8);
    copy(house.file, house.folder.at('older.db'));
    if (how === 'stopped') {
      await using engine = house.open();
      await house.protect(engine);
      await house.write(6);
    } else {
      const args = ['--data', house.folder.at('data'), '--add', house.file, '--folder', house.folder.at('backup')];
      await using engine = startScript('engine-process.ts', args);
      await engine.printed('protected');
      await house.write(6);
      await until('it rests', () => house.sidecars().length === 0);
      engine.child.kill('SIGKILL');
      await engine.ended;
    }
    expect(house.sidecars()).toEqual([]);
    put(house.folder.at('older.db'), house.file);
    await using engine = house.open();
    const id = await house.protect(engine);
    await house.write(3);
    await until('what came later is shipped', async () => (await engine.points(id)).length >= 9);
    await shipped(engine, id);
    expect(await house.proveAll(engine, id)).toBe(11);
  });

  test.concurrent('with its own WAL while Tidemark is closed: both are taken as they are', async () => {
    await using house = new House();
    const app = await house.start();
    {
      await using engine = house.open();
      await house.protect(engine);
    }
    for (const end of ['', '-wal']) copy(`${house.file}${end}`, house.folder.at(`older.db${end}`));
    {
      await using engine = house.open();
      const id = await house.protect(engine);
      app.child.kill('SIGUSR2');
      await app.printed('wrote 2');
      await shipped(engine, id);
    }
    app.child.kill('SIGKILL');
    await app.ended;
    remove(`${house.file}-shm`);
    for (const end of ['', '-wal']) move(house.folder.at(`older.db${end}`), `${house.file}${end}`);
    await using engine = house.open();
    const id = await house.protect(engine);
    expect(await house.proveAll(engine, id)).toBe(1);
  });

  test.concurrent('while an application has it open: what it holds then is what is captured', async () => {
    await using house = new House();
    await house.write(4);
    copy(house.file, house.folder.at('older.db'));
    const app = await house.start();
    await using engine = house.open();
    const id = await house.protect(engine);
    await rested(engine, id, house);
    copy(house.folder.at('older.db'), house.file);
    await says(engine, 'shop.db was overwritten by another');
    app.child.kill('SIGTERM');
    expect(await app.ended).toBe(0);
    await shipped(engine, id);
    expect(await house.proveAll(engine, id)).toBe(4);
    await house.write(2);
    await until('it is captured again', async () => (await engine.points(id)).length >= 4);
    await shipped(engine, id);
    expect(await house.proveAll(engine, id)).toBe(6);
  });
});

describe('the file is gone', () => {
  test.concurrent(
    'deleted, and made again by the application: the new one is protected, the former stays restorable',
    async () => {
      await using house = new House();
      await using engine = house.open();
      const id = await house.protect(engine);
      await house.write(5);
      await shipped(engine, id);
      remove(house.file);
      await tells(engine, id, 'database-missing');
      sqlite(
        house.file,
        'PRAGMA journal_mode = wal; CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB); CREATE TABLE t_n(n INTEGER); INSERT INTO t_n VALUES (0)',
      );
      await says(engine, 'was replaced by another file');
      await house.write(2);
      await until('it is captured again', async () => (await engine.points(id)).length >= 8);
      await shipped(engine, id);
      expect(await house.proveAll(engine, id)).toBe(2);
    },
  );

  test.concurrent('moved: says where it is, and goes on without a gap once it is back', async () => {
    await using house = new House();
    await using engine = house.open();
    const id = await house.protect(engine);
    await house.write(5);
    await shipped(engine, id);
    const to = house.folder.at('elsewhere.db');
    move(house.file, to);
    const { status } = await tells(engine, id, 'database-moved');
    expect(status).toMatchObject({ problem: { details: { to } } });
    move(to, house.file);
    await shipped(engine, id);
    await house.write(2);
    await until('it is captured again', async () => (await engine.points(id)).length >= 7);
    await shipped(engine, id);
    expect(await house.proveAll(engine, id)).toBe(7);
    expect(await story(engine, id)).toEqual({ generations: ['Protection began'], gaps: [] });
  });

  test.concurrent('with its whole folder, and back', async () => {
    await using house = new House();
    fs.mkdirSync(house.folder.at('inner'));
    const file = house.folder.at('inner', 'deep.db');
    create(file);
    await using engine = house.open();
    const { databaseId: id } = await engine.call('addDatabase', { path: file, folder: house.folder.at('backup') });
    await shipped(engine, id);
    move(house.folder.at('inner'), house.folder.at('outer'));
    await tells(engine, id, 'database-moved');
    move(house.folder.at('outer'), house.folder.at('inner'));
    const { status } = await shipped(engine, id);
    expect(status.kind).toBe('protected');
  });
});

describe('the WAL is deleted', () => {
  test
    .runIf(seesEveryLock)
    .concurrent('while an application writes: says so, and captures what it wrote when it quits', async () => {
      await using house = new House();
      const app = await house.start();
      await using engine = house.open();
      const id = await house.protect(engine);
      remove(`${house.file}-wal`);
      await tells(engine, id, 'database-wal-deleted');
      app.child.kill('SIGUSR2');
      await app.printed('wrote 2');
      expect(engine.database(id).status.kind).toBe('attention');
      app.child.kill('SIGTERM');
      expect(await app.ended).toBe(0);
      await until('it is captured', async () => (await engine.points(id)).length >= 2);
      await shipped(engine, id);
      await house.write(3);
      await until('it is captured again', async () => (await engine.points(id)).length >= 5);
      await shipped(engine, id);
      expect(await house.proveAll(engine, id)).toBe(5);
      await engine[Symbol.asyncDispose]();
      expect(readTruth(house.file).n).toBe(5);
    });

  test.concurrent('while Tidemark is closed: what was in it only stays restorable', async () => {
    await using house = new House();
    const app = await house.start();
    let id: DatabaseId;
    {
      await using engine = house.open();
      id = await house.protect(engine);
      app.child.kill('SIGUSR2');
      await app.printed('wrote 2');
      await until('it is captured', async () => (await engine.points(id)).length >= 2);
    }
    app.child.kill('SIGKILL');
    await app.ended;
    remove(`${house.file}-wal`, `${house.file}-shm`);
    await using engine = house.open();
    await house.protect(engine);
    const points = await engine.points(id);
    expect(points.length).toBeGreaterThanOrEqual(2);
    await house.write(2);
    await shipped(engine, id);
    await house.proveAll(engine, id);
  });
});

describe('the database is of another kind than before', () => {
  test.concurrent('its journal mode was changed while Tidemark was closed: waits until it is back', async () => {
    await using house = new House();
    {
      await using engine = house.open();
      await house.protect(engine);
      await house.write(4);
    }
    sqlite(house.file, 'PRAGMA journal_mode = delete');
    await house.write(2);
    await using engine = house.open();
    const id = engine.state().databases[0]?.id as DatabaseId;
    await tells(engine, id, 'database-left-wal');
    sqlite(house.file, 'PRAGMA journal_mode = wal');
    await shipped(engine, id);
    expect(await house.proveAll(engine, id)).toBe(6);
    expect((await story(engine, id)).gaps).toHaveLength(1);
  });

  test.concurrent('its page size was changed while Tidemark was closed: a new generation says so', async () => {
    await using house = new House();
    {
      await using engine = house.open();
      await house.protect(engine);
      await house.write(4);
    }
    sqlite(house.file, 'PRAGMA journal_mode = delete; PRAGMA page_size = 1024; VACUUM; PRAGMA journal_mode = wal');
    await using engine = house.open();
    const id = await house.protect(engine);
    await house.write(2);
    await until('it is captured again', async () => (await engine.points(id)).length >= 6);
    await shipped(engine, id);
    expect(await house.proveAll(engine, id)).toBe(6);
    expect((await story(engine, id)).generations).toEqual([
      'Protection began',
      'The page size of the database was changed',
    ]);
  });

  test.concurrent('it was overwritten while Tidemark runs by one with another page size', async () => {
    await using house = new House();
    const other = house.folder.at('other.db');
    create(other, 8192);
    await using engine = house.open();
    const id = await house.protect(engine);
    await house.write(4);
    await rested(engine, id, house);
    copy(other, house.file);
    await says(engine, 'was overwritten');
    await until('it begins anew', async () => (await story(engine, id)).generations.length === 2, noticedMs);
    await house.write(2);
    await until('it is captured again', async () => (await engine.points(id)).length >= 6);
    await shipped(engine, id);
    expect(await house.proveAll(engine, id)).toBe(2);
  });

  test.concurrent('a journal waits beside it: touches nothing until the application has recovered', async () => {
    await using house = new House();
    {
      await using engine = house.open();
      await house.protect(engine);
      await house.write(4);
    }
    const before = fs.readFileSync(house.file);
    const journal = `${house.file}-journal`;
    fs.writeFileSync(journal, Buffer.concat([Buffer.from('d9d505f920a163d7', 'hex'), Buffer.alloc(504)]));
    await using engine = house.open();
    const id = engine.state().databases[0]?.id as DatabaseId;
    await tells(engine, id, 'database-hot-journal');
    expect(fs.existsSync(journal)).toBe(true);
    expect(fs.readFileSync(house.file)).toEqual(before);
    remove(journal);
    await shipped(engine, id);
  });

  test.concurrent.for([
    ['since before the file was touched', 0],
    ['since after', 1],
  ] as const)('an application keeps it for itself, %s: waits, and goes on when that one quits', async ([, writes]) => {
    await using house = new House();
    {
      await using engine = house.open();
      await house.protect(engine);
    }
    if (writes > 0) await house.write(writes);
    const app = await house.start('--exclusive');
    await using engine = house.open();
    const id = engine.state().databases[0]?.id as DatabaseId;
    if (writes === 0) {
      // All that was in the file is restorable; what comes is captured at its end.
      const { status } = await engine.waitFor(id, 'it goes on', (now) => now.status.kind === 'protected');
      expect(status).toMatchObject({ capturedWhen: { kind: 'closed' } });
    } else {
      await tells(engine, id, 'database-held');
    }
    app.child.kill('SIGTERM');
    expect(await app.ended).toBe(0);
    await until('it is captured', async () => (await engine.points(id)).length >= 2);
    const { status } = await shipped(engine, id);
    expect(status).toEqual({ kind: 'protected' });
    expect(await house.proveAll(engine, id)).toBe(writes + 1);
  });
});
