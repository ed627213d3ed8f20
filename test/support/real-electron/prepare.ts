// Makes a real Electron ready for the desktop tests, or says in one sentence why there is none: the runtime, a desktop for it, a
// sandbox, and the application staged. vitest.config.ts then looks for what was made ready.
import { execFile } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { reasonOf } from '../../../shared/errors.ts';
import { installWithApt, mayUseApt } from '../apt.ts';
import { debianPackages, programs } from './desktop-session.ts';
import { fetchRuntime } from './fetch-runtime.ts';
import { type ReadyElectron, readyFile } from './ready.ts';
import { asUser } from './run.ts';
import { cacheDir, describeRuntime, findFetchedRuntime, findOwnRuntime } from './runtime.ts';
import { stageFor } from './stage.ts';

const run = promisify(execFile);

/** Rejects with a sentence where no real Electron can be had here. */
export async function prepareElectron(): Promise<ReadyElectron> {
  rmSync(readyFile, { force: true });
  await mkdir(cacheDir, { recursive: true });
  if (process.platform === 'linux') await installDesktop();
  const runtime = await describeRuntime(findOwnRuntime() ?? (await getFetchedRuntime()));
  const app = await stageFor(runtime).catch((error: unknown) => {
    throw new Error(`the application could not be built for it: ${firstLine(error)}`, { cause: error });
  });
  const ready = { executable: runtime.executable, version: runtime.versions.electron, app };
  writeFileSync(readyFile, JSON.stringify(ready));
  return ready;
}

async function getFetchedRuntime(): Promise<string> {
  const found = findFetchedRuntime();
  if (found !== undefined) return found;
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error('it is fetched for Linux on x64 only (elsewhere name one in TIDEMARK_ELECTRON)');
  }
  process.stdout.write('No Electron here; fetching one for the tests…\n');
  try {
    await fetchRuntime();
  } catch (error) {
    throw new Error(`it could not be fetched: ${firstLine(error)}`, { cause: error });
  }
  const fetched = findFetchedRuntime();
  if (fetched === undefined) throw new Error('it was fetched, and is not there');
  return fetched;
}

/** The programs of a desktop, and a sandbox that can be had. */
async function installDesktop(): Promise<void> {
  if (missingPrograms().length > 0 && mayUseApt) {
    process.stdout.write('No desktop for tests here; installing one…\n');
    // What is missing all the same is told below.
    await installWithApt(debianPackages);
  }
  const missing = missingPrograms();
  if (missing.length > 0) {
    throw new Error(`${missing.join(', ')} is missing (Debian: apt-get install ${debianPackages.join(' ')})`);
  }
  await run(asUser, ['unshare', '--user', 'true']).catch((error: unknown) => {
    throw new Error('this system gives no user namespaces, and so no sandbox', { cause: error });
  });
}

function missingPrograms(): readonly string[] {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return programs.filter((name) => !folders.some((folder) => existsSync(join(folder, name))));
}

function firstLine(error: unknown): string {
  return reasonOf(error).split('\n')[0]?.trim() ?? '';
}
