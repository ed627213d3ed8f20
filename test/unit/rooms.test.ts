// The pictures of the house beside its code: each room has its sentence, each file that they name is there, and roots hold entries.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, posix, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const readmes = ['README.md', 'electron/README.md', 'electron/engine/README.md', 'renderer/README.md'];
const text = (path: string): string => readFileSync(resolve(root, path), 'utf8');

/** The folders whose own folders are rooms, each with what may lie beside the rooms. */
const roots = [
  { folder: 'electron', entries: ['cli.ts', 'headless.ts', 'main.ts', 'preload.cts', 'start.ts', 'vite.config.ts'] },
  { folder: 'electron/engine', entries: ['engine.ts', 'worker.ts'] },
  { folder: 'renderer', entries: ['app.tsx', 'enter.ts', 'main.tsx', 'vite.config.ts'] },
  { folder: 'renderer/screens', entries: [] },
];

describe.each(roots)('$folder', ({ folder, entries }) => {
  const readme = readmes.find((path) => dirname(path) === folder) ?? 'renderer/README.md';
  const sentences = sentencesIn(readme);

  test('has a sentence for each of its rooms, in its README', () => {
    const rooms = globSync('*/', { cwd: resolve(root, folder) }).map((path) => path.replace(/[\\/]$/, ''));
    const nameOf = (room: string): string => `${posix.relative(dirname(readme), `${folder}/${room}`)}/`;
    expect(rooms.length).toBeGreaterThan(3);
    expect(rooms.map(nameOf).filter((name) => !/\w.*\.$/.test(sentences.get(name) ?? ''))).toEqual([]);
  });

  test('holds entries beside its rooms, and nothing else', () => {
    expect(globSync('*.{ts,tsx,cts}', { cwd: resolve(root, folder) }).sort()).toEqual(entries);
  });
});

test.each(readmes)('%s names files and folders that are there', (readme) => {
  const named = [...text(readme).matchAll(/`((?:\.\.\/)*[\w-]+(?:\/[\w.-]+)*(?:\.(?:[cm]?tsx?|css)|\/))`/g)];
  const missing = named
    .map(([, name = '']) => name)
    .filter((name) => !existsSync(resolve(root, dirname(readme), name)) && !existsSync(resolve(root, name)));
  expect(named.length).toBeGreaterThan(0);
  expect(missing).toEqual([]);
});

test.each(readmes)('%s links to what is there', (readme) => {
  const links = [...text(readme).matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, target = '']) => target);
  expect(links.filter((target) => !existsSync(resolve(root, dirname(readme), target)))).toEqual([]);
});

/** What the tables of a README say of each folder that is named in a first cell. */
function sentencesIn(readme: string): ReadonlyMap<string, string> {
  const rows = text(readme)
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.split('|').map((cell) => cell.trim()));
  return new Map(rows.map(([, name = '', sentence = '']) => [name.replaceAll('`', ''), sentence]));
}
