// What the directory tells of a database while nothing of ours looks: when its WAL came and went, and who wrote to the file while
// there was none. Notices come in their order, but say of a name only that it came or went: which of the two follows from what was
// there before, and is compared with what lies there once no notice is on its way.
import fs from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Told } from '../source/watch.ts';

/** What one notice says. */
export type Sign =
  | { readonly kind: 'wal-came' }
  /** It was there for so long. */
  | { readonly kind: 'wal-went'; readonly lastedMs: number }
  /** Somebody wrote to the file while there was no WAL. */
  | { readonly kind: 'touched' }
  | undefined;

/** Notices that wait are heard within so many turns of the event loop. */
const quietTurns = 2;
const mostTurns = 20;

export class Signs {
  readonly #wal: string;
  #isWalThere = false;
  #cameAt = -Infinity;
  #renames = 0;
  #departures = 0;
  #hasMissed = false;
  #touched: 'outside' | 'mode' | undefined;
  /** SQLite writes without a WAL: its rollback journal came since there was one. */
  #hadJournal = false;
  #isComparing = false;
  /** What was there when something was missed may be told of still: until nothing more comes, it says nothing about anybody. */
  #isInDoubt = false;

  constructor(databasePath: string) {
    this.#wal = `${databasePath}-wal`;
  }

  /** Notices come from now on. */
  begin(): void {
    this.#isWalThere = fs.existsSync(this.#wal);
    // One of before may still be on its way.
    this.#compare();
  }

  get isWalThere(): boolean {
    return this.#isWalThere;
  }

  /** How often a WAL came or went since {@link forgetRenames}. */
  get renames(): number {
    return this.#renames;
  }

  forgetRenames(): void {
    this.#renames = 0;
    this.#departures = 0;
    this.#hasMissed = false;
  }

  /**
   * Since {@link forgetRenames} one WAL went at most, and nobody wrote to the file without one: what the next one holds is read when
   * it is joined. Resolves once everything that was told up to now is heard.
   */
  async isClosedOnce(): Promise<boolean> {
    for (let turn = 0; turn < quietTurns; turn++) await nextTurn();
    return !this.#hasMissed && this.#departures <= 1 && this.#touched === undefined;
  }

  /** Who wrote to the file while there was no WAL: SQLite in another journal mode, or somebody else. */
  get touched(): 'outside' | 'mode' | undefined {
    return this.#touched;
  }

  forgetTouch(): void {
    this.#touched = undefined;
  }

  /** Takes in a notice; `now` in milliseconds of a monotonic clock. */
  hear({ file, event }: Told, now: number): Sign {
    switch (file) {
      case 'wal':
        return event === 'rename' ? this.#renamed(now) : undefined;
      case 'journal':
        this.#hadJournal = true;
        return undefined;
      case 'database':
        if (this.#isWalThere || this.#isInDoubt) return undefined;
        // SQLite writes to the file only behind its journal.
        this.#touched ??= this.#hadJournal ? 'mode' : 'outside';
        return { kind: 'touched' };
      case 'unknown':
        // What was missed may have been a WAL that came or went.
        this.#hasMissed = true;
        this.#isWalThere = fs.existsSync(this.#wal);
        this.#isInDoubt = true;
        this.#compare();
        return undefined;
      case 'wal-index':
        return undefined;
    }
  }

  #renamed(now: number): Sign {
    this.#renames++;
    this.#isWalThere = !this.#isWalThere;
    this.#compare();
    if (!this.#isWalThere) {
      this.#departures++;
      return { kind: 'wal-went', lastedMs: now - this.#cameAt };
    }
    this.#cameAt = now;
    this.#hadJournal = false;
    return { kind: 'wal-came' };
  }

  #compare(): void {
    if (this.#isComparing) return;
    this.#isComparing = true;
    void this.#whenQuiet().finally(() => (this.#isComparing = false));
  }

  async #whenQuiet(): Promise<void> {
    let seen = this.#renames;
    for (let quiet = 0, turns = 0; quiet < quietTurns && turns < mostTurns; turns++) {
      await nextTurn();
      quiet = seen === this.#renames ? quiet + 1 : 0;
      seen = this.#renames;
    }
    this.#isInDoubt = false;
    const isThere = fs.existsSync(this.#wal);
    if (isThere === this.#isWalThere) return;
    this.#isWalThere = isThere;
    // What was taken for a time without a WAL was none, perhaps.
    this.forgetTouch();
  }
}
