// Disks that come and go, by tables of mounts over real folders; and, where that is possible, a real one that is mounted elsewhere.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DiskPlaces } from '../../electron/engine/destinations/disk-places.ts';
import { type DiskPlace, listMounts, type Mount } from '../../electron/engine/basics/mounts.ts';
import type { ReplicaRecord } from '../../electron/engine/replica/record.ts';
import { openFolderTarget } from '../../electron/engine/targets/folder.ts';
import type { DatabaseId, TargetId } from '../../shared/ids.ts';
import { recordOf } from '../support/replica-record.ts';
import { tempFolder, type TempFolder } from '../support/temp.ts';

const targetId = 't1' as TargetId;
const { signal } = new AbortController();
let folder: TempFolder;
let mounts: readonly Mount[];
let remembered: DiskPlace | undefined;
let at: string;

beforeEach(() => {
  folder = tempFolder();
  remembered = undefined;
});
afterEach(() => folder[Symbol.dispose]());

const disk = (point: string, identity: string | undefined): Mount => ({ point, root: '/', identity });
const root = disk('/', 'uuid:root');

function places(list: () => Promise<readonly Mount[]> = async () => await Promise.resolve(mounts)) {
  return new DiskPlaces({
    machineId: 'desk',
    mounts: list,
    remembered: () => remembered,
    remember: (_id, place) => (remembered = place),
    move: (_id, to) => {
      at = to;
      return true;
    },
  });
}

const replicaAt = (hasHistory = true) => ({
  targetId,
  databaseId: 'd1' as DatabaseId,
  folder: at,
  replicaFolder: path.join(at, 'shop.db'),
  hasHistory,
});

async function settle(disks: DiskPlaces, hasHistory = true): Promise<unknown> {
  return await disks.settle(replicaAt(hasHistory)).then(
    () => at,
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
  );
}

function makeReplica(below: string, facts: Partial<ReplicaRecord> = {}): void {
  fs.mkdirSync(path.join(below, 'shop.db'), { recursive: true });
  fs.writeFileSync(path.join(below, 'shop.db', 'tidemark.json'), JSON.stringify(recordOf(facts)));
}

describe('a folder on a disk', () => {
  beforeEach(() => {
    at = folder.at('media', 'disk', 'backups');
    fs.mkdirSync(at, { recursive: true });
    mounts = [root, disk(folder.at('media', 'disk'), 'uuid:b')];
  });

  test('is remembered by the disk, and gone on with where the disk comes back', async () => {
    const disks = places();
    expect(await settle(disks, false)).toBe(at);
    expect(remembered).toEqual({ identity: 'uuid:b', point: folder.at('media', 'disk'), within: '/backups' });
    makeReplica(at);
    fs.renameSync(folder.at('media', 'disk'), folder.at('media', 'disk1'));
    mounts = [root];
    expect(await settle(disks)).toBe('target-missing');
    mounts = [root, disk(folder.at('media', 'disk1'), 'uuid:b')];
    expect(await settle(disks)).toBe(folder.at('media', 'disk1', 'backups'));
    expect(await settle(disks)).toBe(folder.at('media', 'disk1', 'backups'));
  });

  test('is not taken to be the mount point of a disk that is away', async () => {
    at = folder.at('media', 'disk');
    const disks = places();
    expect(await settle(disks, false)).toBe(at);
    mounts = [root];
    expect(await settle(disks)).toBe('target-missing');
    mounts = [root, disk(at, 'uuid:other')];
    expect(await settle(disks)).toBe('target-missing');
    mounts = [root, disk(at, 'uuid:b')];
    expect(await settle(disks)).toBe(at);
  });

  test('that has no name is known by what lies there', async () => {
    mounts = [disk('/', undefined), disk(folder.at('media', 'disk'), undefined)];
    const disks = places();
    expect(await settle(disks, false)).toBe(at);
    makeReplica(at);
    fs.renameSync(folder.at('media', 'disk'), folder.at('media', 'disk1'));
    // An empty disk where it was, and another one with the history of somebody else.
    fs.mkdirSync(at, { recursive: true });
    makeReplica(folder.at('media', 'disk2', 'backups'), { machine: { name: 'x', id: 'other' } });
    mounts = [disk('/', undefined), ...['disk1', 'disk2'].map((name) => disk(folder.at('media', name), undefined))];
    expect(await settle(disks)).toBe(folder.at('media', 'disk1', 'backups'));
  });

  test('that was copied to another disk is gone on with', async () => {
    const disks = places();
    await settle(disks, false);
    makeReplica(at);
    mounts = [root, disk(folder.at('media', 'disk'), 'uuid:new')];
    expect(await settle(disks)).toBe(at);
    expect(remembered?.identity).toBe('uuid:new');
  });

  test('that was emptied begins anew', async () => {
    const disks = places();
    await settle(disks, false);
    expect(await settle(disks)).toBe(at);
  });

  test('is not moved to where another target is', async () => {
    const disks = new DiskPlaces({
      machineId: 'desk',
      mounts: async () => await Promise.resolve([disk(folder.at('media', 'disk'), 'uuid:b')]),
      remembered: () => ({ identity: 'uuid:b', point: '/gone', within: '/backups' }),
      remember: () => {},
      move: () => false,
    });
    at = '/gone/backups';
    expect(await settle(disks)).toBe('target-missing');
  });
});

const canMount = mayMount();
if (!canMount) console.log('a real disk is not tried: mounting is not possible here');

describe.skipIf(!canMount)('a real disk', () => {
  test('is found at another mount point, and its empty mount point is not written to', async () => {
    const [first, second] = [folder.at('first'), folder.at('second')];
    for (const point of [first, second]) fs.mkdirSync(point);
    makeImage(folder.at('image'));
    const disks = places(listMounts);
    at = first;
    const mounted = new Set<string>();
    const mount = (point: string) => {
      execFileSync('mount', ['-o', 'loop', folder.at('image'), point]);
      mounted.add(point);
    };
    const unmount = (point: string) => {
      execFileSync('umount', [point]);
      mounted.delete(point);
    };
    try {
      mount(first);
      expect(await settle(disks, false)).toBe(first);
      makeReplica(first);
      const target = disks.steady(openFolderTarget({ path: path.join(first, 'shop.db') }), () => replicaAt());
      await target.put('a', Buffer.from('1'), { signal });
      unmount(first);
      await expect(target.put('b', Buffer.from('2'), { signal })).rejects.toMatchObject({ code: 'target-missing' });
      expect(await settle(disks)).toBe('target-missing');
      expect(fs.readdirSync(first)).toEqual([]);
      mount(second);
      expect(await settle(disks)).toBe(second);
      expect(fs.readFileSync(path.join(second, 'shop.db', 'a'), 'utf8')).toBe('1');
    } finally {
      for (const point of mounted) unmount(point);
    }
  });
});

function makeImage(file: string): void {
  fs.writeFileSync(file, '');
  fs.truncateSync(file, 4 << 20);
  execFileSync('mkfs.ext4', ['-q', '-F', file], { stdio: 'ignore' });
}

function mayMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const trial = tempFolder();
  try {
    makeImage(trial.at('image'));
    fs.mkdirSync(trial.at('point'));
    execFileSync('mount', ['-o', 'loop', trial.at('image'), trial.at('point')], { stdio: 'ignore' });
    execFileSync('umount', [trial.at('point')], { stdio: 'ignore' });
    return true;
  } catch {
    // @NOTE no loop devices, no privilege for them, or no tools.
    return false;
  } finally {
    trial[Symbol.dispose]();
  }
}
