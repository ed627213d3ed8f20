// A history whose only image is damaged or gone, and a destination that answers too slowly: each has its own sentence, and nothing is
// left behind.
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readRecord } from '../../electron/engine/replica/record.ts';
import { inTime } from '../../electron/engine/restore/in-time.ts';
import { openTarget } from '../../electron/engine/targets/open-target.ts';
import { runCommand, startCommand } from '../support/command-line.ts';
import { failureOf } from '../support/replica-scratch.ts';
import { s3UrlOf } from '../support/s3-server.ts';
import { tempFolder, type TempFolder } from '../support/temp.ts';

let folder: TempFolder;

beforeAll(async () => {
  folder = tempFolder();
  const app = new Database(folder.at('app.db'));
  app.pragma('journal_mode = wal');
  app.exec('CREATE TABLE t(v)');
  for (let i = 0; i < 300; i += 1) app.prepare('INSERT INTO t VALUES (randomblob(200))').run();
  app.close();
  const args = ['replicate', '-data-dir', folder.at('own'), folder.at('app.db'), folder.at('whole')];
  await using replicating = startCommand(args);
  await replicating.printed('protected');
  replicating.child.kill('SIGINT');
  await replicating.ended;
});
afterAll(() => folder[Symbol.dispose]());

describe('an only image that', () => {
  test.each<[string, (bytes: Buffer) => Uint8Array, string]>([
    ['has a bit flipped', (bytes) => bytes.fill((bytes[4000] ?? 0) ^ 1, 4000, 4001), 'its checksum is wrong'],
    ['was cut', (bytes) => bytes.subarray(0, bytes.length / 2), 'it ends too early'],
    ['is empty', () => new Uint8Array(0), 'it is empty'],
    ['is another file', (bytes) => bytes.fill(88, 0, 4), 'it is not an LZ4 frame'],
    ['lost its end', (bytes) => bytes.fill(48, bytes.length - 10), 'its trailer is not whole'],
  ])('%s is named with what is wrong', async (_what, damage, words) => {
    const replica = folder.at('damaged');
    fs.cpSync(folder.at('whole'), replica, { recursive: true });
    const names = fs.readdirSync(replica, { recursive: true, encoding: 'utf8' });
    const image = path.join(replica, names.find((name) => name.endsWith('.snapshot.lz4')) ?? '');
    fs.writeFileSync(image, damage(fs.readFileSync(image)));
    const ended = await runCommand(['restore', '-o', folder.at('out.db'), replica]);
    expect([ended.code, ended.stderr]).toEqual([1, expect.stringContaining(`.snapshot.lz4 is damaged: ${words}.`)]);
    expect(fs.readdirSync(folder.path).filter((name) => name.includes('out.db'))).toEqual([]);
    fs.rmSync(replica, { recursive: true });
  });
});

test('a destination that does not give its record in time is told so', async () => {
  const silent = http.createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = silent.address() as AddressInfo;
    const target = openTarget(`${s3UrlOf(`http://127.0.0.1:${port}`, 'bucket')}&accessKeyId=a&secretAccessKey=b`);
    const asked = { url: target.url, what: 'its record', ms: 50 };
    const reading = inTime(asked, async (signal) => await readRecord(target, { signal }));
    expect(await failureOf(reading)).toMatchObject({
      code: 'target-slow',
      message: `The destination ${target.url} did not give its record within 50 ms.`,
    });
  } finally {
    silent.closeAllConnections();
    silent.close();
  }
});
