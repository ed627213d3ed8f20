// Short programs that a test asks something of its desktop, run as the user whose desktop it is.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Runs the command line that follows as the user who has the desktop. */
export const asUser = join(import.meta.dirname, 'as-user');

/** Takes Electron's command line for the runtime that TIDEMARK_TEST_RUNTIME names, and runs it as that user. */
export const electronAsUser = join(import.meta.dirname, 'electron-as-user');

/** Resolves with what a program printed; rejects where it fails. */
export async function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const { stdout } = await promisify(execFile)(asUser, [program, ...args], { env, timeout: 20_000 });
  return stdout;
}
