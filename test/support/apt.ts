// Debian's packages for tests, where this user may install some. One after the other, since apt lets nobody else in; its lists are
// fetched once.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);
const limits = { timeout: 10 * 60_000, maxBuffer: 64 << 20 };
/** Another apt may be at work, and ends. */
const patience = ['-qq', '-o', 'DPkg::Lock::Timeout=300'];

let lists: Promise<unknown> | undefined;
let turn: Promise<unknown> = Promise.resolve();

/** Whether there is an apt that would install for this user. */
export const mayUseApt = process.platform === 'linux' && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');

/** Installs some; answers why that did not work, or undefined. */
export async function installWithApt(packages: readonly string[]): Promise<string | undefined> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = async (...args: readonly string[]) => await run('apt-get', [...patience, ...args], { ...limits, env });
  const install = async (): Promise<string | undefined> => {
    try {
      // Lists that cannot be fetched anew may do as they are.
      lists ??= apt('update').catch(() => undefined);
      await lists;
      await apt('install', '-y', '--no-install-recommends', ...packages);
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message.split('\n').slice(0, 2).join(' ') : String(error);
    }
  };
  const mine = turn.then(install);
  turn = mine;
  return await mine;
}
