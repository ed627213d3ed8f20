// SQLite's own check of a restored file, in a process of its own (check-process.ts) that ends at once when it is not wanted any more.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { reasonOf } from '../../../shared/errors.ts';

export interface CheckOrder {
  readonly path: string;
  /** `integrity_check` instead of `quick_check`. */
  readonly isFull: boolean;
}

export type CheckResult =
  | { readonly kind: 'ok' }
  /** What SQLite says of it; `isOfApplication`: only that values are not as the schema wants them, which says nothing of the pages. */
  | { readonly kind: 'findings'; readonly findings: readonly string[]; readonly isOfApplication: boolean }
  /** SQLite cannot check it here; says nothing about the file. */
  | { readonly kind: 'unable'; readonly reason: string };

/** The same as the process answers it: the check itself may fail. */
export type CheckAnswer = CheckResult | { readonly kind: 'failed'; readonly reason: string };

/** A process that has nothing to do is kept this long: starting one takes longer than checking a small database. */
const keepMs = 10_000;

let idle: { readonly checker: ChildProcess; readonly ends: NodeJS.Timeout } | undefined;

/** Checks a database file. On abort the check ends at once, wherever SQLite is. */
export async function checkDatabase(
  order: CheckOrder,
  options: { readonly signal: AbortSignal },
): Promise<CheckResult> {
  const { signal } = options;
  signal.throwIfAborted();
  const checker = takeChecker();
  if (checker.pid === undefined) return { kind: 'unable', reason: await whyUnstarted(checker) };
  const { promise, resolve, reject } = Promise.withResolvers<CheckAnswer>();
  const onAbort = (): void => kill(checker);
  const onExit = (code: number | null, by: string | null): void =>
    reject(new Error(`the checking process ended with ${by ?? String(code)}`));
  checker.once('message', (answer) => resolve(answer as CheckAnswer));
  checker.once('exit', onExit);
  checker.once('error', reject);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    checker.ref();
    checker.channel?.ref();
    checker.send(order, (error) => error !== null && reject(error));
    const answer = await promise;
    if (answer.kind === 'failed') throw new Error(answer.reason);
    return answer;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
    checker.off('exit', onExit).off('error', reject).removeAllListeners('message');
    if (signal.aborted || !checker.connected) kill(checker);
    else keepChecker(checker);
  }
}

function takeChecker(): ChildProcess {
  if (idle === undefined) return startChecker();
  const { checker, ends } = idle;
  clearTimeout(ends);
  idle = undefined;
  return checker.connected ? checker : startChecker();
}

function startChecker(): ChildProcess {
  const checker = fork(processPath(import.meta.url), {
    execArgv: [],
    // Electron's own program is Node when it is told so.
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  // @NOTE Whoever waits hears of it by a listener of its own; one that fails when nobody waits any more, or twice, is not missed.
  checker.on('error', () => {});
  return checker;
}

function keepChecker(checker: ChildProcess): void {
  if (idle !== undefined) {
    kill(checker);
    return;
  }
  // It must not keep a thread or process alive that is otherwise done.
  checker.unref();
  checker.channel?.unref();
  const ends = setTimeout(() => {
    idle = undefined;
    kill(checker);
  }, keepMs);
  ends.unref();
  idle = { checker, ends };
}

/** The entry beside this file in the sources; where it is bundled, at the same place below the engine's folder. */
function processPath(here: string): string {
  if (here.endsWith('.ts')) return fileURLToPath(new URL('./check-process.ts', here));
  return fileURLToPath(here.replace(/\/(?:engine|chunks)\/[^/]+$/, '/engine/restore/check-process.js'));
}

/** One that could not be started for lack of files has the number 0, by which its signal would reach all of the caller's own group. */
function kill(checker: ChildProcess): void {
  if (checker.pid !== undefined) checker.kill('SIGKILL');
}

/** Nothing tells of a process that could not be started but its error. */
async function whyUnstarted(checker: ChildProcess): Promise<string> {
  return await new Promise((resolve) => checker.once('error', (error) => resolve(reasonOf(error))));
}
