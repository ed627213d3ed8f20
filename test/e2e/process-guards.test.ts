// What the system lets others do to our processes, and tells them: no debugger at a signal, no memory in a dump, keys on a command
// line told to be visible, and nothing of a hostile destination obeyed by a terminal. The built entries, as processes.
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { enter } from '../support/enter.ts';
import { startHeadless } from '../support/headless-app.ts';
import { type Started, startScript } from '../support/processes.ts';
import { startS3Server } from '../support/s3-server.ts';
import { asSecondUser, hasSecondUser } from '../support/second-user.ts';
import { type TempFolder, tempFolder } from '../support/temp.ts';

const built = (name: string): string => resolve(import.meta.dirname, '../../dist/electron', name);

function makeShop(folder: TempFolder): string {
  const file = folder.at('shop.db');
  const shop = new Database(file);
  shop.pragma('journal_mode = wal');
  shop.exec('CREATE TABLE t(v)');
  shop.close();
  return file;
}

describe.skipIf(process.platform !== 'linux')('a process of ours', () => {
  const starts: readonly (readonly [string, (folder: TempFolder) => Promise<Started>])[] = [
    ['the headless host', async (folder) => (await startHeadless(folder.at('data'))).process],
    [
      'the command line',
      async (folder) => {
        const file = makeShop(folder);
        const started = startScript(built('cli.js'), [
          'replicate',
          '--data-dir',
          folder.at('data'),
          file,
          folder.at('backup'),
        ]);
        await started.printed('protected, shipped to');
        return started;
      },
    ],
    [
      'the demo’s writer',
      async (folder) => {
        const started = startScript(built('demo/writer.js'), ['--database', folder.at('demo.db')]);
        await started.printed('ready');
        return started;
      },
    ],
  ];

  test.each(starts)('opens no debugger and dumps no memory: %s', async (_name, start) => {
    using folder = tempFolder();
    await using started = await start(folder);
    const pid = started.child.pid ?? 0;
    expect(readFileSync(`/proc/${pid}/coredump_filter`, 'utf8').trim()).toBe('00000000');
    started.child.kill('SIGUSR1');
    // Taken one after the other: once this one is answered, the other one was.
    started.child.kill('SIGTERM');
    expect(await started.ended).toBe(0);
    expect(started.output()).not.toContain('Debugger');
  });

  test('goes on at the debugger’s signal', async () => {
    using folder = tempFolder();
    await using app = await startHeadless(folder.at('data'));
    app.process.child.kill('SIGUSR1');
    await enter(app.url);
    expect(app.process.output()).not.toContain('Debugger');
  });
});

describe('the command line', () => {
  test('says that a key on it is visible, and keeps quiet without one', async () => {
    using folder = tempFolder();
    const file = makeShop(folder);
    const run = async (url: string): Promise<string> => {
      await using started = startScript(built('cli.js'), ['restore', '-o', `${file}.restored`, url]);
      await started.ended;
      return started.output();
    };
    const address = 's3://bucket/app?region=eu-central-1&endpoint=http://127.0.0.1:9';
    const told = await run(`${address}&access-key-id=A&secret-access-key=marker`);
    expect(told).toContain('can be read by every user of this computer');
    expect(told).not.toContain('marker');
    expect(await run(folder.at('nothing'))).not.toContain('every user');
  });

  const evil = '\u001B[2J\u001B]0;owned\u0007\u202Egnp\nforged line';
  const record = JSON.stringify({
    v: 1,
    database: evil,
    databaseId: 'x',
    path: evil,
    machine: { name: evil, id: 'x' },
    pageSize: 4096,
    createdAt: 1,
    by: evil,
    encryption: 'none',
  });
  const segment = 'generations/0123456789abcdef/wal/00000000_00000000.wal.lz4';

  /** What is printed of an address, by every command that prints something of it. */
  async function printedOf(url: string, folder: TempFolder, env: NodeJS.ProcessEnv = {}): Promise<readonly string[]> {
    const restoring = ['restore', '-o', folder.at('restored.db')];
    const printed: string[] = [];
    for (const args of [['databases'], ['databases', '--json'], ['generations'], ['wal'], restoring]) {
      await using started = startScript(built('cli.js'), [...args, url], { env });
      await started.ended;
      printed.push(started.output());
    }
    return printed;
  }

  /** What a terminal would obey, and lines that are none of ours. */
  function commandsIn(printed: readonly string[]): readonly string[] {
    const obeyed = /[^\n\t\P{Cc}]|[\u202A-\u202E]|^forged line$/mu;
    return printed.filter((text) => text.length < 10 || obeyed.test(text));
  }

  test('lets a destination command no terminal', async () => {
    using folder = tempFolder();
    const replica = folder.at('backup');
    mkdirSync(dirname(join(replica, segment)), { recursive: true });
    mkdirSync(join(replica, 'generations', evil), { recursive: true });
    writeFileSync(join(replica, segment), evil);
    writeFileSync(join(replica, 'tidemark.json'), record);
    expect(commandsIn(await printedOf(replica, folder))).toEqual([]);
  });

  test('lets a bucket command no terminal, in names, content or what its server says', async () => {
    using folder = tempFolder();
    await using server = await startS3Server();
    const bucket = await server.makeBucket();
    const put = async (key: string, body: string): Promise<number> =>
      (await fetch(`${server.endpoint}/${bucket}/${key}`, { method: 'PUT', body })).status;
    const keys = ['app/tidemark.json', `app/${segment}`, `app/generations/${encodeURIComponent(evil.slice(0, 8))}/x`];
    const answers = await Promise.all(keys.map((key, i) => put(key, i === 0 ? record : evil)));
    expect(answers.slice(0, 2)).toEqual([200, 200]);
    const env = { AWS_ACCESS_KEY_ID: 'tester', AWS_SECRET_ACCESS_KEY: 'testing' };
    expect(commandsIn(await printedOf(server.urlOf(bucket, 'app'), folder, env))).toEqual([]);

    const liar = createServer((_request, response) => {
      response.writeHead(403, { 'content-type': 'application/xml' });
      response.end(`<Error><Code>Access\u009B2JDenied</Code><Message>\u009B2J\u202Egnp\nforged line</Message></Error>`);
    });
    await new Promise<void>((done) => liar.listen(0, '127.0.0.1', done));
    const { port } = liar.address() as AddressInfo;
    expect(
      commandsIn(await printedOf(`s3://bucket/app?region=us-east-1&endpoint=http://127.0.0.1:${port}`, folder, env)),
    ).toEqual([]);
    liar.close();
    liar.closeAllConnections();
  });
});

test.runIf(hasSecondUser)('another user of this computer reads nothing of the data folder', async () => {
  using folder = tempFolder();
  chmodSync(folder.path, 0o755);
  await using app = await startHeadless(folder.at('data'));
  const seen = await asSecondUser(
    `ls ${folder.at('data')}; cat ${folder.at('data')}/state.db; cat /proc/${app.process.child.pid}/environ`,
  );
  expect(seen.match(/Permission denied/g)).toHaveLength(3);
});
