// Watches the symbolic links by which users named their databases: what is protected is the file to which a link led then,
// and where it leads elsewhere later, its user believes in a protection that is not there. Opens nothing.
import fs from 'node:fs';
import { AppError, type Problem } from '../../../shared/errors.ts';
import type { DatabaseId } from '../../../shared/ids.ts';
import type { Clock } from '../basics/clock.ts';
import type { DatabaseRow } from '../state/rows.ts';

/** As often as the watcher looks at everything: a link is turned by hand, and its user is near. */
const lookEveryMs = 10_000;

export interface LinksOptions {
  /** Those that are kept, and not paused. */
  readonly rows: () => readonly DatabaseRow[];
  /** True for a file that is protected as a database of its own. */
  readonly isProtected: (stat: fs.BigIntStats) => boolean;
  readonly clock: Clock;
  /** A link leads elsewhere from now on. */
  readonly onTurned: (row: DatabaseRow, problem: Problem) => void;
  /** What is to be told of a database has changed. */
  readonly onChange: (id: DatabaseId) => void;
}

export class Links implements Disposable {
  readonly #options: LinksOptions;
  readonly #turned = new Map<DatabaseId, Problem>();
  /** Folders may take long to answer, and none holds up the others. */
  readonly #looking = new Set<DatabaseId>();
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(options: LinksOptions) {
    this.#options = options;
  }

  /** What is to be told of the link of a database. */
  noticeOf(id: DatabaseId): Problem | undefined {
    return this.#turned.get(id);
  }

  /** Looks at all links, now and every few seconds, while there are any. */
  look(): void {
    if (this.#isOver) return;
    const rows = this.#options.rows().filter(({ givenPath }) => givenPath !== undefined);
    for (const id of this.#turned.keys()) if (!rows.some((row) => row.id === id)) this.#turned.delete(id);
    for (const row of rows) void this.#lookAt(row);
    if (rows.length > 0) {
      this.#timer ??= setInterval(() => this.look(), lookEveryMs).unref();
      return;
    }
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    clearInterval(this.#timer);
  }

  async #lookAt(row: DatabaseRow): Promise<void> {
    if (this.#looking.has(row.id)) return;
    this.#looking.add(row.id);
    const to = await this.#elsewhere(row);
    this.#looking.delete(row.id);
    if (this.#isOver || !this.#options.rows().some(({ id }) => id === row.id)) return;
    const before = this.#turned.get(row.id);
    if (before?.details['to'] === to) return;
    if (to === undefined) {
      this.#turned.delete(row.id);
    } else {
      const turned = new AppError('database-link-turned', { path: row.path, link: row.givenPath ?? row.path, to });
      const problem = { ...turned.toData(), sinceAt: this.#options.clock.now() };
      this.#turned.set(row.id, problem);
      this.#options.onTurned(row, problem);
    }
    this.#options.onChange(row.id);
  }

  /** The file to which the link leads, where that is neither the database nor protected. */
  async #elsewhere({ path, givenPath }: DatabaseRow): Promise<string | undefined> {
    if (givenPath === undefined) return undefined;
    try {
      const to = await fs.promises.realpath(givenPath);
      if (to === path) return undefined;
      const stat = await fs.promises.stat(to, { bigint: true });
      return stat.isFile() && !this.#options.isProtected(stat) ? to : undefined;
    } catch {
      // @NOTE It leads nowhere, so nothing is there that could go unprotected.
      return undefined;
    }
  }
}
