// Whether the file of a database that is joined still holds what was captured: nobody but SQLite may write to it. Changes that a
// checkpoint does not explain are looked through at leisure; before a checkpoint of ours some pages are asked.
import fs from 'node:fs';
import { AppError } from '../../../shared/errors.ts';
import { hashPage } from '../replica/state-hash.ts';
import { readFully } from '../source/wal-reader.ts';
import type { Captured } from './captured.ts';
import type { Imaging } from './imaging.ts';
import { isAlone, type Life } from './life.ts';
import type { CaptureOptions } from './options.ts';
import { explainChange, findSuspects, isAsCaptured, Leisure, type Traces } from './verify.ts';

type Options = Pick<CaptureOptions, 'path' | 'spool'> & {
  readonly captured: Captured;
  readonly imaging: Imaging;
  readonly exclusively: <T>(work: () => Promise<T>) => Promise<T>;
  /** It is not joined any more, or not by this. */
  readonly isOver: (life: Life) => boolean;
  readonly catchUp: (life: Life) => Promise<unknown>;
  readonly onFailed: (error: unknown) => void;
};

export class Content {
  readonly #options: Options;
  readonly #leisure = new Leisure();
  #verifying: Promise<void> | undefined;
  /** The file is to be looked through. */
  #isSuspicious = false;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Nothing is being looked through, or is about to be. */
  get isAtRest(): boolean {
    return this.#verifying === undefined && !(this.#isSuspicious && this.#leisure.isDue(performance.now()));
  }

  /** Somebody may have written to the file: it is looked through, in time. */
  suspect(): void {
    this.#isSuspicious = true;
  }

  /** What is being looked through ends. Never throws. */
  async settle(): Promise<void> {
    await this.#verifying;
  }

  /** The first page changes with each transaction without a WAL. */
  isFirstPageKnown({ connections }: Life): boolean {
    const { hashes } = this.#options.captured;
    if (hashes === undefined) return false;
    const bytes = new Uint8Array(hashes.pageSize);
    return isAsCaptured(hashes, 1, bytes.subarray(0, readFully(connections.fd, bytes, 0)));
  }

  /** A checkpoint may write to the file: fails with `database-overwritten` where somebody else did. */
  async beforeCheckpoint({ guard }: Life): Promise<void> {
    const { spool, captured } = this.#options;
    const { hashes } = captured;
    if (hashes === undefined || !guard.isChanged) return;
    const sample = guard.sample(hashes);
    let leastPages = Infinity;
    for (const { index, bytes } of spool.filesOfWal(spool.index)) {
      await spool.visitFrames(index, { from: 0, to: bytes }, ({ page, data, commitPages }) => {
        sample.get(page)?.add(hashPage(page, data));
        if (commitPages > 0) leastPages = Math.min(leastPages, commitPages);
      });
    }
    // A page that was cut off meanwhile and came back need not lie in the file yet.
    for (const [page, known] of sample) if (page > leastPages) known.add(0n);
    captured.prove(() => guard.beforeCheckpoint(sample, hashes.pageSize));
  }

  /**
   * While the pin rests nobody may write to the file, but for who closes the database as the last one: that copies the WAL past a
   * pin without a lock on the file, and may go on without a WAL then. What is not explained so was a foreign hand.
   */
  check(life: Life): void {
    const { connections, guard, reader } = life;
    try {
      guard.checkContent();
    } catch (error) {
      // Asked behind the look: both are so before the file is written.
      const attempted = connections.walIndex?.read()?.attempted ?? 0;
      const isCopied = attempted > (reader.isCurrent() ? reader.frames : 0);
      if (connections.hold === 'firm' || !(isCopied || isAlone(life))) {
        this.#options.captured.distrust();
        throw error;
      }
      guard.moved();
      this.#isSuspicious = true;
    }
  }

  /** The file changed and nobody copied anything into it, or somebody else did: all of it is looked through, in time. */
  look(life: Life): void {
    const { connections } = life;
    const index = connections.walIndex?.read();
    if (index === undefined || this.#options.captured.hashes === undefined) return;
    const { size, mtimeMs } = fs.fstatSync(connections.fd);
    const { backfilled, attempted } = index;
    const now: Traces = { size, modifiedAt: mtimeMs, backfilled, attempted, wals: life.wals };
    const change = life.traces === undefined ? 'none' : explainChange(life.traces, now);
    life.traces = now;
    if (change !== 'none') this.#isSuspicious = true;
    if (!this.#isSuspicious || !this.#leisure.isDue(performance.now())) return;
    this.#isSuspicious = false;
    this.#verifying ??= this.#verify(life)
      .catch((error: unknown) => this.#options.onFailed(error))
      .finally(() => (this.#verifying = undefined));
  }

  /** Looks through the file; fails with `database-overwritten` where it does not hold what was captured. */
  async #verify(life: Life): Promise<void> {
    const { path, captured, imaging, exclusively, isOver, catchUp } = this.#options;
    const begunAt = performance.now();
    // Joined behind the beginning of a WAL, it is not known which pages it holds.
    if (life.goesOn) return;
    const mayDiffer = (page: number): boolean => life.walPages.has(page);
    const fd = fs.openSync(path, 'r');
    try {
      const suspects = await findSuspects(fd, {
        hashes: () => captured.hashes,
        mayDiffer,
        isOver: () => isOver(life),
      });
      this.#leisure.took(performance.now(), performance.now() - begunAt);
      if (suspects.length === 0) return;
      // Once more, while nothing moves: a checkpoint may have been under way.
      await exclusively(async () => {
        if (isOver(life)) return;
        await catchUp(life);
        const { hashes } = captured;
        const bytes = new Uint8Array(hashes?.pageSize ?? 0);
        for (const page of suspects) {
          if (hashes === undefined || mayDiffer(page) || page > hashes.pages) continue;
          const got = readFully(life.connections.fd, bytes, (page - 1) * bytes.length);
          if (isAsCaptured(hashes, page, bytes.subarray(0, got))) continue;
          // Asked behind the reading: without a WAL SQLite itself writes to the file, once that is gone.
          if (isAlone(life)) return;
          captured.distrust();
          throw new AppError('database-overwritten', { path });
        }
      });
    } finally {
      imaging.closeFile(fd);
    }
  }
}
