// Where a database lies: on a network file system, where SQLite's WAL mode is not safe (its shared memory does not reach
// other machines: https://www.sqlite.org/wal.html), or in a folder that a cloud service keeps in step. Looks at names and
// at what the system says of its mounts; reads no file of the user's.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

/** What `statfs` calls network file systems on Linux (linux/magic.h, and the file systems' own sources). */
const networkMagic: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'SMB'],
  [0xfe534d42, 'SMB'],
  [0x01021997, '9P'],
  [0x5346414f, 'AFS'],
  [0x6b414653, 'AFS'],
  [0x73757245, 'Coda'],
  [0x564c, 'NCP'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
  [0x19830326, 'BeeGFS'],
  [0x01161970, 'GFS2'],
  [0x7461636f, 'OCFS2'],
  [0x786f4256, 'a shared folder of VirtualBox'],
  [0xbacbacbc, 'a shared folder of VMware'],
]);
const fuseMagic = 0x65735546;
/** FUSE serves local disks too (`fuseblk`, and programs that show a local folder): only these reach elsewhere. */
const networkFuse =
  /^(?:virtiofs|fuse\.(?:sshfs|rclone|s3fs|goofys|gcsfuse|davfs|gvfsd-fuse|curlftpfs|glusterfs|ceph.*|smbnetfs|blobfuse.*|juicefs|mfs|moosefs|google-drive.*|onedriver|kio-fuse|vmhgfs-fuse|prl_.*))$/;
/** File systems that the `mount` of macOS names. */
const networkMounts = /^(?:smbfs|nfs|afpfs|webdav|ftp|macfuse|osxfuse|fusefs|cifs)$/;

/** What a system says of a file's place; tests give their own. */
export interface PlaceFacts {
  readonly platform: NodeJS.Platform;
  /** `type` of `statfs`, as an unsigned number. */
  readonly magic: (file: string) => number;
  /** The text of `/proc/self/mountinfo` on Linux, the output of `mount` on macOS. */
  readonly mounts: () => string;
}

const systemFacts: PlaceFacts = {
  platform: process.platform,
  magic: (file) => Number(BigInt.asUintN(32, BigInt(fs.statfsSync(file).type))),
  mounts: () =>
    process.platform === 'linux'
      ? fs.readFileSync('/proc/self/mountinfo', 'utf8')
      : spawnSync('/sbin/mount', { encoding: 'utf8', timeout: 2000, env: {} }).stdout,
};

/**
 * The network file system that a file lies on; undefined on a local disk. `file` has its links resolved: on Windows a
 * mapped drive has become the share it stands for.
 */
export function networkFileSystem(file: string, facts: PlaceFacts = systemFacts): string | undefined {
  if (facts.platform === 'win32') return isShare(file) ? 'a Windows share' : undefined;
  if (facts.platform === 'darwin') {
    const kind = mountOf(file, parseMountOutput(facts.mounts()));
    return kind !== undefined && networkMounts.test(kind) ? kind : undefined;
  }
  const magic = facts.magic(file);
  const known = networkMagic.get(magic);
  if (known !== undefined || magic !== fuseMagic) return known;
  const kind = mountOf(file, parseMountInfo(facts.mounts()));
  return kind !== undefined && networkFuse.test(kind) ? kind.replace(/^fuse\./, '') : undefined;
}

/** `\\server\share\…`, but not the `\\?\C:\…` and `\\.\…` forms of local paths. */
function isShare(file: string): boolean {
  return /^(?:\\\\|\/\/)(?:\?[\\/]UNC[\\/]|(?![?.][\\/])[^\\/])/i.test(file);
}

interface Mount {
  readonly point: string;
  readonly kind: string;
}

/** The kind of the mount that a file lies on: that with the longest path above it; the last one where several cover it. */
function mountOf(file: string, mounts: readonly Mount[]): string | undefined {
  const above = mounts.filter(({ point }) => point === '/' || file === point || file.startsWith(`${point}/`));
  return above.reduce<Mount | undefined>(
    (best, mount) => (best === undefined || mount.point.length >= best.point.length ? mount : best),
    undefined,
  )?.kind;
}

/** `36 35 98:0 /root /mount/point rw - fuse.sshfs source options`; blanks in paths are written as `\040`. */
function parseMountInfo(text: string): readonly Mount[] {
  return text.split('\n').flatMap((line) => {
    const [before = '', behind = ''] = line.split(' - ');
    const point = before.split(' ')[4];
    const kind = behind.split(' ')[0];
    if (point === undefined || kind === undefined) return [];
    return [
      { point: point.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))), kind },
    ];
  });
}

/** `//user@host/share on /Volumes/share (smbfs, nodev, nosuid)`. */
function parseMountOutput(text: string): readonly Mount[] {
  return text.split('\n').flatMap((line) => {
    const found = /^.* on (?<point>\/.*) \((?<kind>[^,)]+)/.exec(line)?.groups;
    return found?.['point'] === undefined || found['kind'] === undefined
      ? []
      : [{ point: found['point'], kind: found['kind'] }];
  });
}

/** Folder names of services that copy files as they find them, and the names as users know them. */
const cloudFolders: readonly (readonly [RegExp, string])[] = [
  [/^Dropbox(?:[ -].*|\s\(.*\))?$/i, 'Dropbox'],
  [/^OneDrive(?:[ -].*)?$/i, 'OneDrive'],
  [/^(?:Google ?Drive|GoogleDrive-.*|My Drive)$/i, 'Google Drive'],
  [/^(?:iCloud ?Drive|Mobile Documents|com~apple~CloudDocs)$/i, 'iCloud Drive'],
  [/^Box(?:-Box| Sync)?$/, 'Box'],
  [/^(?:Nextcloud|ownCloud)\d*$/i, 'Nextcloud'],
  [/^pCloud ?Drive$/i, 'pCloud'],
  [/^MEGA(?:sync)?$/i, 'MEGA'],
];
/** Files and folders that services leave at the top of what they keep. */
const cloudMarkers: readonly (readonly [string, string])[] = [
  ['.dropbox', 'Dropbox'],
  ['.dropbox.cache', 'Dropbox'],
  ['.849C9593-D756-4E56-8D6E-42412F2A707B', 'OneDrive'],
  ['.stfolder', 'Syncthing'],
  ['.nextcloudsync.log', 'Nextcloud'],
  ['.sync_folder', 'Resilio Sync'],
];

/** The cloud service that keeps the folder of a file in step; undefined for an ordinary folder. */
export function cloudService(file: string): string | undefined {
  for (let folder = path.dirname(file); folder !== path.dirname(folder); folder = path.dirname(folder)) {
    const name = path.basename(folder);
    const known = cloudFolders.find(([pattern]) => pattern.test(name))?.[1];
    if (known !== undefined) return known;
    const marked = cloudMarkers.find(([marker]) => fs.existsSync(path.join(folder, marker)))?.[1];
    if (marked !== undefined) return marked;
  }
  return undefined;
}
