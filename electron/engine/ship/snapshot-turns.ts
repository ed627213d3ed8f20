// Whose turn it is to make an image: reading whole databases at once would only make each of them slower, and the machine
// with them. One rule for all databases of the process: large images one after the other, small ones likewise in a row of
// their own, so that none waits behind one of many gigabytes; in each row first those whose database is not restorable
// there yet, then in the order in which they asked.

/** Images up to this size queue apart. */
const smallBytes = 64 * 1024 * 1024;

export interface Turn extends Disposable {
  /** It has come. Dispose it when the image is done, or not wanted any more. */
  readonly isGranted: boolean;
}

interface Waiting {
  isGranted: boolean;
  readonly isFirst: boolean;
  readonly onGranted: () => void;
}

export class SnapshotTurns {
  readonly #rows = { small: [] as Waiting[], large: [] as Waiting[] };

  /** Queues for a turn; `onGranted` is called once it has come, at the earliest when this has returned. */
  request({
    bytes,
    isFirst,
    onGranted,
  }: {
    readonly bytes: number;
    /** Nothing of the database can be restored from there before this image. */
    readonly isFirst: boolean;
    readonly onGranted: () => void;
  }): Turn {
    const row = bytes <= smallBytes ? this.#rows.small : this.#rows.large;
    const waiting: Waiting = { isGranted: false, isFirst, onGranted };
    row.push(waiting);
    queueMicrotask(() => grantNext(row));
    return {
      get isGranted() {
        return waiting.isGranted;
      },
      [Symbol.dispose]: () => {
        const place = row.indexOf(waiting);
        if (place >= 0) row.splice(place, 1);
        grantNext(row);
      },
    };
  }
}

function grantNext(row: readonly Waiting[]): void {
  if (row.some(({ isGranted }) => isGranted)) return;
  const next = row.find(({ isFirst }) => isFirst) ?? row[0];
  if (next === undefined) return;
  next.isGranted = true;
  next.onGranted();
}
