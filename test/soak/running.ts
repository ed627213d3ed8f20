// Processes that a run of the soak starts: engines and writers, each in a group of its own with its output in a file; and what
// an engine said last of the databases that it protects.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import type { Saying } from './said.ts';

export interface Running {
  readonly child: ChildProcess;
  readonly output: () => string;
}

/** Starts a file with Node. */
export function start(
  args: readonly string[],
  options: {
    readonly output: string;
    readonly env?: NodeJS.ProcessEnv;
    /** Whether `child.stdin` can be written to. */
    readonly isTold?: boolean;
    /** Somebody else than the user of this process, who must be root then. */
    readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  },
): Running {
  const fd = fs.openSync(options.output, 'a');
  const from = fs.fstatSync(fd).size;
  // A group of its own, so that a kill reaches the programs that it drives.
  const child = spawn(process.execPath, ['--no-warnings', ...args], {
    detached: true,
    stdio: [options.isTold === true ? 'pipe' : 'ignore', fd, fd],
    env: { ...process.env, ...options.env },
    ...options.user,
  });
  fs.closeSync(fd);
  return { child, output: () => fs.readFileSync(options.output).subarray(from).toString() };
}

export function flags(values: Readonly<Record<string, string | number>>): readonly string[] {
  return Object.entries(values).flatMap(([name, value]) => [`--${name}`, String(value)]);
}

export async function end({ child }: Running, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (!isRunning(child)) return;
  const ended = once(child, 'exit');
  if (signal === 'SIGKILL') process.kill(-child.pid, signal);
  else child.kill(signal);
  await ended;
}

/** Ends everything at once, with the programs that it drives. */
export function killAll(all: readonly Running[]): void {
  for (const { child } of all) if (isRunning(child)) process.kill(-child.pid, 'SIGKILL');
}

function isRunning(child: ChildProcess): child is ChildProcess & { readonly pid: number } {
  return child.exitCode === null && child.signalCode === null && child.pid !== undefined;
}

/** How a database stands: its kind, the code of its problem, what waits in bytes, its path. */
export type Stands = readonly [kind: string, code: string, lag: number, path: string];

/** What an engine said last; empty before it said anything. */
export function states(engine: Running): readonly Stands[] {
  const line = engine
    .output()
    .split('\n')
    .slice(0, -1)
    .findLast((candidate) => candidate.startsWith('state '));
  return line === undefined ? [] : (JSON.parse(line.slice(6, line.lastIndexOf(' at '))) as readonly Stands[]);
}

/** Each time that an engine called a database protected, until it said something else, or ended. */
export function sayingsOf(engine: Running, { file, endedAt }: { readonly file: string; readonly endedAt: number }) {
  const lines = engine
    .output()
    .split('\n')
    .slice(0, -1)
    .filter((line) => line.startsWith('state '))
    .map((line) => {
      const at = line.lastIndexOf(' at ');
      return { at: Number(line.slice(at + 4)), stands: JSON.parse(line.slice(6, at)) as readonly Stands[] };
    });
  return lines.flatMap(({ at, stands }, i): readonly Saying[] => {
    const [kind, , lag] = stands.find(([, , , of]) => of === file) ?? [];
    if (kind !== 'protected') return [];
    const to = lines[i + 1]?.at ?? endedAt;
    return [{ by: 'a state', of: file, from: at, to, claim: { kind, isCaughtUp: lag === 0 } }];
  });
}

export function isProtecting(engine: Running): boolean {
  const found = states(engine);
  return (
    found.length > 0 &&
    engine.output().includes('declared') &&
    found.every(([kind]) => ['protected', 'held', 'catching-up', 'snapshotting'].includes(kind))
  );
}

export function isSettled(engine: Running): boolean {
  return isProtecting(engine) && states(engine).every(([, , lag]) => lag === 0);
}
