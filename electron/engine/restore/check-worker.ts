// Lets SQLite check a restored file, in a thread of the checking process: its main thread has to hear that nobody waits any more.
// Opens the file read-only and writes nothing into it.
import { parentPort } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { must } from '../../../shared/assert.ts';
import { reasonOf } from '../../../shared/errors.ts';
import type { CheckAnswer, CheckOrder } from './check.ts';

const port = must(parentPort, 'this file is a worker’s entry');
port.on('message', (order: CheckOrder) => port.postMessage(check(order)));

/** What SQLite finds, at the most. */
const mostFindings = 20;
/** What it finds that says nothing of the pages: values that the schema does not allow, put there while it did, or unchecked. */
const ofApplication = /^(?:NULL value in|CHECK constraint failed in|(?:NUMERIC|TEXT|non-\w+) value in) /;

function check({ path, isFull }: CheckOrder): CheckAnswer {
  try {
    const database = new Database(path, { readonly: true, fileMustExist: true });
    try {
      const pragma = `${isFull ? 'integrity_check' : 'quick_check'}(${mostFindings})`;
      const lines = database.pragma(pragma) as Record<string, string>[];
      const findings = lines
        .flatMap((line) => Object.values(line))
        .flatMap((text) => text.split('\n'))
        .filter((text) => text !== 'ok');
      if (findings.length === 0) return { kind: 'ok' };
      return { kind: 'findings', findings, isOfApplication: findings.every((text) => ofApplication.test(text)) };
    } finally {
      database.close();
    }
  } catch (error) {
    const code = error instanceof Database.SqliteError ? error.code : '';
    const reason = reasonOf(error);
    if (/^SQLITE_(CORRUPT|NOTADB|FORMAT)/.test(code)) {
      return { kind: 'findings', findings: [reason], isOfApplication: false };
    }
    // A schema may need functions or collations that only its application has.
    return code === 'SQLITE_CANTOPEN' ? { kind: 'failed', reason } : { kind: 'unable', reason };
  }
}
