// The borders of the house, as a table, and the proof that the checker sees a broken one. electron/README.md draws the same picture.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Order, type Room, findBrokenBorders, findRunsUp } from '../support/borders.ts';

const root = resolve(import.meta.dirname, '../..');
const sources = readSources();

/** The engine's rooms, from the switchboard down. No import runs up this list. */
const engineOrder: Order = {
  of: 'electron/engine',
  rooms: [
    'switchboard',
    'protection',
    'retain',
    'probe',
    'restore',
    'history',
    'ship',
    'capture',
    'upkeep',
    'spool',
    'destinations',
    'guard',
    'source',
    'targets',
    'state',
    'replica',
    'basics',
  ],
};

const rendererOrder: Order = {
  of: 'renderer',
  rooms: ['screens', 'actions', 'store', 'channel', 'components', 'styles'],
};

const orders = [engineOrder, rendererOrder];

/** What the renderer's components and screens may know of `shared/`: data and how to put it in words, not how to ask for it. */
const sharedWords =
  'shared/{assert,databases,errors,format,history,ids,instant-phrase,known-applications,model,named-points,operations,position,providers,retention,standing,summary,targets,viewport}.ts';

/** What plans, from what is known, and does nothing. */
const planFiles = 'electron/engine/{restore/{plan,planning,choose-point,copies,refusal},retain/{plan,images,spans}}.ts';

/** What is known of an application's writing, as data, and what follows from it. */
const decideFiles = 'electron/engine/upkeep/{decide,rhythms,writing}.ts';

/** What draws. */
const drawing = ['react', 'react-dom', 'react-aria-components', 'lucide-react', 'd3-*', '@tanstack/*'];

const rooms: readonly Room[] = [
  {
    name: 'shared knows neither Node nor the DOM',
    files: ['shared/**'],
    mayImport: ['shared/**'],
    libraries: ['zod'],
  },

  // The engine: what its rooms may do beyond their order.
  {
    name: 'pure: bytes in, bytes out',
    files: ['electron/engine/replica/**', planFiles],
    mayImport: ['shared/**', 'electron/engine/replica/**', planFiles],
    libraries: ['xxhash-wasm', 'lz4-napi', 'zod'],
    isPure: true,
  },
  {
    name: 'basics know nobody',
    files: ['electron/engine/basics/**'],
    mayImport: ['shared/**', 'electron/engine/basics/**'],
    libraries: ['node:*', 'pino', 'zod'],
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
    mayImport: ['shared/**', 'electron/engine/{basics,guard}/**', 'electron/engine/targets/{target,traffic}.ts'],
    libraries: ['node:*'],
  },
  {
    name: 'source is the only place for the user’s live databases',
    files: ['electron/engine/source/**'],
    mayImport: ['shared/**', 'electron/engine/{basics,replica,source}/**'],
    libraries: ['node:*', 'better-sqlite3'],
  },
  {
    name: 'the spool knows neither who fills it nor who ships it',
    files: ['electron/engine/spool/**'],
    mayImport: ['shared/**', 'electron/engine/{basics,replica,source,spool}/**'],
    libraries: ['node:*'],
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
      'electron/engine/{basics,capture,replica,source,spool,upkeep}/**',
      'electron/engine/targets/target.ts',
    ],
    libraries: ['node:*'],
  },
  {
    name: 'what ships takes from the spool, never from who fills it',
    files: ['electron/engine/ship/**'],
    mayImport: [
      'shared/**',
      'electron/engine/{basics,guard,replica,ship,spool,state}/**',
      'electron/engine/targets/target.ts',
      'electron/engine/source/{live-image,source-errors}.ts',
    ],
    libraries: ['node:*'],
  },
  {
    name: 'state owns state.db',
    files: ['electron/engine/state/**'],
    mayImport: ['shared/**', 'electron/engine/{basics,replica,state}/**'],
    libraries: ['node:*', 'better-sqlite3', 'zod'],
  },
  {
    name: 'restore reads targets and writes new files, never a live database',
    files: ['electron/engine/restore/**'],
    mayImport: [
      'shared/**',
      'electron/engine/{basics,replica,restore}/**',
      'electron/engine/destinations/look-up.ts',
      'electron/engine/targets/{target,open-target}.ts',
    ],
    libraries: ['node:*', 'better-sqlite3'],
  },
  {
    name: 'history reads what state knows',
    files: ['electron/engine/history/**'],
    mayImport: ['shared/**', 'electron/engine/{basics,history,replica,state}/**'],
    libraries: ['node:*'],
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
    libraries: ['node:*', 'zod'],
  },

  // Hosts
  {
    name: 'the desktop host is the only one that knows Electron',
    files: ['electron/{main,desktop/*}.ts'],
    mayImport: ['shared/**', 'electron/{desktop,demo,host}/**'],
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
    files: ['electron/{headless,headless/*}.ts'],
    mayImport: ['shared/**', 'electron/{demo,headless,host}/**'],
    libraries: ['node:*', 'ws', 'birpc', 'zod'],
  },
  {
    name: 'the command line',
    files: ['electron/{cli,cli/*}.ts'],
    mayImport: ['shared/**', 'electron/{cli,host}/**'],
    libraries: ['node:*', 'commander', 'yaml'],
  },
  {
    name: 'the demo owns its database, and is watched through the engine’s front door',
    files: ['electron/demo/**'],
    mayImport: ['shared/**', 'electron/{demo,host}/**'],
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
    mayImport: ['shared/**', 'electron/host/**'],
    libraries: ['node:*', 'birpc', 'zod'],
  },

  // The renderer
  {
    name: 'components show data: no screen, no store, no api',
    files: ['renderer/components/**'],
    mayImport: [sharedWords, 'renderer/{components,styles}/**'],
    libraries: drawing,
  },
  {
    name: 'what several screens show knows none of them',
    files: ['renderer/screens/parts/**'],
    mayImport: [sharedWords, 'renderer/{actions,components,screens/parts,store,styles}/**'],
    libraries: drawing,
  },
  ...['activity', 'add', 'database', 'destinations', 'overview', 'place', 'restore', 'settings', 'shell'].map(
    (screen): Room => ({
      name: `a screen selects and acts: no api, no other screen than its own`,
      files: [`renderer/screens/${screen}/**`],
      mayImport: [
        sharedWords,
        'renderer/{actions,components,store,styles}/**',
        `renderer/screens/{${screen},parts,place}/**`,
      ],
      libraries: drawing,
    }),
  ),
  {
    name: 'the renderer speaks only the contract',
    files: ['renderer/{*,{actions,channel,store,styles}/**}'],
    mayImport: ['shared/**', 'renderer/**'],
    libraries: ['react', 'react-dom', 'react-aria-components', 'zustand', '@fontsource-variable/*', 'birpc'],
  },

  // Tests may go everywhere; nothing above may import them.
  { name: 'tests', files: ['test/**'], mayImport: ['**'], libraries: ['**', '@*/*', 'node:*'] },
];

describe('the house', () => {
  test('every import keeps to the borders', () => {
    expect(findBrokenBorders(sources, rooms)).toEqual([]);
  });

  test.each(orders)('no import runs up the order of $of', (order) => {
    expect(findRunsUp(sources, order)).toEqual([]);
  });

  test.each(orders)('every room in the order of $of is there', ({ of, rooms: names }) => {
    expect(names.filter((name) => !existsSync(resolve(root, of, name)))).toEqual([]);
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
      'renderer/screens/add/a.tsx',
      `import { api } from '../../channel/api.ts';`,
      'may not import renderer/channel/api.ts',
    ],
    [
      'a screen in another one',
      'renderer/screens/add/a.tsx',
      `import { A } from '../restore/a.tsx';`,
      'may not import renderer/screens/restore/a.tsx',
    ],
    [
      'what captures in what ships',
      'electron/engine/ship/a.ts',
      `import type { A } from '../capture/capture.ts';`,
      'may not import electron/engine/capture/capture.ts',
    ],
    [
      'SQLite where no database is opened',
      'electron/engine/switchboard/a.ts',
      `import type Database from 'better-sqlite3';`,
      'may not import better-sqlite3',
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

  test.each([
    [
      'one room that runs up to another',
      'electron/engine/spool/a.ts',
      `import { a } from '../ship/shipper.ts';`,
      'electron/engine/spool/a.ts may not import electron/engine/ship/shipper.ts (ship lies above spool)',
    ],
    [
      'a type that does',
      'electron/engine/state/a.ts',
      `import type { A } from '../spool/commits.ts';`,
      'may not import electron/engine/spool/commits.ts (spool lies above state)',
    ],
    [
      'a room that runs up to the switchboard',
      'electron/engine/basics/a.ts',
      `let a: import('../engine.ts').A;`,
      'may not import electron/engine/engine.ts (electron/engine lies above basics)',
    ],
    [
      'a room that nobody gave a place',
      'electron/engine/attic/a.ts',
      `export const a = 1;`,
      'lies in attic, which has no place in the order',
    ],
  ])('sees %s', (_name, path, text, sentence) => {
    expect(findRunsUp([{ path, text }], engineOrder).join('\n')).toContain(sentence);
  });

  test('lets imports run down', () => {
    const text = `import './b.ts'; import '../source/wal-reader.ts'; import '../../host/x.ts'; import '../../../shared/ids.ts';`;
    expect(findRunsUp([{ path: 'electron/engine/capture/a.ts', text }], engineOrder)).toEqual([]);
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
