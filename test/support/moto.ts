// moto's server of S3 (PyPI): another implementation, written by other people for the tests of other people. Installed by pip into the
// cache of this checkout where that is possible; it keeps everything in memory and looks at no signature.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { installWithApt, mayUseApt } from './apt.ts';
import { type S3Server, s3UrlOf } from './s3-server.ts';

const run = promisify(execFile);
const version = '5.2.5';
const folder = resolve(import.meta.dirname, '../../node_modules/.cache/moto', version);
const python = join(folder, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
const system = process.platform === 'win32' ? 'python' : 'python3';
const what = 'moto, another server of S3 for the tests,';
const startsWithinMs = 60_000;
const credentials = { kind: 'keys', accessKeyId: 'tester', secretAccessKey: 'testing' } as const;

/** Why there is none, as a sentence; undefined where it can be started. Installs it where that is possible. */
export async function whyNoMoto(): Promise<string | undefined> {
  if (await isInstalled()) return undefined;
  process.stdout.write('No moto here; fetching it for the tests…\n');
  // Debian's Python comes without what installs packages.
  if (!(await works(system, 'import ensurepip, venv')) && mayUseApt) await installWithApt(['python3-venv']);
  if (!(await works(system, 'import ensurepip, venv'))) {
    return `${what} needs Python with its venv (Debian: apt-get install python3-venv).`;
  }
  try {
    const limits = { timeout: 5 * 60_000 };
    await run(system, ['-m', 'venv', '--clear', folder], limits);
    await run(python, ['-m', 'pip', 'install', '--quiet', `moto[s3,server]==${version}`], limits);
  } catch (error) {
    const lines = error instanceof Error ? error.message.trim().split('\n') : [String(error)];
    return `${what} could not be installed: ${lines.at(-1)}`;
  }
  return (await isInstalled()) ? undefined : 'moto was installed, and cannot be started.';
}

async function isInstalled(): Promise<boolean> {
  return existsSync(python) && (await works(python, 'import moto.server'));
}

/** Whether this Python can do that. */
async function works(program: string, line: string): Promise<boolean> {
  return await run(program, ['-c', line]).then(
    () => true,
    () => false,
  );
}

export async function startMoto(): Promise<S3Server> {
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const child = spawn(python, ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
  let buckets = 0;
  await answers(endpoint, child);
  return {
    endpoint,
    credentials,
    async makeBucket() {
      const name = `bucket-${++buckets}`;
      const made = await fetch(`${endpoint}/${name}`, { method: 'PUT' });
      if (!made.ok) throw new Error(`the bucket was not made: ${made.status}`);
      return name;
    },
    urlOf: (bucket, prefix) => s3UrlOf(endpoint, bucket, prefix),
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'close');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function answers(endpoint: string, child: ChildProcess): Promise<void> {
  for (const endAt = Date.now() + startsWithinMs; ;) {
    try {
      await fetch(endpoint);
      return;
    } catch (error) {
      if (Date.now() > endAt || child.exitCode !== null) throw error;
    }
    await delay(100);
  }
}
