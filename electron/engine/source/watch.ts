// Tells when a database or its WAL changed: one file-system watcher per directory, shared by all databases in it, and one
// slow poll for everything as the safety net where the file system does not notify. Reads nothing but directory entries.
import fs from 'node:fs';
import path from 'node:path';

/** Much shorter than a user's patience, long enough to cost nothing with hundreds of databases. */
const pollMs = 10_000;
/** While a folder's notices are paused, its other databases are looked at this often, */
const pausedPollMs = 20;
/** and with more databases than this in one folder looking costs more than notices do. */
const pausableDatabases = 8;
/** Longer than the step in which a file's times tick. */
const tickMs = 50;

/** A database that is watched, until disposed. */
export interface Watch extends Disposable {
  /**
   * Asks for no notices until {@link resume}: for a database whose writers never pause, since each notice costs the writer
   * time. Its owner looks by itself meanwhile.
   */
  pause(): void;
  /** Notices again; calls `onChange` once, for what may have been missed. */
  resume(): void;
}

interface Watched {
  readonly path: string;
  readonly onChange: () => void;
  seen: string;
}

interface Directory {
  readonly path: string;
  readonly databases: Map<string, Set<Watched>>;
  readonly paused: Set<Watched>;
  watcher: fs.FSWatcher | undefined;
  poll: NodeJS.Timeout | undefined;
}

export class Watcher implements Disposable {
  readonly #directories = new Map<string, Directory>();
  #poll: NodeJS.Timeout | undefined;

  /** Calls `onChange` after each change of the database at `databasePath` or its WAL, until disposed. */
  watch(databasePath: string, onChange: () => void): Watch {
    const folder = path.dirname(databasePath);
    const name = path.basename(databasePath);
    const directory = this.#directories.get(folder) ?? this.#open(folder);
    const watched: Watched = { path: databasePath, onChange, seen: fingerprint(databasePath) };
    const group = directory.databases.get(name) ?? new Set();
    directory.databases.set(name, group.add(watched));
    this.#poll ??= setInterval(() => this.#pollAll(), pollMs);
    return {
      pause: () => {
        if (directory.databases.size > pausableDatabases || !group.has(watched)) return;
        directory.paused.add(watched);
        pause(directory);
      },
      resume: () => {
        if (!directory.paused.delete(watched)) return;
        if (directory.paused.size === 0) resume(directory);
        else watched.onChange();
      },
      [Symbol.dispose]: () => this.#forget(directory, name, watched),
    };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#poll);
    this.#poll = undefined;
    for (const directory of this.#directories.values()) close(directory);
    this.#directories.clear();
  }

  #open(folder: string): Directory {
    const directory: Directory = {
      path: folder,
      databases: new Map(),
      paused: new Set(),
      watcher: undefined,
      poll: undefined,
    };
    directory.watcher = openWatcher(directory);
    this.#directories.set(folder, directory);
    return directory;
  }

  #forget(directory: Directory, name: string, watched: Watched): void {
    const group = directory.databases.get(name);
    if (group === undefined || !group.delete(watched)) return;
    if (group.size === 0) directory.databases.delete(name);
    const wasPaused = directory.paused.delete(watched);
    if (directory.databases.size > 0) {
      if (wasPaused && directory.paused.size === 0) resume(directory);
      return;
    }
    close(directory);
    this.#directories.delete(directory.path);
    if (this.#directories.size > 0) return;
    clearInterval(this.#poll);
    this.#poll = undefined;
  }

  #pollAll(): void {
    for (const directory of this.#directories.values()) pollDirectory(directory);
  }
}

function openWatcher(directory: Directory): fs.FSWatcher | undefined {
  const notify = (name: string | null): void => {
    if (name === null) return;
    const database = name.endsWith('-wal') ? name.slice(0, -4) : name;
    for (const watched of directory.databases.get(database) ?? []) watched.onChange();
  };
  try {
    const watcher = fs.watch(directory.path, (_event, name) => notify(name));
    // @NOTE A watcher that breaks (folder removed, limits) leaves the poll to notice changes.
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    // @NOTE No watcher for this folder: the poll serves alone.
    return undefined;
  }
}

/** Looks instead of being told. */
function pause(directory: Directory): void {
  if (directory.poll !== undefined) return;
  directory.watcher?.close();
  directory.watcher = undefined;
  directory.poll = setInterval(() => pollDirectory(directory), pausedPollMs);
}

function resume(directory: Directory): void {
  clearInterval(directory.poll);
  directory.poll = undefined;
  directory.watcher = openWatcher(directory);
  for (const group of directory.databases.values()) for (const watched of group) watched.onChange();
}

function close(directory: Directory): void {
  clearInterval(directory.poll);
  directory.poll = undefined;
  directory.watcher?.close();
  directory.watcher = undefined;
}

function pollDirectory({ databases, paused }: Directory): void {
  for (const group of databases.values()) {
    for (const watched of group) {
      if (paused.has(watched)) continue;
      const now = fingerprint(watched.path);
      if (now === watched.seen) continue;
      watched.seen = now;
      watched.onChange();
    }
  }
}

/**
 * What the directory says about a database and its WAL. Times tick in steps of some milliseconds, so a change right after
 * the last one may look the same: then the answer is one that the next look differs from.
 */
function fingerprint(databasePath: string): string {
  let newestAt = 0;
  const parts = [databasePath, `${databasePath}-wal`].map((file) => {
    const found = fs.statSync(file, { throwIfNoEntry: false });
    if (found === undefined) return '-';
    newestAt = Math.max(newestAt, found.mtimeMs);
    return `${found.ino}:${found.size}:${found.mtimeMs}`;
  });
  const isFresh = Math.abs(Date.now() - newestAt) < tickMs;
  return isFresh ? `${parts.join(' ')} ${process.hrtime.bigint()}` : parts.join(' ');
}
