// Which file is open for which database, so that none is opened twice in this process: closing a descriptor drops all locks of
// the process on its file, and what is written under one name goes unseen under another. Asks directories only, opens nothing.
import fs from 'node:fs';
import { AppError } from '../../../shared/errors.ts';
import type { DatabaseId } from '../../../shared/ids.ts';
import { checkNoLink } from '../source/identity.ts';
import { classifySourceError } from '../source/source-errors.ts';
import type { DatabaseRow } from '../state/rows.ts';

type Stat = Pick<fs.BigIntStats, 'dev' | 'ino'>;

export class FileClaims {
  /** Those that may be opened, in the order in which they were added. */
  readonly #rows: () => readonly DatabaseRow[];
  readonly #claims = new Map<DatabaseId, string>();

  constructor(rows: () => readonly DatabaseRow[]) {
    this.#rows = rows;
  }

  /**
   * Claims the file at the path of a database, until disposed; in place of what the database claimed before. Fails with
   * `database-same-file` where it belongs to another one, `database-is-link`, and what keeps its folder from being looked at.
   */
  claim(row: DatabaseRow): Disposable {
    const { id, path } = row;
    this.#claims.delete(id);
    try {
      const stat = fs.statSync(path, { bigint: true });
      const isLinked = fs.realpathSync.native(path) !== path;
      const other = this.#ownerOf(stat, { id, isLinked });
      if (other !== undefined) {
        throw new AppError('database-same-file', {
          path,
          other: other.path,
          isLinked: isLinked || !isStraight(other.path),
        });
      }
      checkNoLink(path);
      this.#claims.set(id, keyOf(stat));
    } catch (error) {
      throw classifySourceError(error, path);
    }
    return { [Symbol.dispose]: () => this.#claims.delete(id) };
  }

  /** True for a file that is open here, or may be at any time. */
  has(stat: Stat): boolean {
    const key = keyOf(stat);
    return [...this.#claims.values()].includes(key);
  }

  /** The other database to which a file belongs: the one that has it open, else the one that may open it first. */
  #ownerOf(
    stat: fs.BigIntStats,
    { id, isLinked }: { readonly id: DatabaseId; readonly isLinked: boolean },
  ): DatabaseRow | undefined {
    const key = keyOf(stat);
    const rows = this.#rows();
    const holder = rows.find((row) => this.#claims.get(row.id) === key);
    // A file with one name, and named by that, is nobody else's before it is opened.
    if (holder !== undefined || (!isLinked && stat.nlink === 1n)) return holder;
    const own = rows.findIndex((row) => row.id === id);
    return rows.find((row, i) => {
      if (i === own || this.#claims.has(row.id) || !isAt(row.path, key)) return false;
      // Names that lead there straight come before those that a link leads through, then the older ones before the younger.
      const isOtherStraight = isStraight(row.path);
      return isOtherStraight === isLinked ? isOtherStraight : i < own;
    });
  }
}

/** True where the file itself, not a link to it, lies at a path. */
export function isItselfAt(path: string, stat: Stat): boolean {
  const there = lookAt(() => fs.lstatSync(path, { bigint: true }));
  return there !== undefined && keyOf(there) === keyOf(stat);
}

function isAt(path: string, key: string): boolean {
  const there = lookAt(() => fs.statSync(path, { bigint: true }));
  return there !== undefined && keyOf(there) === key;
}

function isStraight(path: string): boolean {
  return lookAt(() => fs.realpathSync.native(path)) === path;
}

/** Exact, since identities of Windows do not fit a number. */
function keyOf({ dev, ino }: Stat): string {
  return `${dev}:${ino}`;
}

function lookAt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    // @NOTE What is not there or cannot be reached is no file that anybody could open.
    return undefined;
  }
}
