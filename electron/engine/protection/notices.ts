// What needs a look although capturing goes on: a WAL that somebody deleted while it was open, a reader that keeps it from
// being emptied, a disk on which nothing can be copied out of it.
import path from 'node:path';
import { AppError, type ErrorCode, type Problem } from '../../../shared/errors.ts';
import { formatBytes, formatDuration } from '../../../shared/format.ts';
import type { ProtectionOptions } from './session.ts';
import { lookAt } from '../basics/files.ts';
import { isShortOfFiles } from '../basics/open-files.ts';

export type NoticesOptions = Pick<ProtectionOptions, 'row' | 'clock' | 'onEvent' | 'onChange'>;

/** A reader that keeps the WAL from being emptied is told after so long, once the WAL is so large. */
const longReaderMs = 30_000;
const longReaderBytes = 16 * 1024 * 1024;

export class Notices {
  readonly #options: NoticesOptions;
  #current: Problem | undefined;
  /** What was told of a folder of which the system tells nothing. */
  #blind: Problem | undefined;
  #heldSinceAt: number | undefined;
  #uncopied: ErrorCode | undefined;

  constructor(options: NoticesOptions) {
    this.#options = options;
  }

  /** What is told at present. */
  get current(): Problem | undefined {
    return this.#current;
  }

  /** Since when a reader keeps the WAL from being emptied. */
  get heldSinceAt(): number | undefined {
    return this.#heldSinceAt;
  }

  /** The database is open anew: what was told before is over. */
  opened(): void {
    this.#current = undefined;
    this.#uncopied = undefined;
  }

  /** Nobody looks at the WAL any more. */
  closed(): void {
    this.#heldSinceAt = undefined;
  }

  /**
   * Somebody deleted the WAL while an application had it open, or that application is gone: until then, what it writes is read on
   * where that can be had.
   */
  walLost(isLost: boolean): void {
    const { row, clock, onEvent, onChange } = this.#options;
    const isTold = this.#current?.code === 'database-wal-deleted';
    if (isLost === isTold) return;
    this.#current = undefined;
    if (isLost) {
      const lost = new AppError('database-wal-deleted', { path: row.path, wal: `${row.path}-wal` });
      this.#current = { ...lost.toData(), sinceAt: clock.now() };
      onEvent({ kind: 'problem', problem: this.#current, replica: undefined });
    }
    onChange();
  }

  /** The system tells nothing of changes in the folder: they are found by looking. */
  unwatched(isBlind: boolean): void {
    const { row, clock, onEvent, onChange } = this.#options;
    const isTold = this.#blind !== undefined && this.#current === this.#blind;
    if (isBlind === isTold || (isBlind && this.#current !== undefined)) return;
    this.#current = undefined;
    if (isBlind) {
      const folder = path.dirname(row.path);
      const told = isShortOfFiles()
        ? new AppError('too-many-files', { file: folder })
        : new AppError('database-unwatched', { path: row.path, folder });
      this.#current = this.#blind = { ...told.toData(), sinceAt: clock.now() };
      onEvent({ kind: 'problem', problem: this.#current, replica: undefined });
    }
    onChange();
  }

  /** Nothing can be copied from the WAL into the file: it grows, and capturing goes on. */
  uncopied(error: AppError | undefined): void {
    const { clock, onEvent, onChange } = this.#options;
    if (error?.code === this.#uncopied) return;
    if (this.#current?.code === this.#uncopied) this.#current = undefined;
    this.#uncopied = error?.code;
    if (error !== undefined) {
      this.#current = { ...error.toData(), sinceAt: clock.now() };
      onEvent({ kind: 'problem', problem: this.#current, replica: undefined });
    }
    onChange();
  }

  /** A reader that keeps the WAL from being emptied for long is worth a look once the WAL is large. */
  walHeld(isHeld: boolean): void {
    const { row, clock, onChange } = this.#options;
    const now = clock.now();
    const wasHeld = this.#heldSinceAt !== undefined;
    this.#heldSinceAt = isHeld ? (this.#heldSinceAt ?? now) : undefined;
    const bytes = lookAt(`${row.path}-wal`)?.size ?? 0;
    const isTold = this.#current?.code === 'database-wal-held';
    if (this.#heldSinceAt === undefined) {
      if (isTold) this.#current = undefined;
      if (wasHeld) onChange();
      return;
    }
    const heldMs = now - this.#heldSinceAt;
    if (heldMs < longReaderMs || bytes < longReaderBytes || (this.#current !== undefined && !isTold)) return;
    const facts = { path: row.path, duration: formatDuration(heldMs), size: formatBytes(bytes) };
    this.#current = { ...new AppError('database-wal-held', facts).toData(), sinceAt: this.#heldSinceAt };
    onChange();
  }
}
