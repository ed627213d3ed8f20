// Whose turn it is to make an image: reading whole databases at once would only make each of them slower, and the machine
// with them. One rule for all databases of the process: large images one after the other, small ones likewise in a row of
// their own, so that none waits behind one of many gigabytes; in each row first those whose database is not restorable
// there yet, then in the order in which they asked. One that does not get on holds up nobody: the next one goes beside it.
import { RankedRow } from '../basics/rows.ts';
import { type Turn, Turns } from '../basics/turns.ts';

/** Images up to this size queue apart. */
const smallBytes = 64 * 1024 * 1024;
/** A small image that is not there after so long is not counted any more; nor is a large one that stood still for so long. */
const smallPatienceMs = 2000;
const largePatienceMs = 20_000;

interface Asked {
  /** Nothing of the database can be restored from there before this image. */
  readonly isFirst: boolean;
}

export interface SnapshotTurn extends Turn {
  /** It gets on. */
  moved(): void;
}

export class SnapshotTurns {
  readonly #small = oneAfterTheOther();
  readonly #large = oneAfterTheOther();

  /** Queues for a turn; `onGranted` is called once it has come, at the earliest when this has returned. */
  request({
    bytes,
    isFirst,
    onGranted,
  }: Asked & { readonly bytes: number; readonly onGranted: () => void }): SnapshotTurn {
    const isSmall = bytes <= smallBytes;
    let isGranted = false;
    let late: NodeJS.Timeout | undefined;
    const turn = (isSmall ? this.#small : this.#large).request({ isFirst }, () => {
      isGranted = true;
      late = setTimeout(() => turn[Symbol.dispose](), isSmall ? smallPatienceMs : largePatienceMs).unref();
      onGranted();
    });
    return {
      get isGranted() {
        return isGranted;
      },
      moved: () => {
        if (!isSmall) late?.refresh();
      },
      [Symbol.dispose]: () => {
        clearTimeout(late);
        turn[Symbol.dispose]();
      },
    };
  }
}

function oneAfterTheOther(): Turns<Asked> {
  return new Turns(1, new RankedRow(({ isFirst }) => (isFirst ? 0 : 1)));
}
