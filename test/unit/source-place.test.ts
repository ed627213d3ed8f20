// Where a database lies, from what systems say of their mounts and from the names of folders.
import fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import { isLockedByOthers } from '../../electron/engine/source/identity.ts';
import { cloudService, networkFileSystem, type PlaceFacts } from '../../electron/engine/source/place.ts';
import { tempFolder } from '../support/temp.ts';

const fuse = 0x65735546;
const mountInfo = `22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
40 22 0:50 / /mnt/far rw,nosuid - fuse.sshfs me@far:/ rw
41 22 0:51 / /mnt/my\\040disk rw - fuse.rclone cloud: rw
42 22 8:17 / /mnt/stick rw - fuseblk /dev/sdb1 rw
43 40 0:52 / /mnt/far/near rw - fuse.bindfs /home rw
44 22 0:53 / /vm rw - virtiofs share rw`;
const macMounts = `/dev/disk3s1 on / (apfs, sealed, local, read-only)
/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled)
//me@server/share on /Volumes/share (smbfs, nodev, nosuid, mounted by me)
server:/export on /Volumes/with (brackets) (nfs, nodev)`;

function facts(platform: NodeJS.Platform, more: Partial<PlaceFacts> = {}): PlaceFacts {
  return { platform, magic: () => 0xef53, mounts: () => (platform === 'darwin' ? macMounts : mountInfo), ...more };
}

describe('a network file system', () => {
  test.each([
    ['ext4', 0xef53, undefined],
    ['btrfs', 0x9123683e, undefined],
    ['tmpfs', 0x01021994, undefined],
    ['overlay', 0x794c7630, undefined],
    ['NFS', 0x6969, 'NFS'],
    ['SMB 1', 0x517b, 'SMB'],
    ['CIFS', 0xff534d42, 'SMB'],
    ['SMB 2', 0xfe534d42, 'SMB'],
    ['9P', 0x01021997, '9P'],
    ['Ceph', 0x00c36400, 'Ceph'],
  ])('%s on Linux', (_name, magic, expected) => {
    expect(networkFileSystem('/data/a.db', facts('linux', { magic: () => magic }))).toBe(expected);
  });

  test.each([
    ['/mnt/far/a.db', 'sshfs'],
    ['/mnt/my disk/a.db', 'rclone'],
    ['/mnt/stick/a.db', undefined],
    ['/mnt/far/near/a.db', undefined],
    ['/mnt/farther/a.db', undefined],
    ['/vm/a.db', 'virtiofs'],
  ])('%s by its mount, where FUSE serves it', (file, expected) => {
    expect(networkFileSystem(file, facts('linux', { magic: () => fuse }))).toBe(expected);
  });

  test.each([
    ['/Users/me/a.db', undefined],
    ['/Volumes/share/a.db', 'smbfs'],
    ['/Volumes/share 2/a.db', undefined],
    ['/Volumes/with (brackets)/a.db', 'nfs'],
  ])('%s on macOS', (file, expected) => {
    expect(networkFileSystem(file, facts('darwin'))).toBe(expected);
  });

  test.each([
    [String.raw`C:\Users\me\a.db`, undefined],
    [String.raw`\\?\C:\Users\me\a.db`, undefined],
    [String.raw`\\.\C:\a.db`, undefined],
    [String.raw`\\server\share\a.db`, 'a Windows share'],
    [String.raw`\\wsl.localhost\Debian\home\a.db`, 'a Windows share'],
    [String.raw`\\?\UNC\server\share\a.db`, 'a Windows share'],
  ])('%s on Windows', (file, expected) => {
    expect(networkFileSystem(file, facts('win32'))).toBe(expected);
  });

  test('this folder lies on none', () => {
    using folder = tempFolder();
    expect(networkFileSystem(folder.path)).toBeUndefined();
  });
});

describe('a cloud service', () => {
  test.each([
    ['/home/me/Dropbox/app/a.db', 'Dropbox'],
    ['/home/me/Dropbox (Work)/a.db', 'Dropbox'],
    ['/Users/me/OneDrive - Contoso/a.db', 'OneDrive'],
    ['/Users/me/Library/CloudStorage/GoogleDrive-me@example.org/My Drive/a.db', 'Google Drive'],
    ['/Users/me/Library/Mobile Documents/com~apple~CloudDocs/a.db', 'iCloud Drive'],
    ['/Users/me/iCloudDrive/a.db', 'iCloud Drive'],
    ['/home/me/Nextcloud/a.db', 'Nextcloud'],
    ['/home/me/boxes/a.db', undefined],
    ['/home/me/onedrives/a.db', undefined],
    ['/home/me/Dropbox.db', undefined],
  ])('%s by the names of its folders', (file, expected) => {
    expect(cloudService(file)).toBe(expected);
  });

  test.each([
    ['.dropbox', 'Dropbox'],
    ['.stfolder', 'Syncthing'],
    ['.other', undefined],
  ])('by what it leaves there: %s', (marker, expected) => {
    using folder = tempFolder();
    fs.mkdirSync(folder.at('deep', 'er'), { recursive: true });
    fs.writeFileSync(folder.at(marker), '');
    expect(cloudService(folder.at('deep', 'er', 'a.db'))).toBe(expected);
  });
});

describe('locks of other processes', () => {
  const locks = (pid: number) => `1: POSIX  ADVISORY  READ ${pid} fe:00:4711 128 128
2: FLOCK  ADVISORY  WRITE 77 fe:00:12 0 EOF`;
  test.each([
    ['another process', locks(1), 4711, true],
    ['this process', locks(process.pid), 4711, false],
    ['another file', locks(1), 711, false],
    ['no lock', '', 4711, false],
  ])('%s', (_name, text, inode, expected) => {
    expect(isLockedByOthers(inode, text)).toBe(expected);
  });

  test('a system that does not tell', () => {
    expect(isLockedByOthers(1, undefined)).toSatisfy((value) => value === false || value === undefined);
  });
});
