// Random histories in which the application goes on while Tidemark is closed, its WAL is left or lost, and our notes are
// damaged: every moment that was seen is restored to exactly what it was.
import { randomInt } from 'node:crypto';
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import type { RestorePoint } from '../../shared/history.ts';
import type { DatabaseId } from '../../shared/ids.ts';
import { contentOf, readContent } from '../support/content.ts';
import { openTestEngine } from '../support/engine.ts';
import { tempFolder, type TempFolder, until } from '../support/temp.ts';
import { seededRandom } from '../support/truth.ts';

type Random = () => number;

const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;

/** What an application does in one go. */
const changes: readonly ((app: Database.Database, random: Random) => void)[] = [
  (app, random) => insert(app, 1 + Math.floor(random() * 20), 50 + Math.floor(random() * 3000)),
  (app, random) => insert(app, 150, 1000 + Math.floor(random() * 1000)),
  (app, random) => app.prepare('UPDATE t SET v = randomblob(400) WHERE id % 50 = ?').run(Math.floor(random() * 50)),
  (app) => app.exec('UPDATE t SET v = randomblob(900)'),
  (app, random) => app.prepare('DELETE FROM t WHERE id % 9 = ?').run(Math.floor(random() * 9)),
  (app) => app.exec('DELETE FROM t WHERE id > (SELECT max(id) / 4 FROM t); VACUUM'),
  (app, random) => app.exec(`CREATE TABLE IF NOT EXISTS more_${Math.floor(random() * 5)}(a, b UNIQUE)`),
  (app) => app.exec('BEGIN; INSERT INTO t(v) VALUES (randomblob(90000)); ROLLBACK'),
];

/** What else may happen while Tidemark is closed; the last word on whether a WAL is left. */
const ends: readonly ((app: Database.Database, file: string) => void)[] = [
  () => {},
  (app) => app.pragma('wal_checkpoint(PASSIVE)'),
  (app) => app.pragma('wal_checkpoint(RESTART)'),
  (app) => app.pragma('wal_checkpoint(TRUNCATE)'),
];

/** What may become of our own notes. */
const harms: readonly ((spool: string) => void)[] = [
  (spool) => fs.rmSync(`${spool}/hashes`, { force: true }),
  (spool) => fs.writeFileSync(`${spool}/hashes`, 'garbage'),
  (spool) => fs.rmSync(`${spool}/clean.json`, { force: true }),
  (spool) => {
    const newest = fs.readdirSync(spool).findLast((name) => name.endsWith('.wal'));
    if (newest !== undefined) fs.truncateSync(`${spool}/${newest}`, fs.statSync(`${spool}/${newest}`).size - 10);
  },
];

function insert(app: Database.Database, rows: number, bytes: number): void {
  const statement = app.prepare('INSERT INTO t(v) VALUES (randomblob(?))');
  app.transaction(() => {
    for (let i = 0; i < rows; i++) statement.run(bytes);
  })();
}

interface Seen {
  readonly position: RestorePoint['position'];
  readonly content: string;
  readonly session: number;
}

/** One life of Tidemark: opened on whatever there is, changes watched, and closed. */
async function watch(
  folder: TempFolder,
  {
    session,
    random,
    app,
    seen,
    leavesFirst,
  }: { session: number; random: Random; app: Database.Database; seen: Seen[]; leavesFirst: boolean },
): Promise<DatabaseId> {
  await using engine = openTestEngine(folder.at('data'), { isDeclaredOnly: true });
  const replicas = [{ url: folder.at('backup'), syncIntervalMs: 5 }];
  await engine.call('protectDeclared', { databases: [{ path: folder.at('app.db'), enableWal: false, replicas }] });
  const { id } = await until('it is known', () => engine.state().databases[0]);
  const shipped = async () => {
    const { newest } = await engine.waitFor(
      id,
      'everything is shipped',
      (database) =>
        database.status.kind === 'protected' &&
        database.lag.bytes === 0 &&
        JSON.stringify(database.captured?.position) === JSON.stringify(database.newest?.position),
    );
    if (newest !== undefined) seen.push({ position: newest.position, content: contentOf(app), session });
  };
  await shipped();
  for (let i = Math.floor(random() * 3); i > 0; i--) {
    const before = JSON.stringify(engine.database(id).newest?.position);
    const frames = contentOf(app);
    pick(random, changes)(app, random);
    if (contentOf(app) === frames) continue;
    await until('the change is shipped', () => JSON.stringify(engine.database(id).newest?.position) !== before);
    await shipped();
  }
  if (leavesFirst) app.close();
  return id;
}

function reopen(file: string): Database.Database {
  const app = new Database(file, { timeout: 10_000 });
  app.prepare('SELECT count(*) FROM t').get();
  return app;
}

const seeds = process.env['TIDEMARK_SEED']?.split(',').map(Number) ?? [7, randomInt(1e9)];

test.for(seeds)('every moment that was seen comes back, whatever happened unseen (seed %i)', async (seed) => {
  const random = seededRandom(seed);
  using folder = tempFolder('unseen');
  const file = folder.at('app.db');
  let app = new Database(file, { timeout: 10_000 });
  app.pragma(`page_size = ${pick(random, [512, 1024, 4096, 65_536])}`);
  app.pragma(`auto_vacuum = ${pick(random, ['none', 'full', 'incremental'])}`);
  app.pragma('journal_mode = wal');
  app.exec('CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB)');
  insert(app, 100, 2000);
  const seen: Seen[] = [];
  const story: string[] = [];
  for (let session = 0; session < 7; session++) {
    // Who leaves last decides what becomes of the WAL.
    const leavesFirst = random() < 0.5;
    await watch(folder, { session, random, app, seen, leavesFirst });
    story.push(`${session}: ${leavesFirst ? 'the application' : 'Tidemark'} left first`);
    if (leavesFirst) app = reopen(file);
    for (let i = Math.floor(random() * 3); i > 0; i--) {
      const change = pick(random, changes);
      story.push(`${session}: unseen change ${changes.indexOf(change)}`);
      change(app, random);
    }
    const end = pick(random, ends);
    story.push(`${session}: end ${ends.indexOf(end)}`);
    end(app, file);
    if (random() < 0.4) {
      app.close();
      app = reopen(file);
    }
    if (random() < 0.25) {
      const [database = ''] = fs.readdirSync(folder.at('data', 'databases'));
      const spools = folder.at('data', 'databases', database, 'spool');
      const harm = pick(random, harms);
      story.push(`${session}: harm ${harms.indexOf(harm)}`);
      for (const generation of fs.readdirSync(spools)) harm(`${spools}/${generation}`);
    }
  }
  const id = await watch(folder, { session: 7, random, app, seen, leavesFirst: false });
  app.close();
  await using engine = openTestEngine(folder.at('data'), { isDeclaredOnly: true });
  const points = await engine.points(id);
  for (const { position, content, session } of seen) {
    // What an image overlaps has no point of its own: nothing changed since the one before.
    const point = points.findLast((one) => isAtOrBefore(one.position, position));
    if (point === undefined) throw new Error(`nothing at ${JSON.stringify(position)}\n${story.join('\n')}`);
    const output = folder.at('restored.db');
    const { result } = await engine.restore(id, point, output);
    const found = { session, position, proof: result?.proof.kind, content: readContent(output) };
    expect(found, story.join('\n')).toEqual({ session, position, proof: 'identical', content });
    fs.rmSync(output);
  }
  const last = points.at(-1);
  if (last === undefined) throw new Error('no restore point');
  await engine.restore(id, last, folder.at('last.db'));
  expect(readContent(folder.at('last.db')), story.join('\n')).toBe(readContent(file));
  expect(seen.length).toBeGreaterThanOrEqual(8);
});

function isAtOrBefore(a: RestorePoint['position'], b: RestorePoint['position']): boolean {
  return a.generation === b.generation && (a.index < b.index || (a.index === b.index && a.offset <= b.offset));
}
