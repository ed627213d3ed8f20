// Programs for Windows, started from tests on Linux: their output lies in files, for Wine's pipes are none that Node can open.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { createServer, type Socket } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Started } from '../processes.ts';
import type { ScriptedApp, Step } from '../scripted.ts';
import { until } from '../temp.ts';
import { consoleForWindows, driveC, nodeForWindows, wineEnv, wineProgram } from './get-windows.ts';
import { staged } from './stage.ts';

/** A folder as Windows programs name it, and as this process does. */
export interface WindowsFolder extends Disposable {
  /** `C:\t\…`. */
  readonly path: string;
  /** A path inside, as Windows has it. */
  readonly at: (...parts: string[]) => string;
  /** The same as this system has it. */
  readonly here: (...parts: string[]) => string;
}

export function windowsFolder(): WindowsFolder {
  fs.mkdirSync(path.join(driveC, 't'), { recursive: true });
  const folder = fs.mkdtempSync(path.join(driveC, 't', 'w'));
  const windows = `C:\\t\\${path.basename(folder)}`;
  return {
    path: windows,
    at: (...parts) => path.win32.join(windows, ...parts),
    here: (...parts) => path.join(folder, ...parts),
    [Symbol.dispose]: () => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }),
  };
}

const env = { ...process.env, ...wineEnv, NODE_SKIP_PLATFORM_CHECK: '1', NO_COLOR: '1' };
const base = ['--require', inWindows(path.join(staged, 'disposable-stack.cjs')), '--no-warnings'];

/** A path of this system, as Windows programs see it. */
function inWindows(file: string): string {
  return `Z:${file.replaceAll('/', '\\')}`;
}

/** Starts a script of the stage on Node for Windows. */
function startWindows(script: string, args: readonly string[], options: readonly string[] = []): Started {
  return startUnderWine([nodeForWindows, ...base, ...options, inWindows(path.join(staged, script)), ...args]);
}

/** The command line, as its users start it. */
export function startTidemark(...args: readonly string[]): Started {
  return startWindows('dist/electron/cli.js', args);
}

/** Runs the command line to its end. */
export async function runTidemark(...args: readonly string[]): Promise<{ code: number | null; output: string }> {
  await using started = startTidemark(...args);
  const code = await started.ended;
  return { code, output: started.output() };
}

/** The headless host; `url` lets a browser in once. */
export async function startHeadlessOnWindows(...args: readonly string[]): Promise<Started & { readonly url: string }> {
  const started = startWindows('dist/electron/headless.js', args);
  await started.printed('Press Ctrl+C');
  const [url = ''] = /https?:\S+#token=\S+/.exec(started.output()) ?? [];
  return { ...started, url };
}

/** In a console of its own, where Ctrl+C reaches it. */
export interface InConsole extends Started {
  readonly pressCtrlC: () => void;
}

export function startTidemarkInConsole(folder: WindowsFolder, ...args: readonly string[]): InConsole {
  const output = `console-${process.hrtime.bigint()}.log`;
  const wish = `${output}.wish`;
  const cli = inWindows(path.join(staged, 'dist/electron/cli.js'));
  const program = [inWindows(nodeForWindows), ...base, cli, ...args];
  const started = startUnderWine([consoleForWindows, folder.at(output), folder.at(wish), ...program]);
  const read = () => (fs.existsSync(folder.here(output)) ? fs.readFileSync(folder.here(output), 'utf8') : '');
  return {
    ...started,
    output: read,
    printed: async (text) => void (await until(`“${text}” is printed`, () => read().includes(text))),
    pressCtrlC: () => fs.writeFileSync(folder.here(wish), 'c'),
    [Symbol.asyncDispose]: async () => {
      // Killed itself, it would leave its program behind.
      if (started.child.exitCode === null) fs.writeFileSync(folder.here(wish), 'k');
      await started.ended;
    },
  };
}

function startUnderWine(args: readonly string[]): Started {
  const folder = fs.mkdtempSync(path.join(driveC, 't', 'o'));
  const file = path.join(folder, 'output');
  const output = fs.openSync(file, 'a');
  const child = spawn(wineProgram, args, { stdio: ['ignore', output, output], env, cwd: driveC });
  fs.closeSync(output);
  let last = '';
  const read = (): string => (fs.existsSync(file) ? (last = fs.readFileSync(file, 'utf8')) : last);
  let hasEnded = false;
  const ended = once(child, 'exit').then(([code]) => {
    hasEnded = true;
    read();
    fs.rmSync(folder, { recursive: true, force: true });
    return code as number | null;
  });
  return {
    child,
    output: read,
    ended,
    printed: async (text) => {
      await until(`“${text}” is printed`, () => read().includes(text) || hasEnded, 60_000).catch((error: unknown) => {
        throw new Error(`${String(error)}:\n${read()}`, { cause: error });
      });
      if (!read().includes(text)) throw new Error(`${args.at(-1)} ended without printing “${text}”:\n${last}`);
    },
    [Symbol.asyncDispose]: async () => {
      if (!hasEnded) child.kill('SIGKILL');
      await ended;
    },
  };
}

/** An application for Windows that does what it is told. */
export async function startWindowsApp(): Promise<ScriptedApp & { readonly kill: () => Promise<void> }> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const started = startWindows('test/scripted-app.ts', [String(port)], ['--experimental-strip-types']);
  const failed = started.ended.then((code) => {
    throw new Error(`the application ended (${code}): ${started.output().slice(-1000)}`);
  });
  failed.catch(() => {});
  const [socket] = (await Promise.race([once(server, 'connection'), failed])) as [Socket];
  server.close();
  socket.on('error', () => {});
  const waiting: ((line: string) => void)[] = [];
  createInterface({ input: socket }).on('line', (line) => waiting.shift()?.(line));
  const does = async (...steps: readonly Step[]): Promise<readonly unknown[]> => {
    const answer = new Promise<string>((tell) => waiting.push(tell));
    socket.write(`${JSON.stringify(steps)}\n`);
    const { answers, error } = JSON.parse(await Promise.race([answer, failed])) as {
      answers?: readonly unknown[];
      error?: string;
    };
    if (answers === undefined) throw new Error(`the application fails: ${error}`);
    return answers;
  };
  const kill = async (): Promise<void> => {
    socket.destroy();
    await started[Symbol.asyncDispose]();
  };
  return { does, asks: async (...steps) => (await does(...steps)).at(-1), kill, [Symbol.asyncDispose]: kill };
}
