// Small disks of their own for tests of what happens when one is full: tmpfs mounts, which only root can make.
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { tempFolder } from './temp.ts';

export interface SmallDisk extends Disposable {
  readonly path: string;
  /** Leaves only so many bytes free. */
  fill(leftBytes?: number): void;
  /** Gives back what {@link fill} took. */
  empty(): void;
}

/** Mounting needs root, and the right to: where it is missing, tests that need small disks are skipped. */
export const canMount = process.platform === 'linux' && process.getuid?.() === 0 && tryMount();

/** Mounts a disk of so many bytes over a folder, which is made. */
export function smallDisk(folder: string, bytes: number): SmallDisk {
  fs.mkdirSync(folder, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder]);
  const filler = path.join(folder, 'filler');
  return {
    path: folder,
    fill: (leftBytes = 0) => {
      const { bavail, bsize } = fs.statfsSync(folder);
      const { size = 0 } = fs.statSync(filler, { throwIfNoEntry: false }) ?? {};
      const fd = fs.openSync(filler, 'a');
      try {
        const bytesToTake = Math.max(0, bavail * bsize - leftBytes);
        const page = Buffer.alloc(bsize);
        for (let at = 0; at + bsize <= bytesToTake; at += bsize) fs.writeSync(fd, page, 0, bsize, size + at);
      } catch (error) {
        // @NOTE Somebody else took the rest in this moment.
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
      } finally {
        fs.closeSync(fd);
      }
    },
    empty: () => fs.rmSync(filler, { force: true }),
    [Symbol.dispose]: () => void execFileSync('umount', ['-l', folder]),
  };
}

function tryMount(): boolean {
  using folder = tempFolder();
  const isMounted = spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', folder.path]).status === 0;
  if (isMounted) execFileSync('umount', ['-l', folder.path]);
  return isMounted;
}
