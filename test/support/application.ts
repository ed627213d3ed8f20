// The database of an application, as tests protect it.
import Database from 'better-sqlite3';
import { tempFolder, type TempFolder } from './temp.ts';

/** An application that has its database open, in a folder that vanishes with it. */
export interface Application extends Disposable {
  readonly folder: TempFolder;
  readonly file: string;
  readonly app: Database.Database;
}

interface OpenOptions {
  /** Whether SQLite may checkpoint at a commit, as it does unless told otherwise. */
  readonly checkpoints?: boolean;
  /** How long it waits for a lock: not at all unless told otherwise, since nothing in this process gets on meanwhile. */
  readonly waitMs?: number;
}

/** A new database in WAL mode in a new folder. Dispose it at the end of the test. */
export function openApplication(schema: string, options: OpenOptions = {}): Application {
  const folder = tempFolder();
  const file = folder.at('shop.db');
  const app = openDatabase(file, schema, options);
  return {
    folder,
    file,
    app,
    [Symbol.dispose]: () => {
      app.close();
      folder[Symbol.dispose]();
    },
  };
}

/** A database in WAL mode, open. */
export function openDatabase(
  file: string,
  schema: string,
  { checkpoints = true, waitMs = 0 }: OpenOptions = {},
): Database.Database {
  const app = new Database(file, { timeout: waitMs });
  app.pragma('journal_mode = wal');
  if (!checkpoints) app.pragma('wal_autocheckpoint = 0');
  app.exec(schema);
  return app;
}

/** Makes a database in WAL mode. */
export function makeDatabase(file: string, schema: string): void {
  openDatabase(file, schema).close();
}
