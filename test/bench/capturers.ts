// The two programs under comparison, each as its users run it: a process of its own, fed by a configuration in YAML.
// Starting waits until the first image of the database lies in the folder; stopping is the orderly stop of both.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export interface Capturer {
  readonly name: string;
  /** Lines of YAML for the one replica. */
  readonly replicaSettings: readonly string[];
  /** Lines of YAML for the database. */
  readonly databaseSettings: readonly string[];
  /** The program and the words before its command. */
  readonly program: readonly [string, ...string[]];
  /** Words behind `replicate -config <file>`. */
  readonly words: (folder: string) => readonly string[];
  /** True where the program starts another one: that one is asked to stop, and weighed. */
  readonly isWrapper?: boolean;
}

export interface Running extends AsyncDisposable {
  readonly replica: string;
  readonly pid: number;
  /** Throws where the program has ended by itself. */
  readonly assertAlive: () => void;
  /** Asks for the orderly stop and waits for it. */
  stop(): Promise<void>;
}

/** An orderly stop ships what is captured; longer than this it is stuck. */
const stopLimitMs = 60_000;
/** A first image, or a restore, that takes longer than this never comes. */
const patienceMs = 300_000;
const running = new Set<ChildProcess>();
const commandLine = resolve(import.meta.dirname, '../../dist/electron/cli.js');

/** Tidemark's command line, as built. */
export function tidemark(name = 'Tidemark', replicaSettings: readonly string[] = []): Capturer {
  return {
    name,
    replicaSettings,
    databaseSettings: [],
    program: [process.execPath, commandLine],
    words: (folder) => ['--data-dir', join(folder, 'state')],
  };
}

/** Tidemark in a PID namespace of its own, where it cannot see whose locks are whose; undefined where that is not permitted. */
export function tidemarkApart(name: string): Capturer | undefined {
  const [unshare, ...words] = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'] as const;
  if (process.platform !== 'linux' || spawnSync(unshare, [...words, 'true']).status !== 0) return undefined;
  const inside = tidemark(name);
  return { ...inside, program: [unshare, ...words, ...inside.program], isWrapper: true };
}

/** The real litestream. */
export function litestream(
  executable: string,
  name = 'Litestream',
  settings: { readonly database?: readonly string[]; readonly replica?: readonly string[] } = {},
): Capturer {
  return {
    name,
    replicaSettings: settings.replica ?? [],
    databaseSettings: settings.database ?? [],
    program: [executable],
    words: () => [],
  };
}

/** Starts capturing one database, or several, into a folder below `folder`. */
export async function startCapturing(
  capturer: Capturer,
  database: string | readonly string[],
  folder: string,
): Promise<Running> {
  const databases = typeof database === 'string' ? [database] : database;
  const replica = join(folder, 'replica');
  const config = join(folder, 'config.yml');
  const lines = [
    'dbs:',
    ...databases.flatMap((path, i) => [
      `  - path: ${path}`,
      ...capturer.databaseSettings.map((line) => `    ${line}`),
      '    replicas:',
      '      - type: file',
      `        path: ${typeof database === 'string' ? replica : join(replica, String(i))}`,
      ...capturer.replicaSettings.map((line) => `        ${line}`),
    ]),
    '',
  ];
  writeFileSync(config, lines.join('\n'));
  const [program, ...before] = capturer.program;
  const child = spawn(program, [...before, 'replicate', '-config', config, ...capturer.words(folder)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  let output = '';
  const collect = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-4000);
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  const givesUpAt = performance.now() + patienceMs;
  while (countSnapshots(replica) < databases.length) {
    if (performance.now() > givesUpAt) child.kill('SIGKILL');
    if (hasEnded(child)) throw new Error(`${capturer.name} ended before it had begun:\n${output}`);
    await delay(databases.length === 1 ? 10 : 500);
  }
  const pid = capturer.isWrapper === true ? onlyChildOf(child.pid ?? 0) : (child.pid ?? 0);
  const assertAlive = (): void => {
    if (hasEnded(child)) throw new Error(`${capturer.name} ended by itself:\n${output}`);
  };
  return { replica, pid, assertAlive, stop: () => stop(child, pid), [Symbol.asyncDispose]: () => stop(child, pid) };
}

/** Restores the newest moment with either program; resolves with the milliseconds from start to end of the process. */
export async function timeRestore(capturer: Capturer, replica: string, output: string): Promise<number> {
  const [program, ...before] = capturer.program;
  const begunAt = performance.now();
  const child = spawn(program, [...before, 'restore', '-o', output, `file://${replica}`], {
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: patienceMs,
  });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaint += chunk.toString();
  });
  await once(child, 'close');
  if (child.exitCode !== 0) throw new Error(`${capturer.name} could not restore ${replica}:\n${complaint}`);
  return performance.now() - begunAt;
}

/** Ends every program that still runs, at once: for an interrupted benchmark. */
export function killAll(): void {
  for (const child of running) child.kill('SIGKILL');
}

async function stop(child: ChildProcess, pid: number): Promise<void> {
  if (hasEnded(child)) return;
  process.kill(pid, 'SIGINT');
  let isLate = false;
  const limit = setTimeout(() => {
    isLate = true;
    child.kill('SIGKILL');
  }, stopLimitMs);
  await once(child, 'exit');
  clearTimeout(limit);
  if (isLate) throw new Error(`${child.spawnfile} did not stop in order within ${String(stopLimitMs / 1000)} s`);
}

function onlyChildOf(pid: number): number {
  return Number(readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8'));
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function countSnapshots(replica: string): number {
  if (!existsSync(replica)) return 0;
  return readdirSync(replica, { recursive: true }).filter((name) => String(name).endsWith('.snapshot.lz4')).length;
}
