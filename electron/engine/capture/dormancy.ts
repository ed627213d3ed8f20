// A database that is protected while nothing of ours is connected to it: what a look from outside tells, and what follows from it.
import { must } from '../../../shared/assert.ts';
import { AppError } from '../../../shared/errors.ts';
import type { Connections, Hold } from '../source/connections.ts';
import { Absence, type Left } from './absence.ts';
import type { CaptureOptions, ContinuityUnproven } from './options.ts';
import type { Signs } from './signs.ts';
import { mayExpectVisits } from './visits.ts';

/** What the directory tells of the moment in which a database was left comes within this time. */
const settleMs = 60;
/** A deleted WAL is read on through its descriptor, of which no directory tells. */
export const lostWalEveryMs = 250;
/** A database that is locked is tried again after this time, twice as long each time; from the second one on it counts as held. */
export const busyMs = 20;
const heldAfterMs = 200;
const longestBusyMs = 2000;
/** One WAL came and went in the moment in which it was left. */
const renamesOfOne = 2;

type Options = Pick<CaptureOptions, 'path' | 'connect' | 'visits' | 'onExclusive' | 'onWalLost' | 'onLeft'> & {
  readonly signs: Signs;
  /** Why a change that was not seen can have come about, as far as is known. */
  readonly whyUnseen: () => ContinuityUnproven['why'];
  /** Somebody wrote to the file: what is read of it alone is not what it was. */
  readonly onTouched: () => void;
  /** Something may have changed. */
  readonly wake: () => void;
};

/** What a look from outside calls for. */
export type Outlook =
  | { readonly kind: 'nothing' }
  /** Somebody has it open. */
  | { readonly kind: 'join'; readonly hold: Hold; readonly left: Left }
  /** It changed, and nobody who did it is there any more; out of WAL mode nothing is captured. */
  | { readonly kind: 'changed'; readonly why: ContinuityUnproven['why']; readonly isWal: boolean };

export class Dormancy implements Disposable {
  readonly #options: Options;
  #absence: Absence | undefined;
  /** Until the next look from outside; undefined when only a notice can bring news. */
  nextLookMs: number | undefined;
  #busyForMs = 0;
  #isExclusive = false;
  #isWalLost = false;
  #isClosed = false;
  #settling: NodeJS.Timeout | undefined;

  constructor(options: Options) {
    this.#options = options;
  }

  /** While nobody is joined. */
  get absence(): Absence | undefined {
    return this.#absence;
  }

  /** It was left, and looked so. */
  begin(left: Left): void {
    this.#absence = new Absence(this.#options.path, left);
  }

  /** It is joined. */
  end(): void {
    this.#absence = undefined;
    clearTimeout(this.#settling);
    this.setExclusive(false);
    this.setWalLost(false);
  }

  /** Somebody keeps the database for itself, or does not any more. */
  setExclusive(isExclusive: boolean): void {
    if (isExclusive === this.#isExclusive) return;
    this.#isExclusive = isExclusive;
    this.#options.onExclusive?.(isExclusive);
  }

  /** Somebody deleted the WAL that is open; or that is over. */
  setWalLost(isLost: boolean): void {
    if (isLost === this.#isWalLost) return;
    this.#isWalLost = isLost;
    this.#options.onWalLost?.(isLost);
  }

  /** Looks at the directory. Fails where the path does not lead to the file that was left. */
  async look(): Promise<Outlook> {
    const absence = must(this.#absence, 'it is joined or left');
    const { left } = absence;
    const { path, visits, signs } = this.#options;
    this.nextLookMs = undefined;
    const sight = absence.look();
    // Whoever it was: what an image reads alone is not what it was any more.
    if (absence.isTouched) this.#options.onTouched();
    if (sight.kind !== 'somebody' && sight.kind !== 'held') this.#busyForMs = 0;
    if (sight.kind !== 'held' && mayExpectVisits({ path, visits })) return { kind: 'join', hold: 'firm', left };
    switch (sight.kind) {
      case 'nobody':
        this.setExclusive(false);
        this.setWalLost(false);
        return { kind: 'nothing' };
      case 'unclear':
        this.nextLookMs = sight.againMs;
        return { kind: 'nothing' };
      case 'left-over':
        await this.#tidy(absence);
        return { kind: 'nothing' };
      case 'held':
        this.setExclusive(true);
        return { kind: 'nothing' };
      case 'detached':
        this.setWalLost(true);
        this.nextLookMs = lostWalEveryMs;
        return { kind: 'nothing' };
      case 'changed': {
        const why = this.#isExclusive ? 'exclusive' : this.#options.whyUnseen();
        this.setExclusive(false);
        this.setWalLost(false);
        this.#absence = absence.again();
        signs.forgetTouch();
        this.settleSoon();
        return { kind: 'changed', why, isWal: absence.isWal };
      }
      case 'somebody':
        return { kind: 'join', hold: 'light', left };
    }
  }

  /** Has SQLite remove sidecars as the last one to close does. */
  async #tidy(absence: Absence): Promise<void> {
    this.nextLookMs = busyMs;
    absence.tidied();
    try {
      await using _connections = await this.#options.connect('firm');
    } catch (error) {
      // @NOTE Somebody came: then it is theirs. What else is the matter is told by the next look.
      if (!(error instanceof AppError)) throw error;
    }
  }

  /** Connects to a database that somebody has open; undefined where that cannot be at the moment: then it is tried again. */
  async connect(hold: Hold): Promise<Connections | undefined> {
    try {
      return await this.#options.connect(hold);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      // They may have gone in this moment.
      if (error.code === 'database-missing' || error.code === 'database-not-wal') this.nextLookMs = busyMs;
      else if (error.code === 'database-busy') this.nextLookMs = Math.min(longestBusyMs, this.#busyForMs + busyMs);
      else throw error;
      this.#busyForMs += this.nextLookMs;
      if (this.#busyForMs > heldAfterMs) this.setExclusive(true);
      return undefined;
    }
  }

  /** In the moment in which it was left, the clock of the file system may not have ticked: looks once more. */
  settleSoon(): void {
    clearTimeout(this.#settling);
    const absence = this.#absence;
    if (absence === undefined || this.#isClosed) return;
    this.#settling = setTimeout(() => {
      const { signs, onLeft, wake } = this.#options;
      try {
        if (this.#absence !== absence) return;
        if (signs.renames <= renamesOfOne) absence.settle();
        if (absence.left.isSettled) onLeft?.();
      } catch {
        // @NOTE What is the matter with the path is told by the next look.
      }
      wake();
    }, settleMs);
  }

  /** Nothing is looked at any more. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    clearTimeout(this.#settling);
  }
}
