// Takes back the WAL of writers that never pause: copies most of it while they go on, then holds them for the small rest,
// so that the next one starts the WAL anew. The only time that writers wait for Tidemark; it is bounded and measured.
import { setTimeout as delay } from 'node:timers/promises';
import { must } from '../../../shared/assert.ts';
import type { CheckpointOptions, WalCounts } from '../source/checkpointer.ts';
import type { Connections } from '../source/connections.ts';

/** Before writers are held, most is copied while they go on, at most so often. */
const passivesBeforeSeal = 5;
/** Frames that may still have to be read and copied under the write lock; fewer where one took longer than this. */
const restFrames = 1500;
const leastRestFrames = 100;
const restBytes = 6 * 1024 * 1024;
const slowMs = 30;
/** What may have to be read under the lock before most is copied; and how often it is tried to have read so much. */
const unreadBytes = 2 * 1024 * 1024;
const locksBeforeBegin = 3;
/**
 * From this size on writers are held for most of the time that copying takes, which otherwise hinders nobody: so long at a time,
 * with a breath in between. Else they commit faster than a disk takes it in.
 */
const hugeBytes = 96 * 1024 * 1024;
const slowDownMs = 25;
const breathMs = 8;
/** How long somebody else's checkpoint is waited for under the lock. */
const waitMs = 20;

type Checkpointed = WalCounts & { readonly isBlocked: boolean };

/** What a seal needs of its surroundings. */
export interface SealHost {
  readonly connections: Pick<Connections, 'counts' | 'checkpointerIdle' | 'flush' | 'whileLocked'>;
  /** Bytes of a page. */
  readonly pageSize: () => number;
  /** Reads what is committed, leaving the pin where it is. */
  readonly catchUp: () => Promise<unknown>;
  /** Committed frames that were not read yet. */
  readonly unread: () => number;
  /** Moves the pin to the end of the WAL, reading what is on the way. */
  readonly advance: () => Promise<unknown>;
  /** A PASSIVE checkpoint. */
  readonly checkpoint: (options?: CheckpointOptions) => Promise<Checkpointed>;
  /** Runs while nothing else reads or moves. */
  readonly exclusively: <T>(work: () => Promise<T>) => Promise<T>;
}

/** Milliseconds for which writers were held, and how often. */
export interface SealTimes {
  readonly count: number;
  readonly maxMs: number;
  readonly totalMs: number;
}

/** `held`: somebody else reads an old state, and nothing can be taken back before that ends. */
export type Reclaimed = 'sealed' | 'not-now' | 'held';

export class Seal {
  readonly #host: SealHost;
  #rest = restFrames;
  #times: SealTimes = { count: 0, maxMs: 0, totalMs: 0 };
  /** The lock is held, or being taken, for one thing at a time. */
  #isHolding = false;
  #isClosed = false;

  constructor(host: SealHost) {
    this.#host = host;
  }

  get times(): SealTimes {
    return this.#times;
  }

  /** Nothing more is begun. */
  close(): void {
    this.#isClosed = true;
  }

  /** Copies what can be copied while writers go on, then holds them for the rest. */
  async reclaim(): Promise<Reclaimed> {
    const { connections, exclusively } = this.#host;
    let heldAt: number | undefined;
    for (let i = 0; i < passivesBeforeSeal && !this.#isClosed; i++) {
      const { isBlocked, heldAt: at } = await this.#copyMost();
      if (isBlocked) return 'not-now';
      // A writer's transaction, too, reads an old state, but not for long.
      if (at !== undefined && at === heldAt) return 'held';
      heldAt = at;
      // SQLite brings the file to the disk at the end, under the lock: most of it may lie there already.
      await this.slowing(connections.flush());
      if (this.#isSmall) break;
    }
    if (this.#isClosed || !this.#isSmall) return 'not-now';
    // Not under the lock: another database's checkpoint may take long, and so may reading, or copying aside for an image.
    await connections.checkpointerIdle();
    const isSealed = await exclusively(async () => {
      await this.#host.catchUp();
      return await this.#seal();
    });
    return isSealed ? 'sealed' : 'not-now';
  }

  /**
   * Moves the pin and checkpoints up to there, while writers go on. The moment in between belongs to nobody: writers are
   * held until the checkpoint runs, or else the application's next commit would do all the copying. `heldAt`: the frame at which
   * a reader stopped it.
   */
  async #copyMost(): Promise<{ readonly isBlocked: boolean; readonly heldAt: number | undefined }> {
    const { connections, exclusively, catchUp, advance, checkpoint } = this.#host;
    await connections.checkpointerIdle();
    let frames = 0;
    let running: Promise<Checkpointed> | undefined;
    const begin = async (): Promise<void> => {
      ({ frames } = connections.counts());
      await advance();
      await new Promise<void>((begun) => {
        running = checkpoint({ onBegun: begun, atOnce: true });
        running.then(
          () => begun(),
          () => begun(),
        );
      });
    };
    const beginWhereRead = async (): Promise<void> => {
      // Taking the lock takes time, in which much may have come: that is not read while writers are held.
      if (this.#host.unread() > Math.floor(unreadBytes / this.#host.pageSize())) return;
      await begin();
      // Writers that outrun even this are slowed down, or the WAL would grow without end.
      if (this.#isHuge) await Promise.race([running, delay(slowDownMs)]);
    };
    await exclusively(async () => {
      for (let again = 0; again < locksBeforeBegin && running === undefined; again++) {
        await catchUp();
        await this.#whileLocked(beginWhereRead);
      }
      if (running === undefined) await begin();
    });
    const first = await this.slowing(must(running, 'it was begun'));
    // Another database's checkpoint, which may take long, came first: that is waited for with nobody held.
    const { isBlocked, backfilled } = first.isBlocked ? await checkpoint() : first;
    return { isBlocked, heldAt: backfilled < frames ? backfilled : undefined };
  }

  /** Holds writers while the small rest of the WAL is read and copied. False when it could not be done. */
  async #seal(): Promise<boolean> {
    const { connections, advance } = this.#host;
    let isDone = false;
    const ms = await this.#whileLocked(async () => {
      if (!this.#isSmall) return;
      await advance();
      await this.#checkpointAlone(performance.now());
      const { frames, backfilled } = connections.counts();
      isDone = frames === backfilled;
      if (isDone) await advance();
    });
    // Slow disks get less to do under the lock, so that writers are not held longer.
    const isSlow = ms !== undefined && ms > slowMs;
    this.#rest = isSlow ? Math.max(leastRestFrames, this.#rest / 2) : Math.min(restFrames, this.#rest * 1.2);
    return isDone;
  }

  /** Slows writers down until `work` has ended, where the WAL is huge. */
  async slowing<T>(work: Promise<T>): Promise<T> {
    let isEnded = false;
    const ended = work.then(
      () => (isEnded = true),
      () => (isEnded = true),
    );
    const atMost = async (ms: number): Promise<unknown> => await Promise.race([ended, delay(ms)]);
    const hold = async (): Promise<unknown> => await this.#whileLocked(async () => void (await atMost(slowDownMs)), 1);
    try {
      await atMost(breathMs);
      while (!isEnded && !this.#isClosed) {
        // Who has the lock for longer than a moment outruns nobody.
        const isLate = this.#isHuge && !this.#isHolding && (await hold()) === undefined;
        await atMost(isLate ? slowDownMs : breathMs);
      }
    } catch {
      // @NOTE The work is what counts; what keeps the lock from being taken is told where it is needed.
    }
    return await work;
  }

  /** Holds writers while `work` runs; returns for how many milliseconds. Undefined when a writer had the lock. */
  async #whileLocked(work: () => Promise<void>, bursts?: number): Promise<number | undefined> {
    let startedAt = 0;
    let isLocked = false;
    this.#isHolding = true;
    try {
      isLocked = await this.#host.connections.whileLocked(async () => {
        startedAt = performance.now();
        await work();
      }, bursts);
    } finally {
      this.#isHolding = false;
    }
    if (!isLocked) return undefined;
    const ms = performance.now() - startedAt;
    const { count, maxMs, totalMs } = this.#times;
    this.#times = { count: count + 1, maxMs: Math.max(maxMs, ms), totalMs: totalMs + ms };
    return ms;
  }

  /** A checkpoint that waits, for a moment, until a writer's own has ended. */
  async #checkpointAlone(lockedAt: number): Promise<void> {
    while ((await this.#host.checkpoint({ atOnce: true })).isBlocked && performance.now() - lockedAt < waitMs) {
      await new Promise((go) => setTimeout(go, 1));
    }
  }

  get #isHuge(): boolean {
    return this.#host.connections.counts().frames >= Math.floor(hugeBytes / this.#host.pageSize());
  }

  /** What lies in the WAL only can be read and copied while writers wait. */
  get #isSmall(): boolean {
    const { frames, backfilled } = this.#host.connections.counts();
    return frames - backfilled <= Math.min(this.#rest, Math.floor(restBytes / this.#host.pageSize()));
  }
}
