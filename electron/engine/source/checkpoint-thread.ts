// Opens databases and runs SQLite's checkpoints, PASSIVE but for one case, in a thread of its own: copying and fsync take
// their time, and so does the recovery of a large WAL; the engine's thread must not wait for them. One connection per database. It is the
// same process and the same SQLite library as the pins', so they share their locks. The client is checkpointer.ts.
import { parentPort } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { must } from '../../../shared/assert.ts';
import { AppError, codeOf, toErrorData } from '../../../shared/errors.ts';
import type { WalCounts, ThreadAnswer, ThreadOrder } from './checkpointer.ts';
import { classifySourceError } from './source-errors.ts';

type CheckpointRow = readonly [number, number, number];

interface Opened {
  readonly path: string;
  readonly connection: Database.Database;
  readonly passive: Database.Statement<[], CheckpointRow>;
}

/** How long SQLite retries while the database is opened; checkpoints themselves never wait. */
const busyTimeoutMs = 20;

const port = must(parentPort, 'this file is a worker’s entry');
const open = new Map<number, Opened>();

port.on('message', (order: ThreadOrder) => port.postMessage(answer(order)));

function answer(order: ThreadOrder): ThreadAnswer {
  try {
    switch (order.kind) {
      case 'open':
        open.set(order.database, openDatabase(order.path));
        return { id: order.id, kind: 'done' };
      case 'checkpoint':
        port.postMessage({ id: order.id, kind: 'begun' } satisfies ThreadAnswer);
        return { id: order.id, kind: 'counts', counts: checkpoint(must(open.get(order.database), 'it is open')) };
      case 'empty':
        return { id: order.id, kind: 'counts', counts: empty(must(open.get(order.database), 'it is open')) };
      case 'close':
        open.get(order.database)?.connection.close();
        open.delete(order.database);
        return { id: order.id, kind: 'done' };
    }
  } catch (error) {
    const path = order.kind === 'open' ? order.path : (open.get(order.database)?.path ?? '');
    return { id: order.id, kind: 'failed', error: toErrorData(classifySourceError(error, path)) };
  }
}

function openDatabase(path: string): Opened {
  const connection = new Database(path, { timeout: busyTimeoutMs, fileMustExist: true });
  try {
    connection.pragma('wal_autocheckpoint = 0');
    const mode = String(connection.pragma('journal_mode', { simple: true }));
    if (mode !== 'wal') throw new AppError('database-not-wal', { path, mode });
    // The first read makes SQLite open (or recover) the WAL before a read-only connection needs its shared memory.
    connection.prepare('SELECT count(*) FROM sqlite_schema').get();
    const passive = connection.prepare<[], CheckpointRow>('PRAGMA wal_checkpoint(PASSIVE)').raw();
    return { path, connection, passive };
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Undefined counts: somebody else is at work at this moment, who is not waited for. */
function empty({ connection }: Opened): WalCounts | undefined {
  connection.pragma('busy_timeout = 0');
  try {
    const truncate = connection.prepare<[], CheckpointRow>('PRAGMA wal_checkpoint(TRUNCATE)').raw();
    return countsOf(truncate);
  } finally {
    connection.pragma(`busy_timeout = ${busyTimeoutMs}`);
  }
}

/** Undefined counts: somebody else is checkpointing at this moment. */
function checkpoint({ passive }: Opened): WalCounts | undefined {
  return countsOf(passive);
}

function countsOf(statement: Database.Statement<[], CheckpointRow>): WalCounts | undefined {
  try {
    const [, frames, backfilled] = statement.get() ?? [0, -1, -1];
    return frames < 0 ? undefined : { frames, backfilled };
  } catch (error) {
    if (/^SQLITE_(BUSY|LOCKED)/.test(codeOf(error))) return undefined;
    throw error;
  }
}
