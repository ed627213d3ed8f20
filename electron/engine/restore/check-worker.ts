// Lets SQLite check a restored file, in a thread of its own: the check of a large database takes minutes and cannot be
// interrupted, and the engine's thread must not wait for it. Opens the file read-only and writes nothing into it.
import { parentPort } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { must } from '../../../shared/assert.ts';
import { reasonOf } from '../../../shared/errors.ts';
import type { CheckOrder, CheckResult } from './check.ts';

const port = must(parentPort, 'this file is a worker’s entry');
port.on('message', (order: CheckOrder) => port.postMessage(check(order)));

function check({ path, isFull }: CheckOrder): CheckResult {
  const database = new Database(path, { readonly: true, fileMustExist: true });
  try {
    const lines = database.pragma(isFull ? 'integrity_check(5)' : 'quick_check(5)') as Record<string, string>[];
    const problems = lines.flatMap((line) => Object.values(line)).filter((text) => text !== 'ok');
    return problems.length === 0 ? { kind: 'ok' } : { kind: 'damaged', reason: problems.join('; ') };
  } catch (error) {
    const code = error instanceof Database.SqliteError ? error.code : '';
    // A schema may need functions or collations that only its application has.
    const isDamage = /^SQLITE_(CORRUPT|NOTADB|FORMAT)/.test(code);
    return { kind: isDamage ? 'damaged' : 'unable', reason: reasonOf(error) };
  } finally {
    database.close();
  }
}
