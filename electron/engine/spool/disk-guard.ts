// Room on the disk that holds the spools of all databases. Two limits: the spools together stay within a budget, beyond which
// the largest one lets its oldest indices go (a target that misses them gets an image later); and when the disk itself runs
// low nothing is kept any more until there is room again, because the applications matter more than their backup.
// Looks only while something is captured, and at most once a second, whatever the system's clock is set to.
import { statfs } from 'node:fs/promises';
import { AppError } from '../../../shared/errors.ts';
import { formatBytes } from '../../../shared/format.ts';
import type { Clock } from '../basics/clock.ts';

export interface DiskSpace {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** Room on the volume of a folder. */
export type ProbeDisk = (folder: string) => Promise<DiskSpace>;

/** One database's spool. */
export interface SpoolMember {
  readonly bytes: () => number;
  /** Lets the oldest go until about this much is freed; what is needed to go on stays. */
  readonly shed: (bytes: number) => Promise<void>;
  /** The disk is low: nothing may be kept now. */
  readonly onLow: (error: AppError) => void;
}

export interface DiskGuardOptions {
  readonly folder: string;
  readonly clock: Clock;
  /** What spools may hold together; without it a tenth of what is free (and theirs), at most 10 GiB. */
  readonly budgetBytes: number | undefined;
  readonly probe?: ProbeDisk | undefined;
}

const largestBudgetBytes = 10 * 1024 ** 3;
const budgetPart = 0.1;
/** Where the disk does not tell what is free. */
const blindBudgetBytes = 1024 ** 3;
/** The disk is low below this, or below a hundredth of a small disk. */
const lowBytes = 256 * 1024 ** 2;
const lowPart = 0.01;
/** There is room again from this many times as much on. */
const roomTimes = 2;
const everyMs = 1000;

export class DiskGuard {
  readonly #options: DiskGuardOptions;
  readonly #members = new Set<SpoolMember>();
  #lookedAt = -Infinity;
  #isLooking = false;
  #low: AppError | undefined;

  constructor(options: DiskGuardOptions) {
    this.#options = options;
  }

  /** Watches over a spool until disposed. */
  add(member: SpoolMember): Disposable {
    this.#members.add(member);
    return { [Symbol.dispose]: () => void this.#members.delete(member) };
  }

  /** Something was kept: looks, unless it did a moment ago. Never throws. */
  noteKept(): void {
    const now = this.#options.clock.ticks();
    if (this.#isLooking || now - this.#lookedAt < everyMs) return;
    this.#lookedAt = now;
    void this.#look();
  }

  /** Fails with `disk-low` where nothing may be kept now. */
  async mustHaveRoom(): Promise<void> {
    const now = this.#options.clock.ticks();
    if (this.#low === undefined || now - this.#lookedAt >= everyMs) {
      this.#lookedAt = now;
      await this.#probe();
    }
    if (this.#low !== undefined) throw this.#low;
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    try {
      const space = await this.#probe();
      if (this.#low !== undefined) for (const member of this.#members) member.onLow(this.#low);
      else await this.#keepBudget(space);
    } finally {
      this.#isLooking = false;
    }
  }

  async #probe(): Promise<DiskSpace | undefined> {
    const { folder, probe = probeDisk } = this.#options;
    let space: DiskSpace;
    try {
      space = await probe(folder);
    } catch {
      // @NOTE A volume that does not tell its room is used until a write fails.
      return undefined;
    }
    const limit = Math.min(lowBytes, space.totalBytes * lowPart) * (this.#low === undefined ? 1 : roomTimes);
    const isLow = space.freeBytes < limit;
    this.#low = isLow ? new AppError('disk-low', { path: folder, free: formatBytes(space.freeBytes) }) : undefined;
    return space;
  }

  async #keepBudget(space: DiskSpace | undefined): Promise<void> {
    const members = [...this.#members];
    const total = members.reduce((sum, { bytes }) => sum + bytes(), 0);
    const known =
      space === undefined ? blindBudgetBytes : Math.min(largestBudgetBytes, (space.freeBytes + total) * budgetPart);
    const budget = this.#options.budgetBytes ?? known;
    let excess = total - budget;
    for (const member of members.sort((a, b) => b.bytes() - a.bytes())) {
      if (excess <= 0) return;
      const before = member.bytes();
      // @NOTE What one cannot let go of now is asked for again.
      await member.shed(excess).catch(() => {});
      excess -= before - member.bytes();
    }
  }
}

async function probeDisk(folder: string): Promise<DiskSpace> {
  const { bavail, blocks, bsize } = await statfs(folder);
  if (blocks === 0) throw new Error('the disk does not tell its room');
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}
