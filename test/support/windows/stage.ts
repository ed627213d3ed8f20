// Lays out what Node for Windows runs of this checkout: the build for its version, the window's pages, the dependencies with their
// Windows binaries, and the programs of tests. Once before the tests for Windows.
import { cp, mkdir, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createBuilder } from 'vite';
import { driveC, endWindows, getWindows, unpackFromRegistry, windowsHome } from './get-windows.ts';

const root = resolve(import.meta.dirname, '../../..');
export const staged = join(windowsHome, 'app');
/** Programs of tests, which need nothing but dependencies. */
const programs = ['scripted-app.ts'];
const addon = '@antoniomuso/lz4-napi-win32-x64-msvc';
/** What is no dependency of the product, or is for another system. */
const notForWindows =
  /^(?:\..*|@antoniomuso|node-linux-.*|electron.*|app-builder.*|@?oxlint.*|typescript|playwright.*)$/;

export async function setup(): Promise<void> {
  await getWindows();
  if (!existsSync(join(root, 'dist/renderer'))) throw new Error('Nothing is built: npm run build.');
  await rm(join(driveC, 't'), { recursive: true, force: true });
  await linkDependencies();
  await rm(join(staged, 'dist'), { recursive: true, force: true });
  const builder = await createBuilder({
    configFile: join(root, 'electron/vite.config.ts'),
    environments: {
      // Node 22 has no `using` yet.
      ssr: { build: { target: 'node22', outDir: join(staged, 'dist/electron'), sourcemap: false } },
    },
  });
  await builder.build(environmentOf(builder.environments, 'ssr'));
  await cp(join(root, 'dist/renderer'), join(staged, 'dist/renderer'), { recursive: true });
  await cp(join(root, 'package.json'), join(staged, 'package.json'));
  await mkdir(join(staged, 'test'), { recursive: true });
  await cp(join(import.meta.dirname, 'disposable-stack.cjs'), join(staged, 'disposable-stack.cjs'));
  for (const program of programs) await cp(join(root, 'test/support', program), join(staged, 'test', program));
}

export const teardown = endWindows;

function environmentOf<T>(environments: Readonly<Record<string, T>>, name: string): T {
  const environment = environments[name];
  if (environment === undefined) throw new Error(`the build has no environment “${name}”`);
  return environment;
}

async function linkDependencies(): Promise<void> {
  const from = join(root, 'node_modules');
  const to = join(staged, 'node_modules');
  const scope = join(to, '@antoniomuso');
  const { version } = JSON.parse(await readFile(join(from, 'lz4-napi/package.json'), 'utf8')) as { version: string };
  const binary = join(scope, 'lz4-napi-win32-x64-msvc');
  await mkdir(scope, { recursive: true });
  const packed = join(binary, 'package.json');
  const has = existsSync(packed) ? (JSON.parse(await readFile(packed, 'utf8')) as { version: string }).version : '';
  if (has !== version) await unpackFromRegistry(addon, version, binary);
  for (const name of await readdir(to)) if (name !== '@antoniomuso') await rm(join(to, name), { recursive: true });
  for (const name of await readdir(from))
    if (!notForWindows.test(name)) await symlink(join(from, name), join(to, name));
}
