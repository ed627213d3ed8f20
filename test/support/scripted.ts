// Applications in processes of their own that do what a test tells them, on this Node or on Python's SQLite. What is told in
// one go is done without any pause: as an application that closes its database, replaces it and opens it again.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { must } from '../../shared/assert.ts';
import { type StartOptions, startProcess, startScript } from './processes.ts';

/** What can be told. `copy` writes over the file that is there; `try` answers with the error instead of ending. */
export type Step =
  | readonly ['open', file: string, waitMs: number]
  | readonly ['run' | 'try' | 'ask', sql: string]
  | readonly ['close']
  | readonly ['sleep', ms: number]
  | readonly ['copy' | 'move' | 'insist', from: string, to: string]
  | readonly ['remove' | 'touch' | 'hash' | 'hold' | 'list', file: string]
  | readonly ['release']
  | readonly ['chmod', file: string, mode: number];

export type AppKind = 'node' | 'python';

export interface ScriptedApp extends AsyncDisposable {
  /** Does all of it back to back, and answers each step; rejects with the first error. */
  readonly does: (...steps: readonly Step[]) => Promise<readonly unknown[]>;
  /** Does all of it, and gives what the last step answered. */
  readonly asks: (...steps: readonly Step[]) => Promise<unknown>;
}

/** Kinds of applications that can be started here. */
export const appKinds: readonly AppKind[] =
  spawnSync('python3', ['-c', 'import sqlite3']).status === 0 ? ['node', 'python'] : ['node'];

/** Starts an application that waits to be told something. */
export function startScripted(kind: AppKind, user?: StartOptions['user']): ScriptedApp {
  const options = { isTold: true, ...(user === undefined ? {} : { user }) };
  const started =
    kind === 'node'
      ? startScript('scripted-app.ts', [], options)
      : startProcess('python3', [path.join(import.meta.dirname, 'scripted-app.py')], options);
  const { stdin, stdout } = started.child;
  const waiting: ((line: string | undefined) => void)[] = [];
  createInterface({ input: must(stdout, 'it is piped') }).on('line', (line) => waiting.shift()?.(line));
  void started.ended.then(() => waiting.splice(0).forEach((tell) => tell(undefined)));
  const does: ScriptedApp['does'] = async (...steps) => {
    const line = await new Promise<string | undefined>((tell) => {
      waiting.push(tell);
      must(stdin, 'it is piped').write(`${JSON.stringify(steps)}\n`);
    });
    if (line === undefined) throw new Error(`the application ended: ${started.output().slice(-1000)}`);
    const { answers, error } = JSON.parse(line) as { answers?: readonly unknown[]; error?: string };
    if (answers === undefined) throw new Error(`the application fails: ${error}`);
    return answers;
  };
  return {
    does,
    asks: async (...steps) => (await does(...steps)).at(-1),
    [Symbol.asyncDispose]: () => started[Symbol.asyncDispose](),
  };
}
