// Folders as destinations: what each kind of folder is told to be.
import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { claimNotes } from '../../electron/engine/destinations/claims.ts';
import { systemClock } from '../../electron/engine/basics/clock.ts';
import { inspectFolder, replicaPathIn } from '../../electron/engine/destinations/folders.ts';
import { Ownership } from '../../electron/engine/destinations/ownership.ts';
import { openTarget } from '../../electron/engine/targets/open-target.ts';
import type { DatabaseId, TargetId } from '../../shared/ids.ts';
import type { Generation } from '../../shared/position.ts';
import { tempFolder, type TempFolder } from '../support/temp.ts';

const { signal } = new AbortController();
let folder: TempFolder;
let databasePath: string;

beforeEach(() => {
  folder = tempFolder();
  databasePath = folder.at('app', 'shop.db');
  fs.mkdirSync(folder.at('app'));
  fs.writeFileSync(databasePath, 'x');
});
afterEach(() => folder[Symbol.dispose]());

const ownerOf = (over: { readonly databasePath?: string; readonly machineId?: string } = {}) => ({
  databaseId: 'id-1' as DatabaseId,
  databasePath,
  machineId: 'machine-1',
  version: '1.0.0',
  ...over,
});

/** Claims `<folder>/shop.db` and writes its record. */
async function claim(parent: string, owner = ownerOf()): Promise<void> {
  fs.mkdirSync(replicaPathIn(parent, databasePath), { recursive: true });
  const target = openTarget(replicaPathIn(parent, databasePath));
  const notes = claimNotes(folder.at(owner.machineId), 'target-1' as TargetId);
  const facts = { target, pageSize: 4096, generation: '0123456789abcdef' as Generation };
  const names = { namedPoints: () => [], onNamedPoints: () => {} };
  await new Ownership({ owner, clock: { ...systemClock, now: () => 5 }, notes, ...names }).look(facts, { signal });
}

/** The outcome: contents, or the code of the refusal with the path that it names. */
async function inspect(parent: string): Promise<unknown> {
  const before = tree();
  const found = await inspectFolder({ folder: parent, databasePath, machineId: 'machine-1' }, { signal });
  expect(tree()).toEqual(before);
  if (found.kind === 'refused') return { refused: found.error.code, path: found.error.details['path'] };
  expect(found).toMatchObject({ path: parent, replicaPath: `${parent}/shop.db`, isSameDisk: true });
  expect(found.freeBytes).toBeGreaterThan(0);
  return found.contents;
}

const tree = () => fs.readdirSync(folder.path, { recursive: true, encoding: 'utf8' }).sort();

describe('inspectFolder', () => {
  test.each<[string, () => unknown, unknown]>([
    ['a folder that is not there', () => {}, 'new'],
    ['an empty folder', () => fs.mkdirSync(folder.at('to')), 'empty'],
    ['a folder with other things', () => fs.mkdirSync(folder.at('to', 'photos'), { recursive: true }), 'empty'],
    [
      'an empty folder of that name in it',
      () => fs.mkdirSync(folder.at('to', 'shop.db'), { recursive: true }),
      'empty',
    ],
    ['the history of this database', () => claim(folder.at('to')), 'history-of-this'],
    [
      'a history that Litestream wrote',
      () => fs.mkdirSync(folder.at('to', 'shop.db', 'generations'), { recursive: true }),
      'litestream-history',
    ],
  ])('%s', async (_what, make, expected) => {
    await make();
    expect(await inspect(folder.at('to'))).toBe(expected);
  });

  test.each<[string, () => unknown, string]>([
    [
      'other things of that name',
      () => fs.mkdirSync(folder.at('to', 'shop.db', 'photos'), { recursive: true }),
      'target-collides',
    ],
    [
      'a file of that name',
      () => (fs.mkdirSync(folder.at('to')), fs.writeFileSync(folder.at('to', 'shop.db'), 'x')),
      'target-collides',
    ],
    [
      'the history of another database of that name',
      () => claim(folder.at('to'), ownerOf({ databasePath: '/elsewhere/shop.db' })),
      'target-owned-by-other',
    ],
    [
      'the history of another computer',
      () => claim(folder.at('to'), ownerOf({ machineId: 'machine-2' })),
      'target-owned-by-other',
    ],
  ])('%s is refused', async (_what, make, code) => {
    await make();
    expect(await inspect(folder.at('to'))).toEqual({ refused: code, path: folder.at('to', 'shop.db') });
  });

  test('the database’s own folder is refused: the place is the database', async () => {
    expect(await inspect(folder.at('app'))).toEqual({ refused: 'target-collides', path: databasePath });
  });

  test.each(['to', 'to/deeper/still'])('a file in the way of %s is refused and named', async (parent) => {
    fs.writeFileSync(folder.at('to'), 'x');
    const found = await inspectFolder(
      { folder: folder.at(...parent.split('/')), databasePath, machineId: 'machine-1' },
      { signal },
    );
    expect(found).toMatchObject({
      kind: 'refused',
      error: { code: 'target-inside-file', details: { path: folder.at(...parent.split('/')), file: folder.at('to') } },
    });
  });

  test.each([
    ['{', 'record-damaged'],
    ['{"v":2}', 'record-newer'],
  ])('a record that cannot be understood is refused, not taken over: %s', async (text, refused) => {
    await claim(folder.at('to'));
    fs.writeFileSync(folder.at('to', 'shop.db', 'tidemark.json'), text);
    expect(await inspect(folder.at('to'))).toEqual({ refused, path: folder.at('to', 'shop.db') });
  });

  test.skipIf(process.getuid?.() === 0)('a folder that may not be written is refused', async () => {
    fs.mkdirSync(folder.at('to'), { mode: 0o500 });
    expect(await inspect(folder.at('to', 'new'))).toEqual({
      refused: 'target-read-only',
      path: folder.at('to', 'new'),
    });
  });
});
