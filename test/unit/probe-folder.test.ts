// The connection test of folders: an outcome for each kind of folder, and nothing left behind by any of them.
import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { testFolder } from '../../electron/engine/probe/folder-test.ts';
import { Stages } from '../../electron/engine/probe/stages.ts';
import { AppError } from '../../shared/errors.ts';
import type { TargetTest } from '../../shared/targets.ts';
import { recordOf } from '../support/replica-record.ts';
import { tempFolder, type TempFolder } from '../support/temp.ts';

let folder: TempFolder;
beforeEach(() => {
  folder = tempFolder();
});
afterEach(() => folder[Symbol.dispose]());

const tree = () => fs.readdirSync(folder.path, { recursive: true, encoding: 'utf8' }).sort();

/** Tests a folder, and sees that it is left as it was. */
async function probe(path: string, { databasePath }: { databasePath?: string } = {}): Promise<TargetTest> {
  const before = tree();
  const { signal } = new AbortController();
  const found = await testFolder({ folder: path, databasePath, machineId: 'desk', signal });
  expect(tree()).toEqual(before);
  return found;
}

const inShort = ({ stages }: TargetTest) =>
  stages.map(({ name, state }) => `${name}${{ ok: '', warning: '?', failed: '!', skipped: '-' }[state]}`).join(' ');

describe('a folder', () => {
  test.each([
    ['is there', ['to']],
    ['can be made', ['to', 'be', 'made']],
  ])('that %s passes', async (words, parts) => {
    fs.mkdirSync(folder.at('to'));
    const found = await probe(folder.at(...parts));
    expect(inShort(found)).toBe('address list write read delete');
    expect(found).toMatchObject({
      isUsable: true,
      canDelete: true,
      contents: parts.length === 1 ? 'empty' : 'new',
      place: { kind: 'folder', path: folder.at(...parts) },
    });
    expect(found.stages[0]?.text).toContain(words);
  });

  test('inside a file is none', async () => {
    fs.writeFileSync(folder.at('file'), '');
    const found = await probe(folder.at('file', 'to'));
    expect(inShort(found)).toBe('address! list- write- read- delete-');
    expect(found.stages[0]?.error).toMatchObject({ code: 'target-inside-file', details: { file: folder.at('file') } });
  });

  test('on the database’s own disk is warned of', async () => {
    fs.writeFileSync(folder.at('shop.db'), 'x');
    fs.mkdirSync(folder.at('to'));
    const found = await probe(folder.at('to'), { databasePath: folder.at('shop.db') });
    expect(inShort(found)).toBe('address? list write read delete');
    expect(found.stages[0]?.error?.code).toBe('target-same-disk');
    expect(found.isUsable).toBe(true);
  });

  test('with less room than the database needs is warned of', async () => {
    fs.mkdirSync(folder.at('to'));
    const huge = fs.openSync(folder.at('huge.db'), 'w');
    const { bavail, bsize } = fs.statfsSync(folder.path);
    fs.ftruncateSync(huge, bavail * bsize * 2);
    fs.closeSync(huge);
    const found = await probe(folder.at('to'), { databasePath: folder.at('huge.db') });
    expect(found.stages[0]?.error?.code).toBe('target-little-room');
  });

  test.skipIf(process.getuid?.() === 0)('that may not be written is refused', async () => {
    fs.mkdirSync(folder.at('to'), { mode: 0o500 });
    expect((await probe(folder.at('to'))).stages[0]?.error?.code).toBe('target-read-only');
  });

  test('is told to hold the history of this very database', async () => {
    fs.mkdirSync(folder.at('to', 'shop.db'), { recursive: true });
    const record = recordOf({ path: folder.at('shop.db') });
    fs.writeFileSync(folder.at('to', 'shop.db', 'tidemark.json'), JSON.stringify(record));
    const contentsFor = async (name: string) =>
      (await probe(folder.at('to'), { databasePath: folder.at(name) })).contents;
    expect([await contentsFor('shop.db'), await contentsFor('till.db')]).toEqual([
      'history-of-this',
      'tidemark-history',
    ]);
  });

  const generation = 'generations/0123456789abcdef';
  test.each<[string, readonly string[]]>([
    ['other-things', ['photos/a.jpg']],
    ['tidemark-history', ['shop.db/tidemark.json']],
    ['tidemark-history', [`x/${generation}/snapshots/00000000.snapshot.lz4`, 'x/tidemark.json']],
    ['litestream-history', [`${generation}/snapshots/00000000.snapshot.lz4`]],
    ['litestream-05-history', ['ltx/0/0000000000000001-0000000000000001.ltx']],
  ])('is told to hold %s for %j', async (contents, files) => {
    for (const file of files) {
      fs.mkdirSync(folder.at('to', file, '..'), { recursive: true });
      fs.writeFileSync(folder.at('to', file), '');
    }
    expect((await probe(folder.at('to'))).contents).toBe(contents);
  });
});

describe('a stage', () => {
  test('that does not end is ended', async () => {
    const late = () => new AppError('target-failed', { path: '/slow', reason: 'it does not answer' });
    const stages = new Stages({ signal: new AbortController().signal, late, stageMs: 20 });
    await stages.run('address', async () => await new Promise(() => {}));
    await stages.run('list', async () => await Promise.resolve({ text: 'Listed.' }));
    expect(stages.list).toMatchObject([
      { state: 'failed', error: { code: 'target-failed' } },
      { state: 'skipped', error: undefined },
    ]);
  });

  test('ends with the test', async () => {
    const abort = new AbortController();
    const stages = new Stages({ signal: abort.signal, late: () => new AppError('cancelled') });
    const running = stages.run('address', async () => await new Promise(() => {}));
    abort.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
  });
});
