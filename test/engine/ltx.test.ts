// Places that hold what Litestream 0.5 writes (LTX): recognised in folders and buckets, written to only where somebody decided so, and
// named by whoever would restore from there.
import fs from 'node:fs';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { inspectFolder } from '../../electron/engine/destinations/folders.ts';
import { openTarget } from '../../electron/engine/targets/open-target.ts';
import { runCommand, startCommand } from '../support/command-line.ts';
import { calm } from '../support/replica-scratch.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';
import { tempFolder, type TempFolder } from '../support/temp.ts';

const fixtures = path.resolve(import.meta.dirname, '../fixtures/ltx');

let folder: TempFolder;
let database: string;
let server: S3Server;

beforeAll(async () => {
  server = await startS3Server();
});
afterAll(async () => await server[Symbol.asyncDispose]());
beforeEach(() => {
  folder = tempFolder();
  database = folder.at('app.db');
  const app = new Database(database);
  app.pragma('journal_mode = wal');
  app.exec('CREATE TABLE t(v); INSERT INTO t VALUES (1)');
  app.close();
  return () => folder[Symbol.dispose]();
});

function place(fixture: string): string {
  fs.cpSync(path.join(fixtures, fixture), folder.at('place'), { recursive: true });
  return folder.at('place');
}

async function bucket(fixture: string): Promise<string> {
  const { accessKeyId, secretAccessKey } = server.credentials;
  const url = server.urlOf(await server.makeBucket(), 'folder/app.db');
  const target = openTarget(url, { credentials: server.credentials });
  const root = path.join(fixtures, fixture);
  for (const name of fs.readdirSync(root, { recursive: true, encoding: 'utf8' })) {
    const file = path.join(root, name);
    if (fs.statSync(file).isFile()) await target.put(name, fs.readFileSync(file), { signal: calm });
  }
  return `${url}&accessKeyId=${accessKeyId}&secretAccessKey=${secretAccessKey}`;
}

async function keysAt(url: string): Promise<readonly string[]> {
  return (await openTarget(url).list('', { signal: calm })).map(({ key }) => key);
}

describe.each([
  ['a folder', () => place('folder')],
  ['a folder that a bucket was copied to', () => place('bucket')],
  ['a bucket', async () => await bucket('bucket')],
  ['a bucket that a folder was copied to', async () => await bucket('folder')],
])('%s with a history of Litestream 0.5', (_what, make) => {
  test('is not written to unless somebody decides so', async () => {
    const url = await make();
    const before = await keysAt(url);
    const args = ['-data-dir', folder.at('own'), database, url];
    await using careful = startCommand(['replicate', ...args]);
    await careful.printed('holds a history that Litestream 0.5 wrote (LTX)');
    await careful.printed('replicate --take-over');
    careful.child.kill('SIGINT');
    expect(await careful.ended).toBe(1);
    expect(await keysAt(url)).toEqual(before);

    await using decided = startCommand(['replicate', '-take-over', ...args]);
    await decided.printed('protected');
    decided.child.kill('SIGINT');
    expect(await decided.ended).toBe(0);
    expect(await keysAt(url)).toEqual(expect.arrayContaining([...before, 'tidemark.json']));
    // What was written then is the newer one.
    const restored = await runCommand(['restore', '-o', folder.at('out.db'), url]);
    expect(restored).toMatchObject({ code: 0 });
  });

  test('is named by what would read it, also where no history would be no failure', async () => {
    const url = await make();
    const words = 'a history that Litestream 0.5 wrote (LTX)';
    for (const args of [
      ['restore', '-o', folder.at('out.db'), url],
      ['restore', '-if-replica-exists', '-o', folder.at('out.db'), url],
      ['generations', url],
      ['retain', '-keep', '1h', url],
    ]) {
      const ended = await runCommand(args);
      expect([ended.code, ended.stderr]).toEqual([1, expect.stringContaining(words)]);
    }
    expect(fs.existsSync(folder.at('out.db'))).toBe(false);
  });
});

describe('a folder with histories of both lines', () => {
  test('gives the one that is read where that is the newer one', async () => {
    const restored = await runCommand(['restore', '-o', folder.at('out.db'), place('mixed')]);
    expect(restored).toMatchObject({ code: 0 });
  });

  test('gives it only by its name where the other one is newer', async () => {
    const url = place('mixed');
    const [name = ''] = fs.readdirSync(path.join(url, 'ltx/0'));
    const file = path.join(url, 'ltx/0', name);
    const bytes = fs.readFileSync(file);
    bytes.writeBigInt64BE(BigInt(Date.now() + 60_000), 32);
    fs.writeFileSync(file, bytes);
    const out = folder.at('out.db');
    for (const wish of [[], ['-timestamp', 'now']]) {
      const refused = await runCommand(['restore', '-o', out, ...wish, url]);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain('lies a newer one that Litestream 0.5 wrote');
      expect(fs.existsSync(out)).toBe(false);
    }
    const [generation = ''] = fs.readdirSync(path.join(url, 'generations'));
    expect(await runCommand(['restore', '-o', out, '-generation', generation, url])).toMatchObject({ code: 0 });
  });
});

test('a window is told before a database is added', async () => {
  fs.mkdirSync(folder.at('to'));
  fs.cpSync(path.join(fixtures, 'mixed'), folder.at('to', 'app.db'), { recursive: true });
  const asked = { folder: folder.at('to'), databasePath: database, machineId: 'm' };
  expect(await inspectFolder(asked, { signal: calm })).toMatchObject({
    kind: 'refused',
    error: { code: 'target-holds-ltx' },
  });
});
