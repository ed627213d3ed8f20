// Another user of this computer, as an attacker: runs programs as `nobody`, which only root can arrange.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** True where another user can be had. */
export const hasSecondUser = process.platform === 'linux' && process.getuid?.() === 0;

const nobody = 65_534;

/** Runs a line of shell as that user; resolves with everything it printed, whether it failed or not. */
export async function asSecondUser(line: string): Promise<string> {
  const args = [`--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups', 'sh', '-c', `{ ${line}; } 2>&1; true`];
  const { stdout } = await promisify(execFile)('setpriv', args, {
    maxBuffer: 64 << 20,
    env: { PATH: process.env['PATH'] },
  });
  return stdout;
}
