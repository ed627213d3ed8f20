// What needs a look although capturing goes on: a WAL that somebody deleted while it was open, and a reader that keeps it from
// being emptied.
import fs from 'node:fs';
import { AppError, type Problem } from '../../shared/errors.ts';
import { formatBytes, formatDuration } from '../../shared/format.ts';
import type { Capture } from './capture.ts';
import type { ProtectionOptions } from './session.ts';

export interface NoticesOptions extends Pick<ProtectionOptions, 'row' | 'clock' | 'onEvent' | 'onChange'> {
  /** Undefined while the database is not open. */
  readonly capture: () => Capture | undefined;
  /** What is open cannot go on. */
  readonly onFailed: (error: AppError) => void;
}

/** A deleted WAL is read on through its descriptor, of which no directory tells. */
const lostWalEveryMs = 250;
/** A reader that keeps the WAL from being emptied is told after so long, once the WAL is so large. */
const longReaderMs = 30_000;
const longReaderBytes = 16 * 1024 * 1024;

export class Notices {
  readonly #options: NoticesOptions;
  #current: Problem | undefined;
  #heldSinceAt: number | undefined;
  #lostWal: NodeJS.Timeout | undefined;

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
  }

  /** What is open ends. */
  closing(): void {
    clearInterval(this.#lostWal);
    this.#lostWal = undefined;
  }

  /** Nobody looks at the WAL any more. */
  closed(): void {
    this.#heldSinceAt = undefined;
  }

  /**
   * Goes on with a WAL that somebody deleted while it was open: what is written to it is captured, and copied into the
   * database. Only when nobody else has it open any more can a new one begin.
   */
  walLost(): void {
    if (this.#lostWal !== undefined) return;
    const { row, clock, onEvent, onChange } = this.#options;
    const lost = new AppError('database-wal-deleted', { path: row.path, wal: `${row.path}-wal` });
    this.#current = { ...lost.toData(), sinceAt: clock.now() };
    onEvent({ kind: 'problem', problem: this.#current, replica: undefined });
    onChange();
    this.#lostWal = setInterval(() => {
      const capture = this.#options.capture();
      capture?.wake();
      const isAtRest = capture?.guard.atRest !== undefined;
      if (isAtRest && capture.guard.isHeldByOthers === false) this.#options.onFailed(lost);
    }, lostWalEveryMs);
  }

  /** A reader that keeps the WAL from being emptied for long is worth a look once the WAL is large. */
  walHeld(isHeld: boolean): void {
    const { row, clock, onChange } = this.#options;
    const now = clock.now();
    const wasHeld = this.#heldSinceAt !== undefined;
    this.#heldSinceAt = isHeld ? (this.#heldSinceAt ?? now) : undefined;
    const bytes = fs.statSync(`${row.path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
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
