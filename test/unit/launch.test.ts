// What every script of package.json goes through: the Node that was installed beside it, whatever Node and npm start it.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type TempFolder, tempFolder } from '../support/temp.ts';

const launchers = resolve(import.meta.dirname, '../../electron');
const platform = process.platform === 'win32' ? 'win' : process.platform;

let folder: TempFolder;

beforeEach(() => {
  // As somebody has a checkout: with spaces and quotes.
  folder = tempFolder('tidemark it’s "so"');
  fs.mkdirSync(folder.at('electron'));
  for (const name of ['launch.cjs', 'tidemark.cjs'])
    fs.copyFileSync(join(launchers, name), folder.at('electron', name));
  place('package.json', { dependencies: { tool: '1.0.0' }, devDependencies: { '@some/other': '1.0.0' } });
  place('node_modules/tool/package.json', { bin: 'main.mjs', type: 'module' });
  place('node_modules/tool/main.mjs', tell);
  place('node_modules/@some/other/package.json', { bin: { another: './bin/main.cjs' } });
  place('node_modules/@some/other/bin/main.cjs', tell);
  place('own/script.ts', `const typed: number = 1;\n${tell}`);
});

afterEach(() => folder[Symbol.dispose]());

/** A program that tells what it was given. */
const tell = `console.log(JSON.stringify({
  args: process.argv.slice(2), path: process.env.PATH, by: process.env.STARTED_BY, node: process.env.NODE }));`;

interface Told {
  readonly args: readonly string[];
  readonly path: string;
  readonly by?: string;
  readonly node: string;
}

function place(name: string, content: string | object): string {
  const file = folder.at(name);
  fs.mkdirSync(dirname(file), { recursive: true });
  fs.writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

/** A Node beside the scripts that is another program than the one that starts them. */
function placeNode(): string {
  const file = place(
    `node_modules/node-${platform}-${process.arch}/bin/node`,
    `#!/bin/sh\nSTARTED_BY=bundled exec "${process.execPath}" "$@"\n`,
  );
  fs.chmodSync(file, 0o755);
  return file;
}

/** Pretends to be an old Node. */
function asNode(version: string): readonly string[] {
  const file = place('older.cjs', `Object.defineProperty(process.versions, 'node', { value: '${version}' });`);
  return ['--require', file];
}

function launch(args: readonly string[], nodeArgs: readonly string[] = []) {
  const all = [...nodeArgs, folder.at('electron/launch.cjs'), ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, all, { encoding: 'utf8', cwd: folder.at('own') });
  return { status, stderr, told: stdout.startsWith('{') ? (JSON.parse(stdout) as Told) : undefined };
}

describe.skipIf(process.platform === 'win32')('with a Node beside it', () => {
  test.each(['own/script.ts', 'tool', 'another'])(
    'starts %s there, with its arguments, and first on the path',
    (name) => {
      const node = placeNode();
      const args = ['a b', '', '"quoted"', "it's", '$HOME', '--flag=*', '\\'];
      const { status, told } = launch([name, ...args]);
      expect(status).toBe(0);
      expect(told).toMatchObject({ args, by: 'bundled', node });
      expect(told?.path.split(delimiter)[0]).toBe(dirname(node));
    },
  );

  test('passes an exit status on', () => {
    placeNode();
    place('own/fails.ts', 'process.exitCode = 3;');
    expect(launch(['own/fails.ts']).status).toBe(3);
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('passes %s on, and ends as the program does', async (signal) => {
    placeNode();
    place(
      'own/waits.ts',
      `process.on('${signal}', () => process.exit(7)); console.log('waits'); setInterval(() => 0, 1e6);`,
    );
    place('own/dies.ts', "console.log('waits'); setInterval(() => 0, 1e6);");
    expect([await endOf('own/waits.ts', signal), await endOf('own/dies.ts', signal)]).toEqual([
      [7, null],
      [null, signal],
    ]);
  });

  test('goes on without it where it cannot be started and this one is new enough', () => {
    fs.writeFileSync(placeNode(), '#!/no/such/program\n');
    expect(launch(['tool']).told?.by).toBe(undefined);
    const old = launch(['tool'], asNode('20.19.2'));
    expect(old.status).toBe(1);
    expect(old.stderr).toMatch(/^Tidemark needs Node 22\.18 or newer\. This is Node 20\.19\.2, and what was installed/);
  });
});

test('runs a script in its own process where it is on the right Node already', () => {
  const { status, told } = launch(['own/script.ts', 'a b']);
  expect([status, told?.args]).toEqual([0, ['a b']]);
  place('own/breaks.ts', "throw new Error('so it is');");
  const { status: failed, stderr } = launch(['own/breaks.ts']);
  expect([failed, stderr.includes('so it is')]).toEqual([1, true]);
});

test.each(['20.19.2', '22.17.1'])('says what to do on Node %s without one beside it', (version) => {
  const { status, stderr } = launch(['tool'], asNode(version));
  expect(status).toBe(1);
  expect(stderr).toBe(
    `Tidemark needs Node 22.18 or newer. This is Node ${version}, and none was installed beside it.\n` +
      'Run `npm ci` once more, without leaving out optional packages, or install a newer Node.\n',
  );
});

test.each(['16.20.0', '18.20.4', '20.18.3'])('says of Node %s that it installs too little', (version) => {
  placeNode();
  const { status, stderr } = launch(['tool'], asNode(version));
  expect(status).toBe(1);
  expect(stderr).toBe(
    `Tidemark is installed with Node 20.19 or newer. This is Node ${version}, for which npm leaves out parts.\n` +
      'Install a newer Node, and run `npm ci` once more with it.\n',
  );
});

test('says that nothing was installed', () => {
  fs.rmSync(folder.at('node_modules'), { recursive: true });
  const { status, stderr } = launch(['tool']);
  expect(status).toBe(1);
  expect(stderr).toMatch(/^There is no tool here\. Run `npm ci` first/);
});

test('npx tidemark says that it is not built, and starts what was', () => {
  const run = () =>
    spawnSync(process.execPath, [folder.at('electron/tidemark.cjs'), 'a b'], { encoding: 'utf8', cwd: folder.path });
  expect(run()).toMatchObject({ status: 1, stderr: 'Tidemark is not built yet. Run `npm run build` first.\n' });
  place('dist/package.json', { type: 'module' });
  place('dist/electron/cli.js', tell);
  expect((JSON.parse(run().stdout) as Told).args).toEqual(['a b']);
});

test('nothing is started that old Node would not read, and every script goes this way', () => {
  const { scripts: all, bin } = JSON.parse(fs.readFileSync(resolve(launchers, '../package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>;
    readonly bin: Readonly<Record<string, string>>;
  };
  const others = Object.entries(all).flatMap(([name, line]) =>
    line.split(' && ').some((part) => !part.startsWith('node electron/launch.cjs ')) ? [name] : [],
  );
  // npm's own.
  expect(others).toEqual(['check:signatures']);
  expect(bin).toEqual({ tidemark: 'electron/tidemark.cjs' });
  for (const name of ['launch.cjs', 'tidemark.cjs']) {
    const text = fs.readFileSync(join(launchers, name), 'utf8');
    // Newer than what Node 16 takes.
    expect(text.match(/\busing\b|\bawait\b|\.at\(|structuredClone|toSorted|\?\?=|withResolvers/g)).toBe(null);
  }
});

/** How a script ends that gets a signal once it has said that it waits. */
async function endOf(script: string, signal: NodeJS.Signals): Promise<readonly [number | null, NodeJS.Signals | null]> {
  const child = spawn(process.execPath, [folder.at('electron/launch.cjs'), script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  await once(child.stdout, 'data');
  child.kill(signal);
  const [code, by] = (await ended) as [number | null, NodeJS.Signals | null];
  return [code, by];
}
