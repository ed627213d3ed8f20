// What Electron's own default application does for `electron [switches] [-r module] <folder>`, as far as tests need it. It waits for the
// application at the top level, so that nothing is "ready" before the application's own first lines ran. Runs in an old Node.
import { existsSync, readFileSync } from 'node:fs';
import module from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { app } from 'electron/main';

const loader = module as unknown as {
  _preloadModules(names: readonly string[]): void;
  _resolveFilename(request: string, parent: null, isMain: boolean): string;
};
/** What Electron keeps for its default application. */
const host = app as typeof app & { setVersion(version: string): void; setAppPath(path: string): void };
const required: string[] = [];
const words = process.argv.slice(1);
let folder: string | undefined;
while (folder === undefined && words.length > 0) {
  const word = words.shift() ?? '';
  if (word === '-r' || word === '--require') required.push(words.shift() ?? '');
  else if (!word.startsWith('-')) folder = resolve(word);
}
if (folder === undefined) throw new Error('usage: electron [switches] <folder>');
if (required.length > 0) loader._preloadModules(required);
Object.defineProperty(process, 'defaultApp', { value: true, enumerable: true });
const manifest = join(folder, 'package.json');
if (existsSync(manifest)) {
  const { version, productName, name } = JSON.parse(readFileSync(manifest, 'utf8')) as Readonly<Record<string, string>>;
  if (version !== undefined) host.setVersion(version);
  app.name = productName ?? name ?? app.name;
}
host.setAppPath(folder);
await import(pathToFileURL(loader._resolveFilename(folder, null, true)).href);
