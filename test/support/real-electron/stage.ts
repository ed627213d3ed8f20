// The application as a real Electron can run it. One whose Node is as new as ours runs the checkout as it was built; an older one gets
// the same sources built for it, the few classes that it lacks, and better-sqlite3 compiled for its Node-API.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire, stripTypeScriptTypes } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { createBuilder } from 'vite';
import { stageDir } from './ready.ts';
import { type Runtime, cacheDir } from './runtime.ts';

const root = resolve(import.meta.dirname, '../../..');
const modules = join(root, 'node_modules');
const addon = 'better-sqlite3';
/** From here on Node has the classes and the Node-API that are used. */
const newNode = 24;
const compileLimitMs = 10 * 60_000;

/** The folder that `electron <folder>` starts; built anew on each call where the runtime needs it. */
export async function stageFor({ versions }: Runtime): Promise<string> {
  if (Number(versions.node.split('.')[0]) >= newNode) return root;
  const compiled = await compileAddon(versions);
  await rm(stageDir, { recursive: true, force: true });
  await mkdir(join(stageDir, 'node_modules'), { recursive: true });
  for (const name of await readdir(modules)) {
    if (name !== addon) await symlink(join(modules, name), join(stageDir, 'node_modules', name));
  }
  await symlink(compiled, join(stageDir, 'node_modules', addon));
  await build();
  return stageDir;
}

async function build(): Promise<void> {
  const outDir = join(stageDir, 'dist/electron');
  const lacking = join(stageDir, 'dist/old-node.mjs');
  const output = { banner: ({ isEntry }: { readonly isEntry: boolean }) => (isEntry ? `import '${lacking}';` : '') };
  const builder = await createBuilder({
    configFile: join(root, 'electron/vite.config.ts'),
    environments: {
      ssr: { build: { target: 'node20', outDir, sourcemap: false, rolldownOptions: { output } } },
      preload: { build: { target: 'node20', outDir } },
    },
  });
  await builder.buildApp();
  const source = await readFile(join(import.meta.dirname, 'old-node.ts'), 'utf8');
  await writeFile(lacking, stripTypeScriptTypes(source));
  await cp(join(root, 'dist/renderer'), join(stageDir, 'dist/renderer'), { recursive: true });
  await cp(join(root, 'electron/icons'), join(stageDir, 'electron/icons'), { recursive: true });
  await cp(join(root, 'package.json'), join(stageDir, 'package.json'));
}

/** better-sqlite3 with a binary for this Node, kept in the cache: compiling takes most of a minute. */
async function compileAddon({ node }: Runtime['versions']): Promise<string> {
  const source = dirname(createRequire(import.meta.url).resolve(`${addon}/package.json`));
  const { version } = JSON.parse(await readFile(join(source, 'package.json'), 'utf8')) as { readonly version: string };
  const compiled = join(cacheDir, `${addon}-${version}-node-${node}`, addon);
  if (existsSync(compiled)) return compiled;
  process.stdout.write(`Compiling ${addon} for Node ${node}, once…\n`);
  const work = await mkdtemp(join(cacheDir, 'compiling-'));
  try {
    const folder = join(work, addon);
    await cp(source, folder, { recursive: true });
    await mkdir(join(work, 'node_modules'));
    await symlink(join(modules, 'node-addon-api'), join(work, 'node_modules/node-addon-api'));
    const gyp = join(folder, 'binding.gyp');
    const plan = await readFile(gyp, 'utf8');
    // What it uses beyond an older Node's numbered Node-API is there under the name of experiments. Linking as a whole takes long.
    const experimental = "'NAPI_EXPERIMENTAL', 'NODE_API_EXPERIMENTAL_NOGC_ENV_OPT_OUT'";
    await writeFile(
      gyp,
      plan.replace("'NAPI_VERSION=10'", experimental).replaceAll(/, '-flto'|'-flto', |'ldflags': \['-flto'\],/g, ''),
    );
    await promisify(execFile)(
      process.execPath,
      [
        join(modules, 'node-gyp/bin/node-gyp.js'),
        'rebuild',
        '--release',
        '--jobs=max',
        '--force_build=1',
        `--nodedir=${headersDir()}`,
      ],
      {
        cwd: folder,
        timeout: compileLimitMs,
        maxBuffer: 64 << 20,
        env: { ...process.env, CFLAGS: '-O1', CXXFLAGS: '-O1' },
      },
    );
    await cp(
      join(folder, `build/Release/${addon.replace('-', '_')}.node`),
      join(folder, `prebuilds/${process.platform}-${process.arch}.node`),
    );
    for (const name of ['build', 'deps', 'src']) await rm(join(folder, name), { recursive: true });
    await rm(dirname(compiled), { recursive: true, force: true });
    await rename(work, dirname(compiled));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return compiled;
}

/** The Node-API is the same for all, and so are its headers: those that came with the Node of our scripts. */
function headersDir(): string {
  return join(modules, `node-${process.platform}-${process.arch}`);
}
