// The borders of the house, as a table, and the proof that the checker sees a broken one. The README draws the same picture.
import { globSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Room, findBrokenBorders } from '../support/borders.ts';

const root = resolve(import.meta.dirname, '../..');

/** Files that belong to the environment of one host; what several hosts share is none of these. */
const desktopFiles = 'electron/{main,desktop/*}.ts';
const headlessFiles = 'electron/{headless,headless/*}.ts';
const commandLineFiles = 'electron/{cli,cli/*}.ts';

/** What the renderer's components and screens may know of `shared/`: data and how to put it in words, not how to ask for it. */
const sharedWords =
  'shared/{assert,databases,errors,format,history,ids,instant-phrase,known-applications,model,named-points,operations,position,providers,retention,standing,summary,targets,viewport}.ts';

/** What plans, from what is known, and does nothing. */
const planFiles = 'electron/engine/{restore,retain}/{plan,planning,choose-point,copies,refusal}.ts';

/** What is known of an application's writing, as data, and what follows from it. */
const decideFiles = 'electron/engine/upkeep/{decide,rhythms,writing}.ts';

const rooms: readonly Room[] = [
  {
    name: 'shared knows neither Node nor the DOM',
    files: ['shared/**'],
    mayImport: ['shared/**'],
    libraries: ['zod'],
  },

  // The engine
  {
    name: 'pure: bytes in, bytes out',
    files: ['electron/engine/replica/**', planFiles],
    mayImport: ['shared/**', 'electron/engine/replica/**', planFiles],
    libraries: ['xxhash-wasm', 'lz4-napi', 'zod'],
    isPure: true,
  },
  {
    name: 'the one place that knows all targets',
    files: ['electron/engine/targets/open-target.ts'],
    mayImport: ['shared/**', 'electron/engine/basics/access.ts', 'electron/engine/targets/**'],
    libraries: ['node:*'],
  },
  {
    name: 'the only place that speaks S3',
    files: ['electron/engine/targets/s3*.ts'],
    mayImport: ['shared/**', 'electron/engine/targets/{target,traffic,s3*}.ts'],
    libraries: ['node:*', '@aws-sdk/*'],
  },
  {
    name: 'a target knows its own storage, never another target',
    files: ['electron/engine/targets/**'],
    mayImport: [
      'shared/**',
      'electron/engine/targets/{target,folder-*}.ts',
      'electron/engine/basics/{access,files,private-folder}.ts',
    ],
    libraries: ['node:*'],
  },
  {
    name: 'what stands before a target knows no storage and nobody who ships',
    files: ['electron/engine/guard/**'],
    mayImport: [
      'shared/**',
      'electron/engine/basics/{clock,rows,turns}.ts',
      'electron/engine/guard/**',
      'electron/engine/targets/{target,traffic}.ts',
    ],
    libraries: ['node:*'],
  },
  {
    name: 'source is the only place for the user’s live databases',
    files: ['electron/engine/source/**'],
    mayImport: ['shared/**', 'electron/engine/{basics,source,replica}/**'],
    libraries: ['node:*', 'better-sqlite3'],
  },
  {
    name: 'upkeep decides from data',
    files: [decideFiles],
    mayImport: [decideFiles],
    libraries: [],
    isPure: true,
  },
  {
    name: 'upkeep reaches live databases through the connections that it is given',
    files: ['electron/engine/upkeep/**'],
    mayImport: ['shared/**', 'electron/engine/upkeep/**', 'electron/engine/source/{checkpointer,connections}.ts'],
    libraries: ['node:*'],
  },
  {
    name: 'capture reads live databases by what source gives it, and writes to the spool',
    files: ['electron/engine/capture/**'],
    mayImport: [
      'shared/**',
      'electron/engine/{basics,capture,spool,source,upkeep,replica}/**',
      'electron/engine/targets/target.ts',
    ],
    libraries: ['node:*'],
  },
  {
    name: 'state owns state.db',
    files: ['electron/engine/state/**'],
    mayImport: ['shared/**', 'electron/engine/{basics,state}/**', 'electron/engine/spool/commits.ts'],
    libraries: ['node:*', 'better-sqlite3', 'zod'],
  },
  {
    name: 'restore reads targets and writes new files, never a live database',
    files: ['electron/engine/restore/**'],
    mayImport: [
      'shared/**',
      'electron/engine/{basics,restore,replica}/**',
      'electron/engine/targets/{target,open-target}.ts',
      'electron/engine/replica/wal.ts',
    ],
    libraries: ['node:*', 'better-sqlite3'],
  },
  {
    name: 'history reads what state and targets know',
    files: ['electron/engine/history/**'],
    mayImport: ['shared/**', 'electron/engine/{basics,history,state,replica,restore}/**'],
    libraries: ['node:*', 'better-sqlite3'],
  },
  {
    name: 'the thread’s entry speaks over the channel to whichever host started it',
    files: ['electron/engine/worker.ts'],
    mayImport: ['shared/**', 'electron/engine/**', 'electron/host/engine-channel.ts'],
    libraries: ['node:*', 'birpc'],
  },
  {
    name: 'the engine knows no host and no Electron',
    files: ['electron/engine/**'],
    mayImport: ['shared/**', 'electron/engine/**'],
    libraries: ['node:*', 'better-sqlite3', 'pino', 'zod'],
  },

  // Hosts
  {
    name: 'the desktop host is the only one that knows Electron',
    files: [desktopFiles],
    mayImport: ['shared/**', 'electron/{desktop,host,demo}/*.ts'],
    libraries: ['node:*', 'electron', 'zod'],
  },
  {
    name: 'the preload script knows the contract and Electron, nothing else',
    files: ['electron/preload.cts'],
    mayImport: ['shared/**'],
    libraries: ['electron'],
  },
  {
    name: 'the headless host',
    files: [headlessFiles],
    mayImport: ['shared/**', 'electron/{demo,host}/*.ts', headlessFiles],
    libraries: ['node:*', 'ws', 'birpc', 'zod'],
  },
  {
    name: 'the command line',
    files: [commandLineFiles],
    mayImport: ['shared/**', 'electron/host/*.ts', commandLineFiles],
    libraries: ['node:*', 'commander', 'yaml'],
  },
  {
    name: 'the demo owns its database, and is watched through the engine’s front door',
    files: ['electron/demo/*.ts'],
    mayImport: ['shared/**', 'electron/{demo,host}/*.ts'],
    libraries: ['node:*', 'better-sqlite3'],
  },
  {
    name: 'builds',
    files: ['{electron,renderer}/vite.config.ts'],
    mayImport: [],
    libraries: ['node:*', 'vite', '@vitejs/*'],
  },
  {
    name: 'the channel between a host and the engine’s thread: types only',
    files: ['electron/host/engine-channel.ts'],
    mayImport: ['shared/**'],
    libraries: [],
  },
  {
    name: 'the one place that reads the version',
    files: ['electron/host/version.ts'],
    mayImport: ['package.json'],
    libraries: [],
  },
  {
    name: 'what hosts share: the engine’s front door, and no Electron',
    files: ['electron/{start,host/*}.ts'],
    mayImport: ['shared/**', 'electron/host/*.ts'],
    libraries: ['node:*', 'birpc', 'zod'],
  },

  // The renderer
  {
    name: 'components show data: no store, no api',
    files: ['renderer/components/**'],
    mayImport: [sharedWords, 'renderer/{components,styles}/**'],
    libraries: ['react', 'react-dom', 'react-aria-components', 'lucide-react', 'd3-*', '@tanstack/*'],
  },
  {
    name: 'screens select and act: no api',
    files: ['renderer/screens/**'],
    mayImport: [
      sharedWords,
      'renderer/{actions,components,screens,styles}/**',
      'renderer/store/{store,selectors,place,place-form}.ts',
    ],
    libraries: ['react', 'react-dom', 'react-aria-components', 'lucide-react', 'd3-*', '@tanstack/*'],
  },
  {
    name: 'the renderer speaks only the contract',
    files: ['renderer/**'],
    mayImport: ['shared/**', 'renderer/**'],
    libraries: [
      'react',
      'react-dom',
      'react-aria-components',
      'lucide-react',
      'zustand',
      'd3-*',
      '@fontsource-variable/*',
      'birpc',
    ],
  },

  // Tests may go everywhere; nothing above may import them.
  { name: 'tests', files: ['test/**'], mayImport: ['**'], libraries: ['**', '@*/*', 'node:*'] },
];

describe('the house', () => {
  test('every import keeps to the borders', () => {
    expect(findBrokenBorders(readSources(), rooms)).toEqual([]);
  });
});

describe('the checker', () => {
  test.each([
    ['a library in shared', 'shared/model.ts', `import { readFileSync } from 'node:fs';`, 'may not import node:fs'],
    ['an arrow upwards', 'shared/model.ts', `import '../electron/main.ts';`, 'may not import electron/main.ts'],
    [
      'Electron in the engine',
      'electron/engine/engine.ts',
      `import { app } from 'electron';`,
      'may not import electron',
    ],
    [
      'a type import from a host',
      'electron/engine/engine.ts',
      `import type { EngineHost } from '../host/engine-host.ts';`,
      'may not import electron/host/engine-host.ts',
    ],
    ['a type in place', 'electron/engine/engine.ts', `let a: import('../cli.ts').A;`, 'may not import electron/cli.ts'],
    [
      'a dynamic import',
      'renderer/components/dialog.tsx',
      `const a = await import('../store/store.ts');`,
      'may not import renderer/store/store.ts',
    ],
    [
      'a passed-on export',
      'electron/engine/targets/folder.ts',
      `export { a } from './s3.ts'; export const b = 1;`,
      'may not import electron/engine/targets/s3.ts',
    ],
    [
      'the SDK outside its place',
      'electron/engine/targets/folder.ts',
      `import type { S3Client } from '@aws-sdk/client-s3';`,
      'may not import @aws-sdk/client-s3',
    ],
    ['Node in a pure file', 'electron/engine/replica/keys.ts', `import 'node:fs';`, 'may not import node:fs'],
    ['the clock in a pure file', 'electron/engine/restore/plan.ts', `const at = Date.now();`, 'may not use Date.now'],
    [
      'a date of now in a pure file',
      'electron/engine/replica/wal.ts',
      `const at = new Date();`,
      'may not use new Date()',
    ],
    ['Electron on the command line', 'electron/cli.ts', `import 'electron';`, 'may not import electron'],
    ['SQLite on the command line', 'electron/cli.ts', `import 'better-sqlite3';`, 'may not import better-sqlite3'],
    ['the engine in a host', 'electron/headless.ts', `import './engine/engine.ts';`, 'may not import electron/engine'],
    ['the engine in the renderer', 'renderer/app.tsx', `import '../electron/engine/x.ts';`, 'may not import electron'],
    [
      'the api in a screen',
      'renderer/screens/a.tsx',
      `import { api } from '../channel/api.ts';`,
      'may not import renderer/channel/api.ts',
    ],
    ['a test in the product', 'electron/main.ts', `import '../test/support/x.ts';`, 'may not import test/support/x.ts'],
    ['a missing extension', 'shared/model.ts', `import './errors';`, 'without its extension'],
    ['an index file', 'shared/index.ts', `export const a = 1;`, 'is an index file'],
    ['a barrel', 'shared/all.ts', `export * from './model.ts';`, 'only passes on'],
    ['a deep folder', 'electron/engine/source/deep/a.ts', `export const a = 1;`, 'more than one folder below'],
    ['a file without a room', 'elsewhere/a.ts', `export const a = 1;`, 'belongs to no room'],
  ])('sees %s', (_name, path, text, sentence) => {
    expect(findBrokenBorders([{ path, text }], rooms).join('\n')).toContain(sentence);
  });

  test('lets good files pass', () => {
    const files = [
      { path: 'shared/a.ts', text: `import { z } from 'zod'; import type { B } from './b.ts'; export const a = z;` },
      { path: 'electron/main.ts', text: `import { app } from 'electron'; import './host/engine-host.ts';` },
      { path: 'renderer/components/a.tsx', text: `import styles from './a.module.css'; export const A = <b />;` },
    ];
    expect(findBrokenBorders(files, rooms)).toEqual([]);
  });
});

function readSources(): { readonly path: string; readonly text: string }[] {
  const paths = globSync('{shared,electron,renderer,test}/**/*.{ts,tsx,cts,mts}', { cwd: root });
  return paths
    .map((path) => path.replaceAll('\\', '/'))
    .map((path) => ({ path, text: readFileSync(resolve(root, path), 'utf8') }));
}
