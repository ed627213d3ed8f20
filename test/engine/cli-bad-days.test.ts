// `replicate` on bad days: nobody reads what it says, what it shall protect is not there yet, destinations hang, its user has no
// home. It goes on, ends in time, and its exit status tells whether everything is at its destination.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeDatabase } from '../support/application.ts';
import { commandEntry, startCommand } from '../support/command-line.ts';
import { openTestEngine } from '../support/engine.ts';
import { type Started, startScript } from '../support/processes.ts';
import { type TempFolder, tempFolder, until } from '../support/temp.ts';

const schema = 'CREATE TABLE t(id INTEGER PRIMARY KEY)';
/** After this whoever stops a service kills it, as a rule. */
const promisedMs = 9000;

let folder: TempFolder;
let file: string;

beforeEach(() => {
  folder = tempFolder();
  file = folder.at('shop.db');
});

afterEach(() => folder[Symbol.dispose]());

describe.skipIf(process.platform === 'win32')('goes on although', () => {
  test('whoever read its output is gone', async () => {
    makeDatabase(file, schema);
    const child = spawn(process.execPath, [commandEntry, ...toFolder()], { stdio: ['ignore', 'pipe', 'pipe'] });
    const ended = once(child, 'close');
    try {
      child.stdout.destroy();
      child.stderr.destroy();
      expect(await arrives(0)).toBe(0);
      // More lines that nobody wants.
      child.kill('SIGUSR2');
      insert();
      expect(await arrives(1)).toBe(1);
      child.kill('SIGTERM');
      expect((await ended)[0]).toBe(0);
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('nobody reads its output, and stops in time', async () => {
    makeDatabase(file, schema);
    execFileSync('mkfifo', [folder.at('pipe')]);
    const full = fs.openSync(folder.at('pipe'), fs.constants.O_RDWR | fs.constants.O_NONBLOCK);
    for (let isFull = false; !isFull;) {
      try {
        fs.writeSync(full, Buffer.alloc(4096));
      } catch {
        isFull = true;
      }
    }
    const child = spawn(process.execPath, [commandEntry, ...toFolder()], { stdio: ['ignore', full, full] });
    const ended = once(child, 'close');
    try {
      expect(await arrives(0)).toBe(0);
      insert();
      expect(await arrives(1)).toBe(1);
      const askedAt = performance.now();
      child.kill('SIGTERM');
      expect((await ended)[0]).toBe(0);
      expect(performance.now() - askedAt).toBeLessThan(promisedMs);
    } finally {
      child.kill('SIGKILL');
      fs.closeSync(full);
    }
  });
});

describe('what a configuration names', () => {
  test('may be missing, empty or not in WAL mode yet: it is waited for, and told of', async () => {
    const [missing, empty, other, nested] = ['missing.db', 'empty.db', 'other.db', 'sub/nested.db'].map((name) =>
      folder.at(name),
    ) as [string, string, string, string];
    fs.writeFileSync(empty, '');
    makeDatabase(other, schema);
    setMode(other, 'delete');
    await using replicating = startConfigured([missing, empty, other, nested]);
    for (const one of [missing, empty, other, nested]) await replicating.printed(`${one}: waited for`);
    expect(replicating.output()).toContain(`There is no file at ${missing}`);
    expect(replicating.output()).toContain(`${empty} is empty`);
    expect(replicating.output()).toContain(`${other} is not in WAL mode`);
    makeDatabase(missing, schema);
    makeDatabase(empty, schema);
    setMode(other, 'wal');
    fs.mkdirSync(folder.at('sub'));
    makeDatabase(nested, schema);
    for (const one of [missing, empty, other, nested]) await replicating.printed(`${one}: protected`);
    replicating.child.kill('SIGTERM');
    expect(await replicating.ended).toBe(0);
  });

  test('is switched to WAL mode when it comes, where that is allowed', async () => {
    await using replicating = startConfigured([file], ['-enable-wal']);
    await replicating.printed(`${file}: waited for`);
    makeDatabase(file, schema);
    setMode(file, 'delete');
    await replicating.printed(`${file}: protected`);
    replicating.child.kill('SIGTERM');
    expect(await replicating.ended).toBe(0);
    expect(setMode(file, 'wal')).toBe('wal');
  });

  test('and never came is not at its destination, as the exit status tells', async () => {
    makeDatabase(file, schema);
    await using replicating = startConfigured([file, folder.at('missing.db')]);
    await replicating.printed(`${file}: protected`);
    await replicating.printed(`missing.db: waited for`);
    replicating.child.kill('SIGTERM');
    expect(await replicating.ended).toBe(1);
  });
});

describe('stops in time, and its exit status tells that not everything is there, where', () => {
  test('a bucket takes every connection and never answers', async () => {
    makeDatabase(file, schema);
    await using server = await startSilentServer();
    const url = `s3://bucket/shop?region=r&endpoint=http://127.0.0.1:${server.port}`;
    const env = { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret' };
    await using replicating = startScript(commandEntry, ['replicate', '-data-dir', folder.at('data'), file, url], {
      env,
    });
    await until('it asks', () => server.connections() > 0);
    insert();
    expect(await endedInTime(replicating)).toBe(1);
    expect(replicating.output()).toContain('Stopped.');
    expect(leftBeside()).toEqual([]);
  });

  test.skipIf(process.platform === 'win32')('a call to a folder never comes back', async () => {
    makeDatabase(file, schema);
    const replica = folder.at('backup', 'shop.db');
    fs.mkdirSync(replica, { recursive: true });
    // Whoever opens it waits in the kernel, as on a network drive that went away.
    execFileSync('mkfifo', [path.join(replica, 'tidemark.json')]);
    await using replicating = startCommand(['replicate', '-data-dir', folder.at('data'), file, replica]);
    await replicating.printed(`${file}: `);
    insert();
    await until('it is captured', () => fs.readdirSync(folder.at('data', 'databases')).length);
    expect(await endedInTime(replicating)).toBe(1);
    expect(leftBeside()).toEqual([]);
  });

  test('a destination went away', async () => {
    makeDatabase(file, schema);
    await using replicating = startCommand(toFolder());
    await replicating.printed(`${file}: protected`);
    fs.renameSync(folder.at('backup'), folder.at('away'));
    fs.writeFileSync(folder.at('backup'), 'in the way');
    insert();
    await until('it is told', () => /backup/.test(replicating.output().split(`${file}: protected`)[1] ?? ''));
    expect(await endedInTime(replicating)).toBe(1);
    expect(replicating.output()).not.toContain('Everything that was captured is at its destination');
  });
});

describe.skipIf(process.getuid?.() !== 0)('a user without a home', () => {
  test('needs none where the data folder is named', async () => {
    makeDatabase(file, schema);
    execFileSync('chown', ['-R', '54321:54321', folder.path]);
    const user = { uid: 54_321, gid: 54_321 };
    const { HOME: _home, ...env } = process.env;
    const child = spawn(process.execPath, [commandEntry, ...toFolder()], { stdio: 'pipe', env, ...user });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const ended = once(child, 'close');
    try {
      await until(`it is protected: ${output}`, () => output.includes(`${file}: protected`) || child.exitCode !== null);
      child.kill('SIGTERM');
      expect([(await ended)[0], output]).toEqual([0, expect.stringContaining('Stopped. Everything')]);
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('is told to name one where there is none', async () => {
    const { HOME: _home, XDG_DATA_HOME: _data, ...env } = process.env;
    const args = ['replicate', file, folder.at('backup')];
    const user = { uid: 54_321, gid: 54_321 };
    const child = spawn(process.execPath, [commandEntry, ...args], { stdio: 'pipe', env, ...user });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    await once(child, 'close');
    expect([child.exitCode, said]).toEqual([1, expect.stringContaining('--data-dir')]);
  });
});

function toFolder(): readonly string[] {
  return ['replicate', '-data-dir', folder.at('data'), file, folder.at('backup')];
}

function startConfigured(databases: readonly string[], more: readonly string[] = []): Started {
  const lines = databases.map((one) => `  - {path: ${one}, replica: ${folder.at('to', path.basename(one))}}\n`);
  fs.writeFileSync(folder.at('c.yml'), `dbs:\n${lines.join('')}`);
  return startCommand(['replicate', '-config', folder.at('c.yml'), '-data-dir', folder.at('data'), ...more]);
}

async function endedInTime(started: Started): Promise<number | null> {
  const askedAt = performance.now();
  started.child.kill('SIGTERM');
  const code = await started.ended;
  expect(performance.now() - askedAt).toBeLessThan(promisedMs);
  return code;
}

/** Resolves, with their number, when so many rows are restorable. */
async function arrives(rows: number): Promise<number> {
  await using engine = openTestEngine(folder.at('reader'));
  await until(`${rows} rows are restorable`, async () => {
    try {
      const url = folder.at('backup');
      return (await engine.newest(url, (one) => one.prepare('SELECT count(*) FROM t').pluck().get())) === rows;
    } catch {
      // @NOTE Nothing is there yet.
      return false;
    }
  });
  return rows;
}

function leftBeside(): readonly string[] {
  return fs.readdirSync(folder.path).filter((name) => name.startsWith('shop.db-'));
}

function insert(): void {
  const app = new Database(file);
  app.exec('INSERT INTO t DEFAULT VALUES');
  app.close();
}

function setMode(database: string, mode: string): unknown {
  const app = new Database(database, { timeout: 5000 });
  const is = app.pragma(`journal_mode = ${mode}`, { simple: true });
  app.close();
  return is;
}

interface SilentServer extends AsyncDisposable {
  readonly port: number;
  readonly connections: () => number;
}

async function startSilentServer(): Promise<SilentServer> {
  const open = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    open.add(socket.on('error', () => {}));
    socket.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    connections: () => open.size,
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
