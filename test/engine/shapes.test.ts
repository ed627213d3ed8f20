// Every shape of database, from end to end: protected while it is written, restored at each step and at the end, where every
// byte must be the same. All of them in one engine at once.
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import type { RestorePoint } from '../../shared/history.ts';
import type { DatabaseId } from '../../shared/ids.ts';
import { openTestEngine, type TestEngine } from '../support/engine.ts';
import { contentOf, readContent } from '../support/content.ts';
import { encodeAnew } from '../support/golden-wal.ts';
import { tempFolder, type TempFolder, until } from '../support/temp.ts';

interface Shape {
  readonly name: string;
  /** Where it lies, below the test's folder. */
  readonly file?: string;
  /** The path that is protected, where it is another one. */
  readonly link?: string;
  /** Runs before the WAL mode is set. */
  readonly begin?: (app: Database.Database, file: string) => void;
  /** Transactions, restored one by one. */
  readonly steps?: readonly ((app: Database.Database) => void)[];
}

const fill = (app: Database.Database, rows: number, bytes: number): void => {
  app.exec('CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, v BLOB)');
  app
    .prepare(
      'WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < ?) INSERT INTO t(v) SELECT randomblob(?) FROM i',
    )
    .run(rows, bytes);
};

const usualSteps: NonNullable<Shape['steps']> = [
  (app) => fill(app, 20, 3000),
  (app) => app.exec('UPDATE t SET v = randomblob(100) WHERE id % 3 = 0; CREATE INDEX by_value ON t(v)'),
  (app) => app.exec('DROP INDEX by_value; DELETE FROM t WHERE id > 10'),
];

const pageSizes = [512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536].map((pageSize): Shape => ({
  name: `pages of ${pageSize} bytes`,
  begin: (app) => app.pragma(`page_size = ${pageSize}`),
}));

const vacuums: readonly Shape[] = [
  {
    name: 'VACUUM, shrinking and growing',
    begin: (app) => fill(app, 300, 3000),
    steps: [
      (app) => app.exec('DELETE FROM t WHERE id > 20'),
      (app) => app.exec('VACUUM'),
      (app) => fill(app, 400, 3000),
      (app) => app.exec('DELETE FROM t; VACUUM'),
      (app) => fill(app, 3, 9000),
    ],
  },
  {
    name: 'auto_vacuum full',
    begin: (app) => {
      app.pragma('auto_vacuum = full');
      fill(app, 300, 3000);
    },
    steps: [
      (app) => app.exec('DELETE FROM t WHERE id % 2 = 0'),
      (app) => fill(app, 100, 5000),
      (app) => app.exec('DROP TABLE t'),
      (app) => fill(app, 10, 700),
    ],
  },
  {
    name: 'auto_vacuum incremental',
    begin: (app) => {
      app.pragma('auto_vacuum = incremental');
      fill(app, 300, 3000);
    },
    steps: [
      (app) => app.exec('DELETE FROM t WHERE id % 2 = 0'),
      (app) => app.pragma('incremental_vacuum(20)'),
      (app) => app.pragma('incremental_vacuum'),
      (app) => fill(app, 50, 4000),
    ],
  },
];

const contents: readonly Shape[] = [
  { name: 'an empty schema', steps: [(app) => app.pragma('user_version = 7')] },
  {
    name: 'UTF-16, little-endian',
    begin: (app) => app.exec("PRAGMA encoding = 'UTF-16le'; CREATE TABLE w(k TEXT PRIMARY KEY) WITHOUT ROWID"),
    steps: [(app) => app.exec("INSERT INTO w VALUES ('Ærøskøbing'), ('日本'), ('🦆')"), (app) => fill(app, 5, 2000)],
  },
  {
    name: 'UTF-16, big-endian, with an application’s number and version',
    begin: (app) => app.exec("PRAGMA encoding = 'UTF-16be'; PRAGMA application_id = 0x54494445; CREATE TABLE w(k)"),
    steps: [(app) => app.exec("INSERT INTO w VALUES ('größer')"), (app) => app.pragma('user_version = 2147483647')],
  },
  {
    name: 'bytes reserved at the end of each page',
    begin: (app, file) => {
      app.pragma('page_size = 1024');
      app.exec('CREATE TABLE x(a); DROP TABLE x; VACUUM');
      reserveBytes(file, 48);
    },
  },
  {
    name: 'a transaction larger than the database',
    begin: (app) => fill(app, 10, 100),
    steps: [(app) => fill(app, 4000, 3000), (app) => app.exec('DELETE FROM t WHERE id % 7 > 0')],
  },
  {
    name: 'sums of the other byte order',
    begin: (app) => fill(app, 3, 100),
    steps: [(app) => fill(app, 5, 3000)],
  },
];

const odd = 'it’s "50%" #1? & ü/日本 db;$(x)`.sqlite';
const paths: readonly Shape[] = [
  { name: 'a path with spaces and quotes and signs', file: odd },
  { name: 'a path as long as SQLite can open', file: `${'deep folder/'.repeat(38)}shop.db` },
  { name: 'a link to the file', file: 'real/shop.db', link: 'links/shop.db' },
  { name: 'a file in a linked folder', file: 'real/other/shop.db', link: 'linked folder/shop.db' },
].map((shape) => ({ ...shape, steps: usualSteps.slice(0, 1) }));

/** Sets the number of reserved bytes per page in a database of one empty page. */
function reserveBytes(file: string, count: number): void {
  const bytes = fs.readFileSync(file);
  expect(bytes.length).toBe(1024);
  bytes.writeUInt8(count, 20);
  bytes.writeUInt16BE(1024 - count, 105);
  fs.writeFileSync(file, bytes);
}

interface Running {
  readonly shape: Shape;
  readonly file: string;
  readonly protectedPath: string;
  app: Database.Database;
  readonly expected: { readonly point: RestorePoint['position']; readonly content: string }[];
}

function make(folder: TempFolder, shape: Shape, number: number): Running {
  const file = folder.at(shape.file ?? `database-${number}.db`);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  let protectedPath = file;
  if (shape.link !== undefined) {
    protectedPath = folder.at(shape.link);
    const isFolder = path.dirname(shape.link) === 'linked folder';
    if (!isFolder) fs.mkdirSync(path.dirname(protectedPath));
    if (isFolder) fs.symlinkSync(path.dirname(file), path.dirname(protectedPath));
    else fs.symlinkSync(file, protectedPath);
  }
  const first = new Database(file);
  shape.begin?.(first, file);
  first.close();
  const app = new Database(file, { timeout: 10_000 });
  app.pragma('journal_mode = wal');
  app.exec('BEGIN IMMEDIATE; COMMIT');
  return { shape, file, protectedPath, app, expected: [] };
}

/** Lets a database be as a machine of the other byte order left it: with sums of that order, to be gone on with. */
function turnSums(running: Running): void {
  const { app, file } = running;
  app.pragma('wal_autocheckpoint = 0');
  fill(app, 4, 5000);
  const [database, bytes] = [fs.readFileSync(file), fs.readFileSync(`${file}-wal`)];
  app.close();
  fs.rmSync(`${file}-wal`, { force: true });
  fs.writeFileSync(file, database);
  fs.writeFileSync(`${file}-wal`, encodeAnew({ pageSize: 4096, database, bytes }, { isBigEndian: true }));
  running.app = new Database(file, { timeout: 10_000 });
  running.app.prepare('SELECT count(*) FROM t').get();
  expect(fs.readFileSync(`${file}-wal`).readUInt32BE(0)).toBe(0x377f0683);
}

async function protectAll(engine: TestEngine, folder: TempFolder, all: readonly Running[]): Promise<DatabaseId[]> {
  const databases = all.map(({ protectedPath }, i) => ({
    path: protectedPath,
    enableWal: false,
    replicas: [{ url: folder.at('backup', String(i)), syncIntervalMs: 10 }],
  }));
  const answers = await engine.call('protectDeclared', { databases });
  const ids = answers.map((answer, i) => {
    if (answer.kind !== 'protecting') throw new Error(`${all[i]?.shape.name}: ${JSON.stringify(answer)}`);
    return answer.databaseId;
  });
  for (const id of ids) await engine.waitFor(id, 'it is protected', ({ status }) => status.kind === 'protected');
  return ids;
}

/** Runs every step of every shape; after each, what is shipped is what SQL sees. */
async function runSteps(engine: TestEngine, all: readonly Running[], ids: readonly DatabaseId[]): Promise<void> {
  for (let step = 0; ; step++) {
    const busy = all.filter(({ shape }) => step < (shape.steps ?? usualSteps).length);
    if (busy.length === 0) return;
    const before = ids.map((id) => JSON.stringify(engine.database(id).newest?.position));
    for (const { app, shape } of busy) (shape.steps ?? usualSteps)[step]?.(app);
    for (const running of busy) {
      const i = all.indexOf(running);
      const point = await until(`step ${step} of “${running.shape.name}” is shipped`, () => {
        const { lag, newest } = engine.database(ids[i] as DatabaseId);
        return lag.bytes === 0 && JSON.stringify(newest?.position) !== before[i] ? newest?.position : undefined;
      });
      running.expected.push({ point, content: contentOf(running.app) });
    }
  }
}

describe('every shape of database', () => {
  const groups = { 'page sizes': pageSizes, vacuums, contents, paths };
  test.for(Object.entries(groups))('is captured, shipped and restored: %s', async ([, shapes]) => {
    using folder = tempFolder('shapes');
    const all = shapes.map((shape, i) => make(folder, shape, i));
    for (const running of all) if (running.shape.name === 'sums of the other byte order') turnSums(running);
    const setup = { isDeclaredOnly: true };
    let ids: DatabaseId[];
    {
      await using engine = openTestEngine(folder.at('data'), setup);
      ids = await protectAll(engine, folder, all);
      await runSteps(engine, all, ids);
    }
    const found: unknown[] = [];
    {
      await using engine = openTestEngine(folder.at('data'), setup);
      for (const [i, { shape, expected, file, app }] of all.entries()) {
        const id = ids[i] as DatabaseId;
        const points = await engine.points(id);
        for (const [step, { point, content }] of expected.entries()) {
          const wanted = points.find(({ position }) => JSON.stringify(position) === JSON.stringify(point));
          if (wanted === undefined) throw new Error(`${shape.name}: step ${step} is not among ${points.length} points`);
          const output = folder.at('restored.db');
          const { result } = await engine.restore(id, wanted, output);
          const restored = fs.readFileSync(output);
          found.push([shape.name, step, result?.proof.kind, readContent(output)]);
          expect(found.at(-1)).toEqual([shape.name, step, 'identical', content]);
          fs.rmSync(output);
          if (step < expected.length - 1) continue;
          app.close();
          new Database(file).exec('PRAGMA wal_checkpoint(TRUNCATE)').close();
          expect([shape.name, restored.equals(fs.readFileSync(file))]).toEqual([shape.name, true]);
        }
      }
    }
    expect(found.length).toBeGreaterThanOrEqual(shapes.length);
  });
});

test('a path of a thousand characters is refused with the reason: SQLite cannot open it', async () => {
  using folder = tempFolder('shapes');
  const file = folder.at(`${'deep folder/'.repeat(80)}shop.db`);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const short = folder.at('shop.db');
  new Database(short).exec('PRAGMA journal_mode = wal; CREATE TABLE t(v)').close();
  fs.renameSync(short, file);
  expect(() => new Database(file)).toThrow('unable to open');
  await using engine = openTestEngine(folder.at('data'));
  await expect(engine.call('addDatabase', { path: file, folder: folder.at('backup') })).rejects.toMatchObject({
    code: 'database-path-too-long',
  });
  expect(file.length).toBeGreaterThan(960);
});

const canMount = process.platform === 'linux' && process.getuid?.() === 0;

test.skipIf(!canMount)('a database on read-only media is refused with the reason', async () => {
  using folder = tempFolder('shapes');
  const file = folder.at('disc', 'shop.db');
  fs.mkdirSync(path.dirname(file));
  const app = new Database(file);
  app.pragma('journal_mode = wal');
  fill(app, 3, 100);
  app.close();
  const disc = path.dirname(file);
  // Where the right to mount is missing, nothing can be tried.
  if (spawnSync('mount', ['--bind', disc, disc]).status !== 0) return;
  try {
    execFileSync('mount', ['-o', 'remount,ro,bind', disc]);
    await using engine = openTestEngine(folder.at('data'));
    await expect(engine.call('addDatabase', { path: file, folder: folder.at('backup') })).rejects.toMatchObject({
      code: 'database-no-permission',
    });
  } finally {
    execFileSync('umount', [disc]);
  }
});
