// Which real Electron there is for the desktop tests: one that the environment names, the project's own where it was installed, or
// one that tests fetched before. Only these tests look here; the application never does.
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

export interface Runtime {
  readonly executable: string;
  readonly versions: { readonly electron: string; readonly node: string };
}

/** Electron's release inside the package that is fetched. */
const fetchedVersion = '33.2.1';

/** Where fetched things are kept, outside of any checkout. */
export const cacheDir = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'tidemark-tests');

/** The folder of the fetched runtime. */
export const fetchedDir = join(cacheDir, `electron-${fetchedVersion}`);

/** The executable that the environment names or that was installed: Electron of the developer's own. */
export function findOwnRuntime(): string | undefined {
  const named = process.env['TIDEMARK_ELECTRON'];
  if (named !== undefined && named !== '') return named;
  const folder = dirname(createRequire(import.meta.url).resolve('electron/package.json'));
  const nameFile = join(folder, 'path.txt');
  if (!existsSync(nameFile)) return undefined;
  const executable = join(folder, 'dist', readFileSync(nameFile, 'utf8').trim());
  return existsSync(executable) ? executable : undefined;
}

/** The executable that was fetched before. */
export function findFetchedRuntime(): string | undefined {
  const executable = join(fetchedDir, 'electron');
  return existsSync(executable) ? executable : undefined;
}

/** Asks a runtime what it is. Rejects where it cannot be started. */
export async function describeRuntime(executable: string): Promise<Runtime> {
  const { stdout } = await promisify(execFile)(executable, ['-p', 'JSON.stringify(process.versions)'], {
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
    timeout: 30_000,
  });
  return { executable, versions: JSON.parse(stdout) as Runtime['versions'] };
}

/** True on a computer that only runs tests. */
export const isOnCi = !['', 'false', '0'].includes(process.env['CI'] ?? '');
