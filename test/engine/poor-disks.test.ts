// Folders on disks that cannot do everything: network drives, FUSE, containers. They are used, what cannot be promised there is told
// once, and what fails for another reason still fails.
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { type FolderLimit, openFolderTarget } from '../../electron/engine/targets/folder.ts';
import { testFolder } from '../../electron/engine/probe/folder-test.ts';
import { runCommand, startCommand } from '../support/command-line.ts';
import { makePoor, onPoorDisks, type PoorDisk } from '../support/poor-disk.ts';
import { calm, collect, failureOf, inPieces, noise, scratchFolder } from '../support/replica-scratch.ts';
import { describeTargetContract } from '../support/target-contract.ts';
import { tempFolder } from '../support/temp.ts';

/** A target in a new folder whose disk cannot do this. */
async function openOn(disk: Omit<PoorDisk, 'folder'>) {
  const folder = await scratchFolder();
  await makePoor({ folder, ...disk });
  const told: (readonly FolderLimit[])[] = [];
  return { told, target: openFolderTarget({ path: folder, onLimits: (limits) => told.push(limits) }) };
}

const all = { file: 'ENOTSUP', directory: 'ENOTTY', times: 'EPERM' };
describeTargetContract('a folder on a disk that cannot do everything', async () => (await openOn(all)).target);

describe('a folder whose disk answers', () => {
  test.each(['ENOTSUP', 'EOPNOTSUPP', 'ENOTTY', 'EINVAL', 'ENOSYS', 'EACCES', 'EPERM'])(
    '%s is used, and its limits are told once',
    async (code) => {
      for (const [disk, limits] of [
        [{ file: code }, ['durability']],
        [{ directory: code }, ['durability']],
        [{ times: code }, ['times']],
        [{ file: code, directory: code, times: code }, ['durability', 'times']],
        [{}, undefined],
      ] as const) {
        const { target, told } = await openOn(disk);
        await target.put('tidemark.json', noise(100), { condition: { kind: 'absent' }, signal: calm });
        const bytes = noise((33 << 20) + 1);
        await target.put('a/b', inPieces(bytes, [1 << 20]), { modifiedAt: 1_700_000_000_000, signal: calm });
        await target.put('a/c', noise(10), { modifiedAt: 1_700_000_000_001, signal: calm });
        expect((await collect(target.get('a/b', { signal: calm }))).equals(bytes)).toBe(true);
        await target.delete(['a/b', 'a/c'], { signal: calm });
        expect((await target.list('', { signal: calm })).map(({ key }) => key)).toEqual(['tidemark.json']);
        expect(told).toEqual(limits === undefined ? [] : [limits]);
      }
    },
  );

  test.each(['EIO', 'ENOSPC', 'EDQUOT'])('%s to fsync fails, and leaves nothing', async (code) => {
    for (const disk of [{ file: code }, { times: code }]) {
      const { target, told } = await openOn(disk);
      const put = target.put('a', noise(100), { modifiedAt: 1_700_000_000_000, signal: calm });
      expect(await failureOf(put)).toMatchObject({ code: code === 'EIO' ? 'target-failed' : 'target-full' });
      expect(await target.list('', { signal: calm })).toEqual([]);
      expect(told).toEqual([]);
    }
  });
});

test('a place that does not tell its room is tested and used without a word about it', async () => {
  const folder = await scratchFolder();
  await makePoor({ folder, isUncounted: true });
  const found = await testFolder({ folder, databasePath: import.meta.filename, machineId: 'm', signal: calm });
  expect(found).toMatchObject({ isUsable: true });
  const [address] = found.stages;
  expect(address?.text).toContain('does not say how much is free');
  expect(address?.error?.code).not.toBe('target-little-room');
});

test('replicates to such a disk from a data folder on such a disk, says so once, and restores there', async () => {
  using folder = tempFolder();
  const database = folder.at('app.db');
  const app = new Database(database);
  app.pragma('journal_mode = wal');
  app.exec('CREATE TABLE t(v)');
  fs.mkdirSync(folder.at('poor'));
  const disk = onPoorDisks(
    { folder: folder.at('poor'), ...all, isUncounted: true },
    { folder: folder.at('own'), file: 'EINVAL', directory: 'EINVAL', isUncounted: true },
  );
  const places = ['one', 'two'].map((name) => folder.at('poor', name));
  const args = ['replicate', '-data-dir', folder.at('own'), database, ...places];
  await using replicating = startCommand(args, disk);
  await replicating.printed('protected');
  for (let i = 0; i < 20; i += 1) app.prepare('INSERT INTO t VALUES (?)').run(i);
  await replicating.printed('two is used, but its disk cannot do everything');
  replicating.child.kill('SIGINT');
  expect(await replicating.ended).toBe(0);
  const told = replicating.output().match(/(\w+) is used, but its disk cannot/g);
  expect(told?.toSorted()).toEqual(['one', 'two'].map((name) => `${name} is used, but its disk cannot`));
  expect(replicating.output().match(/The data folder .* is used, but its disk does not say/g)).toHaveLength(1);

  const restored = await runCommand(['restore', '-o', folder.at('poor', 'out.db'), folder.at('poor', 'two')], disk);
  expect(restored).toMatchObject({ code: 0, stdout: expect.stringContaining('Proven identical') as string });
  const out = new Database(folder.at('poor', 'out.db'));
  expect(out.prepare('SELECT count(*) FROM t').pluck().get()).toBe(20);
  out.close();
  app.close();
});
