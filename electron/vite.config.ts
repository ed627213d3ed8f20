// Bundles everything that runs outside the window, for Node 24 and Electron: hosts, command line, engine thread, preload.
// Entry names are kept, so that a file finds its neighbours (`engine/worker.js` beside `main.js`) bundled or not.
// Native dependencies stay in node_modules; schemas and parsers are bundled, since loading all of them file by file
// takes longer than most commands. `vite build --app` builds both environments below.
import { join } from 'node:path';
import { defineConfig } from 'vite';

const source = import.meta.dirname;
const outDir = join(source, '../dist/electron');

/** Output name, without extension, of each entry; its source has the same name. */
const entryNames = [
  'main',
  'headless',
  'cli',
  'demo/writer',
  'engine/worker',
  'engine/source/checkpoint-thread',
  'engine/restore/check-process',
  'engine/restore/check-worker',
];

/** Loaded from node_modules at run time: native code, and what finds its own files. */
const nativeOrLarge = ['better-sqlite3', 'electron', 'lz4-napi', 'pino', 'ws', 'xxhash-wasm'];

const forNode = { target: 'node24', outDir, minify: false, sourcemap: true, copyPublicDir: false } as const;

export default defineConfig({
  root: source,
  logLevel: 'warn',
  environments: {
    ssr: {
      consumer: 'server',
      resolve: { external: nativeOrLarge, noExternal: true, conditions: ['node'] },
      build: {
        ...forNode,
        ssr: true,
        emptyOutDir: true,
        rolldownOptions: {
          input: Object.fromEntries(entryNames.map((name) => [name, join(source, `${name}.ts`)])),
          external: nativeOrLarge,
          output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
        },
      },
    },
    preload: {
      consumer: 'server',
      resolve: { external: true },
      build: {
        ...forNode,
        ssr: true,
        emptyOutDir: false,
        sourcemap: false,
        rolldownOptions: {
          input: { preload: join(source, 'preload.cts') },
          external: ['electron'],
          output: { format: 'cjs', entryFileNames: '[name].cjs' },
        },
      },
    },
  },
  builder: {
    async buildApp(builder) {
      // In this order: the first empties the folder.
      for (const name of ['ssr', 'preload']) {
        const environment = builder.environments[name];
        if (environment !== undefined) await builder.build(environment);
      }
    },
  },
});
