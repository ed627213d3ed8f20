// The computer goes down: what was written and not brought to the disk comes back short. The history goes on behind what is
// surely there, says that something was lost, and never restores to anything that was not there.
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { beforeEach, expect, test } from 'vitest';
import { must } from '../../shared/assert.ts';
import type { DatabaseId } from '../../shared/ids.ts';
import { openTestEngine, type TestEngine } from '../support/engine.ts';
import { startScript } from '../support/processes.ts';
import { openApplication } from '../support/application.ts';
import type { AppConnection } from '../support/beside.ts';
import { type TempFolder, until } from '../support/temp.ts';

let folder: TempFolder;
let file: string;
let app: AppConnection;

beforeEach(() => {
  const application = openApplication('CREATE TABLE t(n INTEGER PRIMARY KEY, v)', { waitMs: 5000 });
  ({ folder, file, app } = application);
  write(3);
  return application[Symbol.dispose];
});

function write(count: number): void {
  for (let i = 0; i < count; i++) app.exec('INSERT INTO t(v) VALUES (randomblob(3000))');
}

/** Those of the generation that was captured last, in their order. On a busy machine another one may begin on the way. */
function spoolFiles(): readonly string[] {
  const all = fs
    .readdirSync(folder.at('data'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.wal'))
    .map((name) => folder.at(`data/${name}`));
  // What was shipped may be gone by now.
  const changedAt = (name: string) => fs.statSync(name, { bigint: true, throwIfNoEntry: false })?.mtimeNs ?? 0n;
  const [newest] = all
    .map((name) => ({ name, at: changedAt(name) }))
    .sort((one, other) => (one.at > other.at ? -1 : one.at < other.at ? 1 : one.name < other.name ? 1 : -1));
  return all.filter((name) => newest !== undefined && path.dirname(name) === path.dirname(newest.name)).sort();
}

function endOfSpool(): string {
  const newest = must(spoolFiles().at(-1), 'something was captured');
  return `${newest} ${fs.statSync(newest).size}`;
}

/** Writes, and begins the next WAL: so many times one more index of one generation. */
async function writeIndices(count: number): Promise<void> {
  for (let begun = 0; begun < count;) {
    const before = spoolFiles().at(-1);
    const after = await until('a WAL begins anew', () => {
      write(6);
      app.pragma('wal_checkpoint(TRUNCATE)');
      const newest = spoolFiles().at(-1);
      return newest === before ? undefined : newest;
    });
    begun = before !== undefined && path.dirname(after) === path.dirname(before) ? begun + 1 : 0;
  }
  const end = endOfSpool();
  write(1);
  await until('the last is captured', () => endOfSpool() !== end);
}

const rowsOf = (database: AppConnection) => database.prepare('SELECT n, hex(v) FROM t ORDER BY n').raw().all();

/** Every point holds the first rows, as they were written; the newest all of them. */
async function expectTrue(engine: TestEngine, id: DatabaseId): Promise<void> {
  const truth = rowsOf(app);
  const points = await engine.points(id);
  let newest = 0;
  for (const point of points) {
    const output = folder.at('restored.db');
    const operation = await engine.restore(id, point, output);
    expect(operation.result?.proof.kind).toBe('identical');
    const restored = new Database(output);
    const rows = rowsOf(restored);
    restored.close();
    fs.rmSync(output);
    expect(rows).toEqual(truth.slice(0, rows.length));
    newest = rows.length;
  }
  expect(newest).toBe(truth.length);
}

async function captured(work: () => Promise<void>, end: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  const args = ['--data', folder.at('data'), '--add', file, '--folder', folder.at('backup')];
  await using engine = startScript('engine-process.ts', args);
  await engine.printed('protected 0:');
  await work();
  engine.child.kill(end);
  await engine.ended;
}

const settled = async (engine: TestEngine): Promise<DatabaseId> => {
  const { id } = must(engine.state().databases[0], 'it is protected');
  await engine.waitFor(id, 'all is shipped', ({ status, lag }) => status.kind === 'protected' && lag.bytes === 0);
  return id;
};

test.for([
  ['has everything', false],
  ['was away', true],
] as const)('what a power cut took is not missed silently, where the destination %s', async ([, isAway]) => {
  const away = folder.at('elsewhere');
  await captured(async () => {
    if (isAway) fs.renameSync(folder.at('backup'), away);
    await writeIndices(3);
  }, 'SIGKILL');
  if (isAway) {
    fs.rmSync(folder.at('backup'), { recursive: true, force: true });
    fs.renameSync(away, folder.at('backup'));
  }
  const files = spoolFiles();
  expect(files.length).toBeGreaterThan(2);
  fs.truncateSync(must(files.at(-2), 'there are several'), 32 + 4120 * 2);

  await using engine = openTestEngine(folder.at('data'), { boot: 'another' });
  const id = await settled(engine);
  write(2);
  await until('it is captured', async () => {
    await settled(engine);
    const last = (await engine.points(id)).at(-1);
    const output = folder.at('looked.db');
    await engine.restore(id, must(last, 'there are points'), output);
    const looked = new Database(output);
    const rows = rowsOf(looked).length;
    looked.close();
    fs.rmSync(output);
    return rows === rowsOf(app).length;
  });
  await expectTrue(engine, id);
  const { generations } = await engine.call('getTimeline', { databaseId: id, bins: 10 });
  expect(generations.length).toBe(2);
});

test.for(['with', 'without'])('after an orderly stop the history goes on, %s a note of the file', async (how) => {
  await captured(async () => await writeIndices(2), 'SIGTERM');
  const notes = path.dirname(must(spoolFiles().at(-1), 'something was captured'));
  if (how === 'without') fs.rmSync(path.join(notes, 'clean.json'), { force: true });
  write(2);
  await using engine = openTestEngine(folder.at('data'), { boot: 'another' });
  const id = await settled(engine);
  await expectTrue(engine, id);
  const { generations } = await engine.call('getTimeline', { databaseId: id, bins: 10 });
  expect(generations.length).toBe(1);
});
