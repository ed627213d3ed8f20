// Makes a folder in this process, and in its threads, a disk that cannot do everything: `node --import poor-disk.ts`, with what it is
// to be in POOR_DISKS as JSON. Files and folders below it answer calls for which others have an answer with a code instead, through
// Node's own handles, as the system would answer them; everything else is as it is.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';

export interface PoorDisk {
  readonly folder: string;
  /** What fsync of files and of folders, and setting times, fails with. */
  readonly file?: string;
  readonly directory?: string;
  readonly times?: string;
  /** It does not tell how large it is, and how much of that is free. */
  readonly isUncounted?: boolean;
}

type Handle = fs.promises.FileHandle;

/** What Node options, and which environment, make a process meet these disks. */
export function onPoorDisks(...disks: readonly PoorDisk[]): {
  readonly nodeArgs: readonly string[];
  readonly env: Readonly<Record<string, string>>;
} {
  return { nodeArgs: ['--import', import.meta.filename], env: { POOR_DISKS: JSON.stringify(disks) } };
}

const asked = process.env['POOR_DISKS'];
for (const disk of JSON.parse(asked ?? '[]') as readonly PoorDisk[]) await makePoor(disk);

/** Makes a folder such a disk from now on, in this thread. */
export async function makePoor({ folder, file, directory, times, isUncounted }: PoorDisk): Promise<void> {
  const root = path.resolve(folder);
  const isBelow = (one: unknown) => typeof one === 'string' && `${path.resolve(one)}/`.startsWith(`${root}/`);
  const fail = (code: string, syscall: string) =>
    Object.assign(new Error(`${code}: ${syscall}`), { code, syscall, errno: -1 });
  const poor = new WeakMap<object, 'file' | 'directory'>();

  const { open, statfs } = fs.promises;
  fs.promises.open = async (...given: Parameters<typeof open>): Promise<Handle> => {
    const handle = await open(...given);
    if (isBelow(given[0])) poor.set(handle, (await handle.stat()).isDirectory() ? 'directory' : 'file');
    return handle;
  };
  const probe = await open(import.meta.filename, 'r');
  const prototype = Object.getPrototypeOf(probe) as Handle;
  await probe.close();
  const wholeOf = (name: 'sync' | 'datasync' | 'utimes') =>
    Reflect.get(prototype, name) as (this: Handle, ...given: readonly unknown[]) => Promise<void>;
  const whole = { sync: wholeOf('sync'), datasync: wholeOf('datasync'), utimes: wholeOf('utimes') };
  const refusing = (name: 'sync' | 'datasync') =>
    async function sync(this: Handle): Promise<void> {
      const kind = poor.get(this);
      const code = kind === 'file' ? file : kind === 'directory' ? directory : undefined;
      if (code !== undefined) throw fail(code, 'fsync');
      await whole[name].call(this);
    };
  prototype.sync = refusing('sync');
  prototype.datasync = refusing('datasync');
  prototype.utimes = async function utimes(this: Handle, ...given: Parameters<Handle['utimes']>): Promise<void> {
    if (times !== undefined && poor.has(this)) throw fail(times, 'futime');
    await whole.utimes.apply(this, given);
  };
  const { openSync, fsyncSync, closeSync } = fs;
  const poorNumbers = new Map<number, 'file' | 'directory'>();
  fs.openSync = (...given: Parameters<typeof openSync>) => {
    const fd = openSync(...given);
    if (isBelow(given[0])) poorNumbers.set(fd, fs.fstatSync(fd).isDirectory() ? 'directory' : 'file');
    return fd;
  };
  fs.closeSync = (fd) => {
    poorNumbers.delete(fd);
    closeSync(fd);
  };
  fs.fsyncSync = (fd) => {
    const kind = poorNumbers.get(fd);
    const code = kind === 'file' ? file : kind === 'directory' ? directory : undefined;
    if (code !== undefined) throw fail(code, 'fsync');
    fsyncSync(fd);
  };
  if (isUncounted === true) {
    fs.promises.statfs = (async (place: string) => {
      const facts = await statfs(place);
      return isBelow(place) ? Object.assign(facts, { blocks: 0, bfree: 0, bavail: 0 }) : facts;
    }) as typeof statfs;
  }
  syncBuiltinESMExports();
}
