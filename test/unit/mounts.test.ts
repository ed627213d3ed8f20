// Which disk a folder lies on, and where it is when the disk is mounted elsewhere: by tables of what systems say.
import { describe, expect, test } from 'vitest';
import {
  guesses,
  isSameDisk,
  type Mount,
  parseMountTable,
  placeOnDisk,
  sightings,
  volumeUuidOf,
} from '../../electron/engine/basics/mounts.ts';

const table = [
  '22 27 0:21 / /proc rw,relatime - proc proc rw',
  '27 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw',
  '40 27 8:17 / /media/ann/My\\040Disk rw - ext4 /dev/sdb1 rw',
  '41 27 8:33 / /mnt/twice rw - ext4 /dev/sdc1 rw',
  '42 27 8:49 / /mnt/twice rw - vfat /dev/sdd1 rw',
  '43 27 8:17 /backups /srv/bound rw - ext4 /dev/sdb1 rw',
  '44 27 0:50 / /mnt/share rw - cifs //nas/home rw',
  '45 27 0:51 / /mnt/nfs rw - nfs4 nas:/export rw',
  '',
].join('\n');
const uuids = new Map([
  ['/dev/sda1', 'uuid:a'],
  ['/dev/sdb1', 'uuid:b'],
  ['/dev/sdd1', 'uuid:d'],
]);
const mounts = parseMountTable(table, uuids);

test('a mount table is read: what is no disk is left out, a later mount hides an earlier one', () => {
  expect(mounts).toEqual<Mount[]>([
    { point: '/', root: '/', identity: 'uuid:a' },
    { point: '/media/ann/My Disk', root: '/', identity: 'uuid:b' },
    { point: '/mnt/twice', root: '/', identity: 'uuid:d' },
    { point: '/srv/bound', root: '/backups', identity: 'uuid:b' },
    { point: '/mnt/share', root: '/', identity: '//nas/home' },
    { point: '/mnt/nfs', root: '/', identity: 'nas:/export' },
  ]);
});

describe('a folder', () => {
  test.each([
    ['/home/ann', { identity: 'uuid:a', point: '/', within: '/home/ann' }],
    ['/media/ann/My Disk/backups/x', { identity: 'uuid:b', point: '/media/ann/My Disk', within: '/backups/x' }],
    ['/media/ann/My Disk', { identity: 'uuid:b', point: '/media/ann/My Disk', within: '/' }],
    ['/media/ann/My Disk 2', { identity: 'uuid:a', point: '/', within: '/media/ann/My Disk 2' }],
    ['/srv/bound/x', { identity: 'uuid:b', point: '/srv/bound', within: '/backups/x' }],
  ])('%s lies on its disk', (folder, place) => {
    expect(placeOnDisk(folder, mounts)).toEqual(place);
  });

  test('is seen wherever its disk is mounted', () => {
    const place = { identity: 'uuid:b', point: '/media/old', within: '/backups/x' };
    expect(sightings(place, mounts)).toEqual(['/media/ann/My Disk/backups/x', '/srv/bound/x']);
    expect(sightings({ ...place, within: '/other' }, mounts)).toEqual(['/media/ann/My Disk/other']);
    expect(sightings({ ...place, identity: 'uuid:z' }, mounts)).toEqual([]);
    expect(sightings({ ...place, identity: undefined }, mounts)).toEqual([]);
  });

  test('may be anywhere when its disk has no name', () => {
    const place = { identity: undefined, point: '/media/old', within: '/x' };
    expect(guesses(place, mounts)).toContain('/media/ann/My Disk/x');
    expect(guesses({ ...place, identity: 'uuid:q' }, mounts)).toEqual([]);
  });

  test.each([
    [{ identity: 'a', point: '/x' }, { identity: 'a', point: '/y' }, true],
    [{ identity: 'a', point: '/x' }, { identity: 'b', point: '/x' }, false],
    [{ identity: undefined, point: '/x' }, { identity: undefined, point: '/x' }, true],
    [{ identity: undefined, point: '/x' }, { identity: undefined, point: '/' }, false],
    [{ identity: undefined, point: '/x' }, { identity: 'b', point: '/x' }, false],
  ])('on %j and one on %j: same disk %s', (a, b, isSame) => {
    expect(isSameDisk({ ...a, within: '/' }, { ...b, within: '/' })).toBe(isSame);
  });
});

test('macOS tells the UUID of a volume', () => {
  expect(volumeUuidOf('<key>VolumeUUID</key>\n\t<string>0A-1B</string>')).toBe('uuid:0A-1B');
  expect(volumeUuidOf('<key>VolumeName</key><string>X</string>')).toBeUndefined();
});
