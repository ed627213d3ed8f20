// Finds a Chromium for tests, or gets one: named by the environment, Playwright's own, the system's; else Playwright's
// installer, else the system's package manager. Says what to do where all fail.
import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import { installWithApt, mayUseApt } from './apt.ts';

const run = promisify(execFile);
const installLimitMs = 5 * 60_000;
const systemNames = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const macPlaces = [
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** The path of a Chromium that is here; rejects with a sentence where none is. */
export async function findChromium(): Promise<string> {
  const found = await lookForChromium();
  if (found === undefined) throw new Error(noChromium);
  return found;
}

/** The same, after trying to install one: Playwright's own, else the system's. */
export async function getChromium(): Promise<string> {
  const found = await lookForChromium();
  if (found !== undefined) return found;
  process.stdout.write('No Chromium here; fetching one for the tests…\n');
  await installWithPlaywright();
  const installed = await lookForChromium();
  if (installed !== undefined) return installed;
  const reason = mayUseApt ? await installWithApt(['chromium']) : undefined;
  if (reason !== undefined) process.stdout.write(`apt-get install chromium did not work: ${reason}\n`);
  return await findChromium();
}

/** Chromium refuses its sandbox to root, which tests in containers often are. */
export const chromiumArgs: readonly string[] = process.getuid?.() === 0 ? ['--no-sandbox'] : [];

const noChromium =
  'The tests need a Chromium and none could be found or fetched. Install one (Debian: apt-get install chromium), or name it in TIDEMARK_CHROMIUM.';

async function lookForChromium(): Promise<string | undefined> {
  const named = process.env['TIDEMARK_CHROMIUM'] ?? process.env['CHROME_PATH'];
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const candidates = [
    ...(named === undefined || named === '' ? [] : [named]),
    chromium.executablePath(),
    ...systemNames.flatMap((name) => folders.map((folder) => join(folder, name))),
    ...(process.platform === 'darwin' ? macPlaces : []),
  ];
  for (const candidate of candidates) {
    if (await isExecutable(candidate)) return candidate;
  }
  return undefined;
}

/** Says what failed and lets the next way be tried. */
async function installWithPlaywright(): Promise<void> {
  const cli = join(dirname(createRequire(import.meta.url).resolve('playwright-core/package.json')), 'cli.js');
  try {
    await run(process.execPath, [cli, 'install', 'chromium'], { timeout: installLimitMs, maxBuffer: 64 << 20 });
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    process.stdout.write(`Playwright’s installer did not work: ${reason}\n`);
  }
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
