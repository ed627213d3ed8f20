// The database of an application, as tests protect it.
import Database from 'better-sqlite3';
import { type AppConnection, openBeside } from './beside.ts';
import { tempFolder, type TempFolder, until } from './temp.ts';

/** An application that has its database open, in a folder that vanishes with it. */
export interface Application<C extends AppConnection = AppConnection> extends Disposable {
  readonly folder: TempFolder;
  readonly file: string;
  readonly app: C;
}

interface OpenOptions {
  /** Whether SQLite may checkpoint at a commit, as it does unless told otherwise. */
  readonly checkpoints?: boolean;
  /** How long it waits for a lock: not at all unless told otherwise, since nothing in this process gets on meanwhile. */
  readonly waitMs?: number;
}

/** A new database in WAL mode in a new folder, open in a process of its own. Dispose it at the end of the test. */
export function openApplication(schema: string, options: OpenOptions = {}): Application {
  return makeApplication(schema, options, openDatabase);
}

/** The same in this process: for what asks SQLite only, since the locks of a process are one. */
export function openApplicationHere(schema: string, options: OpenOptions = {}): Application<Database.Database> {
  return makeApplication(schema, options, openDatabaseHere);
}

function makeApplication<C extends AppConnection>(
  schema: string,
  options: OpenOptions,
  open: (file: string, schema: string, options: OpenOptions) => C,
): Application<C> {
  const folder = tempFolder();
  const file = folder.at('shop.db');
  const app = open(file, schema, options);
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

/** A database in WAL mode, open in a process of its own. */
export function openDatabase(file: string, schema: string, options: OpenOptions = {}): AppConnection {
  return prepared(openBeside(file, options), schema, options);
}

/** The same in this process. */
export function openDatabaseHere(file: string, schema: string, options: OpenOptions = {}): Database.Database {
  return prepared(new Database(file, { timeout: options.waitMs ?? 0 }), schema, options);
}

function prepared<C extends AppConnection>(app: C, schema: string, { checkpoints = true }: OpenOptions): C {
  app.pragma('journal_mode = wal');
  if (!checkpoints) app.pragma('wal_autocheckpoint = 0');
  app.exec(schema);
  return app;
}

/** Has it done, again and again while the engine of this process holds a lock: it gets on between two tries. */
export async function doPatiently(app: AppConnection, sql: string): Promise<void> {
  await until(sql.slice(0, 40), () => {
    try {
      app.exec(sql);
      return true;
    } catch (error) {
      if (!(error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY'))) throw error;
      return false;
    }
  });
}

/** Makes a database in WAL mode. */
export function makeDatabase(file: string, schema: string): void {
  openDatabaseHere(file, schema).close();
}
