// The file systems that are mounted, and by what each is known again when it comes back elsewhere: its UUID on Linux and macOS,
// its volume number on Windows. Looks at names and at what the system says; asks nothing of the file systems themselves.
import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

export interface Mount {
  /** Where it is mounted; absolute. */
  readonly point: string;
  /** Which folder of the file system is seen there: `/`, unless only a part of it is mounted. */
  readonly root: string;
  /** The same wherever and whenever it is mounted; undefined where it has nothing of the kind. */
  readonly identity: string | undefined;
}

/** A folder, by its file system rather than by where that is mounted. */
export interface DiskPlace {
  readonly identity: string | undefined;
  /** Where the file system was mounted. */
  readonly point: string;
  /** Within the file system; begins with a slash. */
  readonly within: string;
}

/** How mounts are learned; tests give tables. */
export type ListMounts = () => Promise<readonly Mount[]>;

/** What the system has mounted; empty where it does not say. */
export const listMounts: ListMounts = async () => {
  try {
    if (process.platform === 'linux') {
      const [table, uuids] = await Promise.all([fs.readFile('/proc/self/mountinfo', 'utf8'), deviceUuids()]);
      return parseMountTable(table, uuids);
    }
    return process.platform === 'darwin' ? await macMounts() : await windowsMounts();
  } catch {
    // @NOTE Without a list, a disk is looked for where it was.
    return [];
  }
};

/** File systems that no disk holds. */
const unreal =
  /^(?:proc|sysfs|cgroup2?|devpts|devtmpfs|mqueue|debugfs|tracefs|securityfs|pstore|bpf|configfs|efivarfs|autofs|nsfs|binfmt_misc|fusectl|hugetlbfs|rpc_pipefs)$/;

/** The text of `/proc/self/mountinfo` with the UUIDs of devices; a later mount hides an earlier one at the same point. */
export function parseMountTable(text: string, uuids: ReadonlyMap<string, string>): readonly Mount[] {
  const mounts = new Map<string, Mount>();
  for (const line of text.split('\n')) {
    const [before = '', behind = ''] = line.split(' - ');
    const [, , , root, point] = before.split(' ').map(unescape);
    const [kind = '', source = ''] = behind.split(' ').map(unescape);
    if (root === undefined || point === undefined || unreal.test(kind)) continue;
    mounts.delete(point);
    // A share has no UUID; its own name is as good.
    const isShare = source.startsWith('//') || /^[^/]+:\//.test(source);
    mounts.set(point, { point, root, identity: uuids.get(source) ?? (isShare ? source : undefined) });
  }
  return [...mounts.values()];
}

/** Which file system a folder lies on, and where in it; undefined where no mount covers it. */
export function placeOnDisk(folder: string, mounts: readonly Mount[]): DiskPlace | undefined {
  const above = mounts.filter(({ point }) => isWithin(folder, point));
  const mount = above.reduce<Mount | undefined>(
    (best, one) => (best === undefined || one.point.length >= best.point.length ? one : best),
    undefined,
  );
  if (mount === undefined) return undefined;
  const within = path.posix.join('/', mount.root, toPosix(path.relative(mount.point, folder)));
  return { identity: mount.identity, point: mount.point, within };
}

/** Two places on the same file system, as far as can be told. */
export function isSameDisk(a: DiskPlace, b: DiskPlace): boolean {
  if (a.identity !== undefined && b.identity !== undefined) return a.identity === b.identity;
  // What has no name is the same while it is mounted at the same point.
  return a.identity === b.identity && a.point === b.point;
}

/** Where the same folder can be seen now, by the identity of its file system. */
export function sightings(place: DiskPlace, mounts: readonly Mount[]): readonly string[] {
  if (place.identity === undefined) return [];
  return mounts
    .filter(({ identity, root }) => identity === place.identity && isWithin(place.within, root))
    .map(({ point, root }) => path.resolve(point, path.posix.relative(root, place.within)));
}

/** Where the folder would be on other disks: whoever asks knows his own by what lies there. */
export function guesses(place: DiskPlace, mounts: readonly Mount[]): readonly string[] {
  return mounts
    .filter(({ root, identity }) => root === '/' && (identity === undefined || place.identity === undefined))
    .map(({ point }) => path.resolve(point, `.${place.within}`));
}

function isWithin(folder: string, root: string): boolean {
  const relative = path.relative(root, folder);
  return relative === '' || (relative.split(path.sep)[0] !== '..' && !path.isAbsolute(relative));
}

function toPosix(relative: string): string {
  return relative.split(path.sep).join('/');
}

/** Blanks in paths are written as `\040`. */
function unescape(text: string): string {
  return text.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}

/** UUIDs by device, as udev links them. */
async function deviceUuids(): Promise<ReadonlyMap<string, string>> {
  const folder = '/dev/disk/by-uuid';
  const names = await fs.readdir(folder).catch(() => []);
  const found = await Promise.all(
    names.map(async (name) => [await fs.realpath(path.join(folder, name)).catch(() => ''), `uuid:${name}`] as const),
  );
  return new Map(found);
}

async function macMounts(): Promise<readonly Mount[]> {
  const names = await fs.readdir('/Volumes').catch(() => []);
  const points = ['/', ...names.map((name) => path.join('/Volumes', name))];
  return await Promise.all(
    points.map(async (point) => {
      const options = { timeout: 2000, env: {} };
      const said = await promisify(execFile)('/usr/sbin/diskutil', ['info', '-plist', point], options).catch(
        () => undefined,
      );
      return { point, root: '/', identity: volumeUuidOf(said?.stdout ?? '') };
    }),
  );
}

/** The volume's UUID in what `diskutil info -plist` says. */
export function volumeUuidOf(plist: string): string | undefined {
  const uuid = /<key>VolumeUUID<\/key>\s*<string>([0-9A-Fa-f-]+)<\/string>/.exec(plist)?.[1];
  return uuid === undefined ? undefined : `uuid:${uuid}`;
}

async function windowsMounts(): Promise<readonly Mount[]> {
  const letters = Array.from({ length: 24 }, (_, i) => String.fromCharCode(67 + i));
  const found = await Promise.all(
    letters.map(async (letter) => {
      const point = `${letter}:\\`;
      const facts = await fs.stat(point, { bigint: true }).catch(() => undefined);
      return facts === undefined ? [] : [{ point, root: '/', identity: `volume:${facts.dev.toString(16)}` }];
    }),
  );
  return found.flat();
}
