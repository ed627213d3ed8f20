// The application's process: does what a test asks of its connection, call by call (beside.ts). Ends with the test.
import Database from 'better-sqlite3';
import type { AppAnswer, AppCall } from './beside.ts';

/**
 * How long a statement waits for a lock at least: the engine's checkpoint thread has one for moments, and gets on while the test
 * waits. Pragmas wait as told: an application's checkpoint would wait for pins, which do not move meanwhile.
 */
const leastWaitMs = 500;

let connection: Database.Database | undefined;
let waitMs = 0;

function opened(): Database.Database {
  if (connection === undefined) throw new Error('no database is open');
  return connection;
}

function carryOut(call: AppCall): unknown {
  switch (call.verb) {
    case 'open':
      waitMs = call.waitMs;
      connection = new Database(call.file, { timeout: Math.max(waitMs, leastWaitMs) });
      return undefined;
    case 'exec':
      opened().exec(call.sql);
      return undefined;
    case 'pragma':
      opened().pragma(`busy_timeout = ${waitMs}`);
      try {
        return opened().pragma(call.sql, { simple: call.isSimple });
      } finally {
        opened().pragma(`busy_timeout = ${Math.max(waitMs, leastWaitMs)}`);
      }
    case 'close':
      return void opened().close();
    default: {
      const { sql, verb, values, isPlucked, isRaw } = call;
      const statement = opened().prepare(sql);
      if (isPlucked) statement.pluck();
      if (isRaw) statement.raw();
      return verb === 'run' ? statement.run(values) : verb === 'get' ? statement.get(values) : statement.all(values);
    }
  }
}

function answerTo(call: AppCall): AppAnswer {
  try {
    return { value: carryOut(call) };
  } catch (error) {
    const code = error instanceof Database.SqliteError ? error.code : undefined;
    return { error: { message: error instanceof Error ? error.message : String(error), code } };
  }
}

process.on('message', (call) => process.send?.(answerTo(call as AppCall)));
process.on('disconnect', () => process.exit());
