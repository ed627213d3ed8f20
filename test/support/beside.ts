// An application's SQLite connection in a process of its own, used as if it were in this one: each call returns when the other
// process has done it. Locks belong to processes: beside an engine, an application in the same process would share its locks.
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads';
import path from 'node:path';
import Database from 'better-sqlite3';

/** What tests use of a connection; one of this process is one, too. */
export interface AppConnection {
  exec(sql: string): unknown;
  pragma(sql: string, options?: { readonly simple?: boolean }): unknown;
  prepare(sql: string): AppStatement;
  close(): unknown;
}

export interface AppStatement {
  run(...values: readonly unknown[]): { readonly lastInsertRowid: number | bigint };
  get(...values: readonly unknown[]): unknown;
  all(...values: readonly unknown[]): unknown[];
  pluck(): AppStatement;
  raw(): AppStatement;
}

/** A call that the other process carries out (beside-app.ts). */
export type AppCall =
  | { readonly verb: 'open'; readonly file: string; readonly waitMs: number }
  | { readonly verb: 'exec'; readonly sql: string }
  | { readonly verb: 'pragma'; readonly sql: string; readonly isSimple: boolean }
  | {
      readonly verb: 'run' | 'get' | 'all';
      readonly sql: string;
      readonly values: readonly unknown[];
      readonly isPlucked: boolean;
      readonly isRaw: boolean;
    }
  | { readonly verb: 'close' };

export type AppAnswer =
  { readonly value: unknown } | { readonly error: { readonly message: string; readonly code: string | undefined } };

const answeredWithinMs = 60_000;

/** Opens a database in a new process, which ends with `close`. */
export function openBeside(file: string, { waitMs = 0 }: { readonly waitMs?: number } = {}): AppConnection {
  const { port1: port, port2: theirs } = new MessageChannel();
  const answered = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(path.join(import.meta.dirname, 'beside-worker.ts'), {
    workerData: { port: theirs, answered },
    transferList: [theirs],
    execArgv: ['--no-warnings'],
  });
  worker.unref();
  let isOpen = true;
  const call = (what: AppCall): unknown => {
    if (!isOpen) throw new TypeError('The database connection is not open');
    Atomics.store(answered, 0, 0);
    port.postMessage(what);
    Atomics.wait(answered, 0, 0, answeredWithinMs);
    const answer = receiveMessageOnPort(port)?.message as AppAnswer | undefined;
    if (answer === undefined) throw new Error(`the application does not answer: ${what.verb}`);
    if ('value' in answer) return answer.value;
    const { message, code } = answer.error;
    throw code === undefined ? new Error(message) : new Database.SqliteError(message, code);
  };
  const statement = (sql: string, isPlucked: boolean, isRaw: boolean): AppStatement => {
    const ask = (verb: 'run' | 'get' | 'all', values: readonly unknown[]) =>
      call({ verb, sql, values, isPlucked, isRaw });
    return {
      run: (...values) => ask('run', values) as ReturnType<AppStatement['run']>,
      get: (...values) => ask('get', values),
      all: (...values) => ask('all', values) as unknown[],
      pluck: () => statement(sql, true, isRaw),
      raw: () => statement(sql, isPlucked, true),
    };
  };
  call({ verb: 'open', file, waitMs });
  return {
    exec: (sql) => call({ verb: 'exec', sql }),
    pragma: (sql, { simple = false } = {}) => call({ verb: 'pragma', sql, isSimple: simple }),
    prepare: (sql) => statement(sql, false, false),
    close: () => {
      if (!isOpen) return;
      call({ verb: 'close' });
      isOpen = false;
      port.close();
    },
  };
}
