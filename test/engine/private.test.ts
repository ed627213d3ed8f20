// What is kept of a database is as private as the database: the data folder, folders as destinations, restored files, whatever the
// process lets others do with new files. A second user of the computer looks for himself where one can be had.
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, describe, expect, test } from 'vitest';
import { keepPrivate } from '../../electron/engine/basics/private-folder.ts';
import { commandEntry, runCommand, startCommand } from '../support/command-line.ts';
import { openTestEngine } from '../support/engine.ts';
import { startS3Server } from '../support/s3-server.ts';
import { asSecondUser, hasSecondUser } from '../support/second-user.ts';
import { type TempFolder, tempFolder, until } from '../support/temp.ts';

/** Asked by setting it: what only asks is deprecated. */
const usual = process.umask(0o022);
process.umask(usual);
afterEach(() => void process.umask(usual));

const isRoot = process.getuid?.() === 0;
const someone = 12_345;

/** A database in WAL mode with a marker in it, of somebody. */
function makeShop(folder: TempFolder, mode: number): string {
  const file = folder.at('shop.db');
  const shop = new Database(file);
  shop.pragma('journal_mode = wal');
  shop.exec("CREATE TABLE t(v); INSERT INTO t VALUES ('marker-of-the-shop')");
  shop.close();
  fs.chmodSync(file, mode);
  if (isRoot) fs.chownSync(file, someone, someone + 1);
  return file;
}

function* below(folder: string): Generator<{ readonly place: string; readonly facts: fs.Stats }> {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const place = path.join(folder, entry.name);
    yield { place, facts: fs.lstatSync(place) };
    if (entry.isDirectory()) yield* below(place);
  }
}

/** What others may do with anything below a folder, as `place: mode`. */
function openToOthers(folder: string): readonly string[] {
  const all = [{ place: folder, facts: fs.lstatSync(folder) }, ...below(folder)];
  return all
    .filter(({ facts }) => (facts.mode & 0o077) !== 0)
    .map(({ place, facts }) => `${place}: ${(facts.mode & 0o777).toString(8)}`);
}

function look(place: string): { readonly mode: string; readonly owner?: readonly number[] } {
  const { mode, uid, gid } = fs.lstatSync(place);
  return { mode: (mode & 0o777).toString(8), ...(isRoot ? { owner: [uid, gid] } : {}) };
}

const owner = isRoot ? { owner: [someone, someone + 1] } : {};

describe.each([0o022, 0o000])('with umask %i', (umask) => {
  test.each([0o600, 0o640, 0o644])('all that is kept of a database has its mode %i and its owner', async (mode) => {
    process.umask(umask);
    using folder = tempFolder();
    fs.chmodSync(folder.path, 0o755);
    const file = makeShop(folder, mode);
    const wanted = { mode: mode.toString(8), ...owner };
    const folders = { mode: ((mode & 0o666) | ((mode & 0o444) >> 2) | 0o700).toString(8), ...owner };
    {
      await using engine = openTestEngine(folder.at('data'));
      const { databaseId } = await engine.call('addDatabase', { path: file, folder: folder.at('backup') });
      await engine.waitFor(databaseId, 'is protected', ({ status }) => status.kind === 'protected');
      const shop = new Database(file);
      shop.exec("INSERT INTO t VALUES ('more')");
      shop.close();
      const shown = await until('the newest point', async () => (await engine.points(databaseId)).at(-1));
      expect(openToOthers(folder.at('data'))).toEqual([]);

      const kept = [...below(folder.at('backup'))];
      expect(kept.length).toBeGreaterThan(4);
      for (const { place, facts } of kept)
        expect({ place, ...look(place) }).toEqual({ place, ...(facts.isDirectory() ? folders : wanted) });

      await engine.restore(databaseId, shown, folder.at('restored.db'));
      expect(look(folder.at('restored.db'))).toEqual(wanted);
      fs.rmSync(file);
      await engine.restore(databaseId, shown, folder.at('gone.db'));
      expect(look(folder.at('gone.db'))).toEqual(wanted);
    }
    const replica = path.join(folder.at('backup'), 'shop.db');
    const ended = await runCommand(['restore', '-o', folder.at('by-hand.db'), replica]);
    expect(ended).toMatchObject({ code: 0 });
    expect(look(folder.at('by-hand.db'))).toEqual(wanted);
    if (!hasSecondUser || mode === 0o644) return;
    const seen = await asSecondUser(
      `grep -r marker-of-the-shop ${folder.path}; cat ${folder.path}/backup/shop.db/tidemark.json`,
    );
    expect(seen).not.toMatch(/matches|"databaseId"/);
  });
});

test('what comes from a bucket has the mode of the original, and is its restorer’s alone where nobody wrote that down', async () => {
  using folder = tempFolder();
  await using server = await startS3Server();
  const url = server.urlOf(await server.makeBucket(), 'shop');
  process.env['AWS_ACCESS_KEY_ID'] = 'tester';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'testing';
  const file = makeShop(folder, 0o640);
  {
    await using started = startCommand(['replicate', '--data-dir', folder.at('data'), file, url]);
    await started.printed('protected, shipped to');
    started.child.kill('SIGTERM');
    expect(await started.ended).toBe(0);
  }
  fs.rmSync(file);
  expect(await runCommand(['restore', '-o', folder.at('one.db'), url])).toMatchObject({ code: 0 });
  expect(look(folder.at('one.db'))).toEqual({ mode: '640', ...owner });
});

test('a link in the place of a replica, or in it, has nothing written where it leads', async () => {
  using folder = tempFolder();
  const file = makeShop(folder, 0o600);
  fs.mkdirSync(folder.at('elsewhere'));
  fs.mkdirSync(folder.at('backup'));
  fs.symlinkSync(folder.at('elsewhere'), folder.at('backup/shop.db'));
  // What the user named may well be a link.
  fs.symlinkSync(folder.at('backup'), folder.at('named'));
  await using engine = openTestEngine(folder.at('data'));
  const { databaseId } = await engine.call('addDatabase', { path: file, folder: folder.at('named') });
  const told = await engine.waitFor(databaseId, 'is told of', ({ status }) => 'problem' in status);
  expect(JSON.stringify(told.status)).toContain('is a link, which leads elsewhere');
  expect(fs.readdirSync(folder.at('elsewhere'))).toEqual([]);

  fs.rmSync(folder.at('backup/shop.db'));
  await engine.waitFor(databaseId, 'is protected', ({ status }) => status.kind === 'protected');
  expect(fs.readdirSync(folder.at('elsewhere'))).toEqual([]);
});

test('a data folder that others could look into is closed, and nothing in it that is not ours is touched', () => {
  using folder = tempFolder();
  const dataDir = folder.at('data');
  const modes: readonly (readonly [string, number])[] = [
    ['state.db', 0o644],
    ['databases/one/00000001.wal', 0o666],
    ['logs/tidemark.log', 0o644],
    ['secret.key', 0o644],
    ['holiday.jpg', 0o644],
    ['program', 0o755],
  ];
  for (const [name, mode] of modes) {
    fs.mkdirSync(path.dirname(path.join(dataDir, name)), { recursive: true });
    fs.writeFileSync(path.join(dataDir, name), '');
    fs.chmodSync(path.join(dataDir, name), mode);
  }
  fs.writeFileSync(folder.at('elsewhere'), '');
  fs.chmodSync(folder.at('elsewhere'), 0o644);
  fs.symlinkSync(folder.at('elsewhere'), path.join(dataDir, 'databases/link'));
  fs.chmodSync(dataDir, 0o755);
  keepPrivate(dataDir);
  expect(look(dataDir).mode).toBe('700');
  expect(look(folder.at('elsewhere')).mode).toBe('644');
  expect(modes.map(([name]) => look(path.join(dataDir, name)).mode)).toEqual([
    '600',
    '600',
    '600',
    '600',
    '644',
    '755',
  ]);
  expect(look(path.join(dataDir, 'databases/one')).mode).toBe('700');
});

test.runIf(hasSecondUser)('a group that may read the original is the only one that may read the copy', async () => {
  using folder = tempFolder();
  fs.chmodSync(folder.path, 0o777);
  const file = makeShop(folder, 0o660);
  // As somebody who makes files of a group of his own: once not of the original’s group, once of it.
  const user = ['setpriv', `--reuid=${someone + 9}`, `--regid=${someone + 8}`] as const;
  const tries = [
    { groups: '--clear-groups', original: 0o664, wanted: '604' },
    { groups: `--groups=${someone + 1}`, original: 0o660, wanted: '660' },
  ];
  for (const { groups, original, wanted } of tries) {
    fs.chmodSync(file, original);
    const replica = folder.at(`backup-${wanted}`);
    const script = path.resolve(import.meta.dirname, '../support/put-like.ts');
    const [command, ...options] = user;
    execFileSync(command, [...options, groups, process.execPath, '--no-warnings', script, replica, file]);
    const object = [...below(replica)].find(({ facts }) => facts.isFile());
    expect(look(object?.place ?? '').mode).toBe(wanted);
  }
});

test.runIf(hasSecondUser)('a data folder that another user made is not used', () => {
  using folder = tempFolder();
  fs.chmodSync(folder.path, 0o755);
  fs.mkdirSync(folder.at('data'));
  fs.chmodSync(folder.at('data'), 0o777);
  fs.chownSync(folder.at('data'), someone, someone);
  fs.writeFileSync(folder.at('shop.db'), '');
  const user = [`--reuid=${someone + 9}`, `--regid=${someone + 9}`, '--clear-groups'];
  const replicate = [commandEntry, 'replicate', '--data-dir', folder.at('data'), folder.at('shop.db'), folder.at('to')];
  const { status, stderr } = spawnSync('setpriv', [...user, process.execPath, '--no-warnings', ...replicate], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  expect({ status, isTold: stderr.includes(`it belongs to another user (${someone})`) }).toEqual({
    status: 1,
    isTold: true,
  });
  expect(fs.existsSync(folder.at('data/state.db'))).toBe(false);
});
