// Tidemark's command line as a user runs it: a process of its own, from source.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { type Started, startProcess } from './processes.ts';

/** Where the command line begins. */
export const commandEntry = path.resolve(import.meta.dirname, '../../electron/cli.ts');

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. */
export async function runCommand(
  args: readonly string[],
  options: {
    readonly cwd?: string;
    readonly nodeArgs?: readonly string[];
    readonly env?: Readonly<Record<string, string | undefined>>;
  } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [...(options.nodeArgs ?? []), commandEntry, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  await once(child, 'close');
  return { code: child.exitCode, stdout, stderr };
}

/** Starts a command that runs until it is told to end. */
export function startCommand(
  args: readonly string[],
  { nodeArgs = [], env }: { readonly nodeArgs?: readonly string[]; readonly env?: NodeJS.ProcessEnv } = {},
): Started {
  const own = ['--no-warnings', ...nodeArgs, commandEntry, ...args];
  return startProcess(process.execPath, own, env === undefined ? {} : { env });
}
