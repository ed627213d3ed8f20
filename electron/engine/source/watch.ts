// Tells when a database or its WAL changed: one file-system watcher per directory, shared by all databases in it, and one
// slow poll for everything as the safety net where the file system does not notify. Reads nothing but directory entries.
import fs from 'node:fs';
import path from 'node:path';

/** Much shorter than a user's patience, long enough to cost nothing with hundreds of databases. */
const pollMs = 10_000;

interface Watched {
  readonly path: string;
  readonly onChange: () => void;
  seen: string;
}

interface Directory {
  readonly watcher: fs.FSWatcher | undefined;
  readonly databases: Map<string, Set<Watched>>;
}

export class Watcher implements Disposable {
  readonly #directories = new Map<string, Directory>();
  #poll: NodeJS.Timeout | undefined;

  /** Calls `onChange` after each change of the database at `databasePath` or its WAL, until disposed. */
  watch(databasePath: string, onChange: () => void): Disposable {
    const folder = path.dirname(databasePath);
    const name = path.basename(databasePath);
    const directory = this.#directories.get(folder) ?? this.#open(folder);
    const watched: Watched = { path: databasePath, onChange, seen: fingerprint(databasePath) };
    const group = directory.databases.get(name) ?? new Set();
    directory.databases.set(name, group.add(watched));
    this.#poll ??= setInterval(() => this.#pollAll(), pollMs);
    return { [Symbol.dispose]: () => this.#forget(folder, name, watched) };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#poll);
    this.#poll = undefined;
    for (const directory of this.#directories.values()) directory.watcher?.close();
    this.#directories.clear();
  }

  #open(folder: string): Directory {
    const databases = new Map<string, Set<Watched>>();
    const notify = (name: string | null) => {
      if (name === null) return;
      const database = name.endsWith('-wal') ? name.slice(0, -4) : name;
      for (const watched of databases.get(database) ?? []) watched.onChange();
    };
    let watcher: fs.FSWatcher | undefined;
    try {
      watcher = fs.watch(folder, (_event, name) => notify(name));
      // @NOTE A watcher that breaks (folder removed, limits) leaves the poll to notice changes.
      watcher.on('error', () => watcher?.close());
    } catch {
      // @NOTE No watcher for this folder: the poll serves alone.
    }
    const directory = { watcher, databases };
    this.#directories.set(folder, directory);
    return directory;
  }

  #forget(folder: string, name: string, watched: Watched): void {
    const directory = this.#directories.get(folder);
    const group = directory?.databases.get(name);
    if (directory === undefined || group === undefined) return;
    group.delete(watched);
    if (group.size === 0) directory.databases.delete(name);
    if (directory.databases.size > 0) return;
    directory.watcher?.close();
    this.#directories.delete(folder);
    if (this.#directories.size > 0) return;
    clearInterval(this.#poll);
    this.#poll = undefined;
  }

  #pollAll(): void {
    for (const { databases } of this.#directories.values()) {
      for (const group of databases.values()) {
        for (const watched of group) {
          const now = fingerprint(watched.path);
          if (now === watched.seen) continue;
          watched.seen = now;
          watched.onChange();
        }
      }
    }
  }
}

function fingerprint(databasePath: string): string {
  return [databasePath, `${databasePath}-wal`]
    .map((file) => {
      const found = fs.statSync(file, { throwIfNoEntry: false });
      return found === undefined ? '-' : `${found.ino}:${found.size}:${found.mtimeMs}`;
    })
    .join(' ');
}
