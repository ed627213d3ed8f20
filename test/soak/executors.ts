// Runs SQL as different applications do: through better-sqlite3 in this process, through the `sqlite3` command line, and
// through Python's `sqlite3` module, each linked against a SQLite of its own.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import Database from 'better-sqlite3';

/** Which application an actor is. */
export type Application = 'better-sqlite3' | 'sqlite3' | 'python3';

export interface Executor extends AsyncDisposable {
  /** Runs one statement; throws {@link SqlError}. */
  exec(sql: string): Promise<void>;
}

/** What SQLite refused. */
export class SqlError extends Error {
  override readonly name = 'SqlError';
  /** Somebody else holds a lock: nothing is wrong. */
  get isBusy(): boolean {
    return /locked|busy/i.test(this.message);
  }
}

/** The SQLite version that an application is linked against; undefined where it is not installed. */
export function versionOf(application: Application): string | undefined {
  try {
    switch (application) {
      case 'better-sqlite3': {
        const database = new Database(':memory:');
        const version = String(database.prepare('SELECT sqlite_version()').pluck().get());
        database.close();
        return version;
      }
      case 'sqlite3':
        return execFileSync('sqlite3', ['--version'], { encoding: 'utf8' }).split(' ')[0];
      case 'python3':
        return execFileSync('python3', ['-c', 'import sqlite3; print(sqlite3.sqlite_version)'], {
          encoding: 'utf8',
        }).trim();
    }
  } catch {
    // @NOTE Not installed: the caller says that it goes without.
    return undefined;
  }
}

/** Opens a database as one of the applications. */
export function openExecutor(application: Application, file: string): Executor {
  switch (application) {
    case 'better-sqlite3':
      return openInProcess(file);
    case 'sqlite3':
      return openPiped(spawn('sh', ['-c', 'exec sqlite3 -interactive -batch "$0" 2>&1', file], { stdio: 'pipe' }), {
        request: (sql, n) => `${sql};\n.print done-${n}\n`,
        failed: (lines) => lines.some((line) => /error|locked|busy/i.test(line)),
      });
    case 'python3':
      return openPiped(spawn('python3', ['-u', '-c', pythonProgram, file], { stdio: 'pipe' }), {
        request: (sql, n) => `${JSON.stringify([sql, `done-${n}`])}\n`,
        failed: (lines) => lines.length > 0,
      });
  }
}

const pythonProgram = `
import json, sqlite3, sys
con = sqlite3.connect(sys.argv[1], isolation_level=None)
while True:
    line = sys.stdin.readline()
    if not line: break
    sql, done = json.loads(line)
    try:
        con.execute(sql).fetchall()
    except Exception as error:
        print('Error:', error)
    print(done)
`;

function openInProcess(file: string): Executor {
  const database = new Database(file);
  return {
    exec: async (sql) => {
      try {
        database.exec(sql);
      } catch (error) {
        throw new SqlError(error instanceof Error ? error.message : String(error), { cause: error });
      }
      await Promise.resolve();
    },
    [Symbol.asyncDispose]: async () => {
      database.close();
      await Promise.resolve();
    },
  };
}

/** A program that is asked a line at a time and answers with what it has to say and a mark. */
function openPiped(
  child: ChildProcess,
  {
    request,
    failed,
  }: { readonly request: (sql: string, n: number) => string; readonly failed: (lines: readonly string[]) => boolean },
): Executor {
  let n = 0;
  let output = '';
  let onOutput = () => {};
  let hasEnded = false;
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => {
      hasEnded = true;
      onOutput();
      resolve();
    });
  });
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    onOutput();
  });
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  // @NOTE A program that ended is told by its close, not by the broken pipe.
  child.stdin?.on('error', () => {});
  return {
    exec: async (sql) => {
      const mark = `done-${++n}\n`;
      output = '';
      child.stdin?.write(request(sql, n));
      await new Promise<void>((resolve) => {
        onOutput = () => {
          if (output.endsWith(mark) || hasEnded) resolve();
        };
        onOutput();
      });
      const lines = output
        .slice(0, -mark.length)
        .split('\n')
        .filter((line) => line !== '');
      if (hasEnded) throw new SqlError(`the program ended: ${output}`);
      // What a pragma answers is no failure.
      if (failed(lines)) throw new SqlError(lines.join(' '));
    },
    [Symbol.asyncDispose]: async () => {
      child.stdin?.end();
      await ended;
    },
  };
}
