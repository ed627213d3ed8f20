// Tells when a database or its WAL changed: one file-system watcher per directory, shared by all databases in it, and one
// slow poll for everything as the safety net where the file system does not notify. Reads nothing but directory entries.
import fs from 'node:fs';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { lookAt } from '../basics/files.ts';

/** Much shorter than a user's patience, long enough to cost nothing with hundreds of databases. */
const pollMs = 10_000;
/** A folder of which the system tells nothing is looked at this often. */
const blindPollMs = 200;
/** A change that the slow poll finds, and that is older than this, was not told. */
const untoldMs = 1000;
/** Databases that the slow poll looks at before others get their turn. */
const pollSlice = 16;
/** While a folder's notices are paused, its other databases are looked at this often, */
const pausedPollMs = 20;
/** and with more databases than this in one folder looking costs more than notices do. */
const pausableDatabases = 8;
/** Longer than the step in which a file's times tick. */
const tickMs = 50;

/** What the directory tells of. */
export interface Told {
  /** `unknown`: something looks different, or may have been missed. */
  readonly file: 'database' | 'wal' | 'wal-index' | 'journal' | 'unknown';
  /** `rename`: it came or went. */
  readonly event: 'rename' | 'change';
}

/** A database that is watched, until disposed. */
export interface Watch extends Disposable {
  /**
   * Asks for no notices until {@link resume}: for a database whose writers never pause, since each notice costs the writer
   * time. Its owner looks by itself meanwhile.
   */
  pause(): void;
  /** Notices again; calls `onChange` once, for what may have been missed. */
  resume(): void;
  /** The system tells nothing of this folder: changes are found by looking. */
  readonly isBlind: boolean;
  /** Each change is told. */
  readonly isTelling: boolean;
}

interface Watched {
  readonly path: string;
  readonly onChange: (told: Told) => void;
  seen: string;
  /** Something was told since the slow poll looked last. */
  isTold: boolean;
  isOver: boolean;
}

interface Directory {
  readonly path: string;
  readonly databases: Map<string, Set<Watched>>;
  readonly paused: Set<Watched>;
  /** Undefined where the folder cannot be watched, or is gone: the slow poll tries again. */
  watcher: fs.FSWatcher | undefined;
  /** The folder that is watched: another one may come to its path. */
  inode: number | undefined;
  poll: NodeJS.Timeout | undefined;
  /** Changes came of which nothing was told. */
  isMute: boolean;
}

export class Watcher implements Disposable {
  readonly #directories = new Map<string, Directory>();
  #poll: NodeJS.Timeout | undefined;
  #isPolling = false;

  /** Calls `onChange` after each change of the database at `databasePath` or its WAL, until disposed. */
  watch(databasePath: string, onChange: (told: Told) => void): Watch {
    const folder = path.dirname(databasePath);
    const name = path.basename(databasePath);
    const directory = this.#directories.get(folder) ?? this.#open(folder);
    const watched: Watched = {
      path: databasePath,
      onChange,
      seen: fingerprint(databasePath),
      isTold: false,
      isOver: false,
    };
    const group = directory.databases.get(name) ?? new Set();
    // With this one there are too many to be looked at.
    if (group.size === 0 && directory.databases.size === pausableDatabases && directory.paused.size > 0)
      resume(directory);
    directory.databases.set(name, group.add(watched));
    if (directory.paused.size > 0) pause(directory);
    this.#poll ??= setInterval(() => void this.#pollAll(), pollMs);
    return {
      pause: () => {
        if (directory.databases.size > pausableDatabases || !group.has(watched)) return;
        directory.paused.add(watched);
        pause(directory);
      },
      resume: () => {
        if (!directory.paused.delete(watched)) return;
        if (directory.paused.size === 0) return resume(directory);
        pause(directory);
        watched.onChange(unknown);
      },
      get isBlind() {
        return directory.isMute || (directory.watcher === undefined && directory.paused.size === 0);
      },
      get isTelling() {
        return directory.watcher !== undefined && !directory.isMute;
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
      inode: undefined,
      poll: undefined,
      isMute: false,
    };
    openWatcher(directory);
    this.#directories.set(folder, directory);
    return directory;
  }

  #forget(directory: Directory, name: string, watched: Watched): void {
    watched.isOver = true;
    const group = directory.databases.get(name);
    if (group === undefined || !group.delete(watched)) return;
    if (group.size === 0) directory.databases.delete(name);
    const wasPaused = directory.paused.delete(watched);
    if (directory.databases.size > 0) {
      if (wasPaused && directory.paused.size === 0) resume(directory);
      else if (directory.paused.size > 0) pause(directory);
      return;
    }
    close(directory);
    this.#directories.delete(directory.path);
    if (this.#directories.size > 0) return;
    clearInterval(this.#poll);
    this.#poll = undefined;
  }

  /** The system tells nothing of changes in the folder of this database. */
  #mute({ path: databasePath }: Watched): void {
    const directory = this.#directories.get(path.dirname(databasePath));
    if (directory === undefined || directory.isMute) return;
    directory.isMute = true;
    lookOften(directory);
  }

  async #pollAll(): Promise<void> {
    if (this.#isPolling) return;
    this.#isPolling = true;
    for (const directory of this.#directories.values()) {
      const isOther = inodeOf(directory.path) !== directory.inode;
      if (directory.paused.size === 0 && (isOther || directory.watcher === undefined)) openWatcher(directory);
    }
    const all = [...this.#directories.values()].flatMap(({ databases, paused }) =>
      [...databases.values()].flatMap((group) => [...group].filter((watched) => !paused.has(watched))),
    );
    for (const [i, watched] of all.entries()) {
      if (i % pollSlice === pollSlice - 1) await nextTurn();
      if (watched.isOver) continue;
      const isFound = look(watched);
      if (isFound && !watched.isTold && isOld(watched.path)) {
        // On a busy machine what was told may still wait to be heard.
        await nextTurn();
        await nextTurn();
        if (!watched.isTold && !watched.isOver) this.#mute(watched);
      }
      watched.isTold = false;
    }
    this.#isPolling = false;
  }
}

/** Nothing in the folder of a database changed for a moment. */
function isOld(databasePath: string): boolean {
  const ats = [databasePath, `${databasePath}-wal`].map((file) => lookAt(file)?.ctimeMs);
  return ats.every((at) => at === undefined || Math.abs(Date.now() - at) > untoldMs);
}

/** Watches a folder, in place of the one that was at its path before. */
function openWatcher(directory: Directory): void {
  directory.watcher?.close();
  directory.watcher = undefined;
  directory.inode = inodeOf(directory.path);
  const notify = (event: string, name: string | null): void => {
    if (name === null) return;
    const told = toldOf(event, name);
    for (const watched of directory.databases.get(told.database) ?? []) {
      watched.isTold = true;
      watched.onChange(told);
    }
    // The folder itself was moved or removed: that changes every database in it.
    if (event === 'rename' && name === path.basename(directory.path)) pollDirectory(directory);
  };
  clearInterval(directory.poll);
  directory.poll = undefined;
  try {
    const watcher = fs.watch(directory.path, notify);
    // @NOTE A watcher that breaks (folder removed, limits) leaves the poll to notice changes.
    watcher.on('error', () => {
      watcher.close();
      if (directory.watcher !== watcher) return;
      directory.watcher = undefined;
      lookOften(directory);
    });
    directory.watcher = watcher;
  } catch {
    // @NOTE No watcher for this folder: it is looked at instead.
  }
  if (directory.watcher === undefined || directory.isMute) lookOften(directory);
}

/** Nothing is told of a folder. */
function lookOften(directory: Directory): void {
  directory.poll ??= setInterval(() => pollDirectory(directory), blindPollMs);
}

/** What a name in a folder is of. */
function toldOf(event: string, name: string): Told & { readonly database: string } {
  const kind = event === 'rename' ? 'rename' : 'change';
  if (name.endsWith('-wal')) return { file: 'wal', event: kind, database: name.slice(0, -4) };
  if (name.endsWith('-shm')) return { file: 'wal-index', event: kind, database: name.slice(0, -4) };
  if (name.endsWith('-journal')) return { file: 'journal', event: kind, database: name.slice(0, -8) };
  return { file: 'database', event: kind, database: name };
}

/** Looks instead of being told, where there are others to look at. */
function pause(directory: Directory): void {
  clearInterval(directory.poll);
  directory.watcher?.close();
  directory.watcher = undefined;
  const all = [...directory.databases.values()].reduce((sum, group) => sum + group.size, 0);
  directory.poll = all > directory.paused.size ? setInterval(() => pollDirectory(directory), pausedPollMs) : undefined;
}

function resume(directory: Directory): void {
  directory.paused.clear();
  clearInterval(directory.poll);
  directory.poll = undefined;
  openWatcher(directory);
  for (const group of directory.databases.values()) for (const watched of group) watched.onChange(unknown);
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
      if (!paused.has(watched)) look(watched);
    }
  }
}

/** Tells of a database whose files look different than at the last look, or may. True where they do. */
function look(watched: Watched): boolean {
  const before = watched.seen;
  const now = fingerprint(watched.path);
  if (now === before) return false;
  watched.seen = now;
  watched.onChange(unknown);
  // One that was just written to then looks as it did, but for the mark of that.
  return !before.startsWith(`${now} `);
}

/** Nobody told what it was. */
const unknown: Told = { file: 'unknown', event: 'change' };

function inodeOf(folder: string): number | undefined {
  return lookAt(folder)?.ino;
}

/**
 * What the directory says about a database and its WAL. Times tick in steps of some milliseconds, so a change right after
 * the last one may look the same: then the answer is one that the next look differs from.
 */
function fingerprint(databasePath: string): string {
  let newestAt = 0;
  const parts = [databasePath, `${databasePath}-wal`].map((file) => {
    const found = lookAt(file);
    // What cannot be looked at is not there for whoever watches; that it is there again is a change.
    if (found === undefined) return '-';
    newestAt = Math.max(newestAt, found.mtimeMs);
    return `${found.ino}:${found.size}:${found.mtimeMs}`;
  });
  const isFresh = Math.abs(Date.now() - newestAt) < tickMs;
  return isFresh ? `${parts.join(' ')} ${process.hrtime.bigint()}` : parts.join(' ');
}
