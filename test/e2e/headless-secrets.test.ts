// A secret typed into a window, through the built headless host: it opens the bucket that it is for, is typed once more when its
// key is lost, and stands in nothing that was printed, written, pushed or answered.
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { Argument, CommandName, Reply } from '../../shared/contract.ts';
import type { AppState } from '../../shared/model.ts';
import { enter } from '../support/enter.ts';
import { startHeadless } from '../support/headless-app.ts';
import { filesWith, holdsSecret, markerSecret, markerToken } from '../support/marker.ts';
import { startS3Server } from '../support/s3-server.ts';
import { tempFolder, until } from '../support/temp.ts';

interface Window extends Disposable {
  readonly state: () => AppState | undefined;
  readonly heard: readonly string[];
  call<N extends CommandName>(name: N, argument: Argument<N>): Promise<Reply<N>>;
}

/** What a page does, without a page: a socket of its own, and every message kept. */
async function openWindow(printed: string): Promise<Window> {
  const { origin, headers, protocols } = await enter(printed);
  const socket = new WebSocket(`ws://${new URL(origin).host}/socket`, [...protocols], { headers });
  const heard: string[] = [];
  const waiting = new Map<string, (reply: unknown) => void>();
  let state: AppState | undefined;
  socket.on('message', (data: Buffer) => {
    heard.push(data.toString());
    const message = JSON.parse(data.toString()) as { m?: string; i?: string; a?: unknown[]; r?: unknown };
    if (message.m === 'state') state = message.a?.[0] as AppState;
    else waiting.get(message.i ?? '')?.(message.r);
  });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  let calls = 0;
  return {
    state: () => state,
    heard,
    call: async (name, argument) => {
      const { promise, resolve } = Promise.withResolvers<unknown>();
      const i = String(++calls);
      waiting.set(i, resolve);
      socket.send(JSON.stringify({ t: 'q', i, m: 'call', a: [name, argument] }));
      return (await promise) as Reply<typeof name>;
    },
    [Symbol.dispose]: () => socket.close(),
  };
}

test('a secret that a window typed is used, survives the loss of its key by being typed again, and is never seen', async () => {
  using folder = tempFolder();
  await using server = await startS3Server();
  const bucket = await server.makeBucket();
  const file = folder.at('shop.db');
  const shop = new Database(file);
  shop.pragma('journal_mode = wal');
  shop.exec('CREATE TABLE t(id INTEGER PRIMARY KEY)');
  const place = {
    kind: 's3' as const,
    provider: 'other' as const,
    bucket,
    prefix: '',
    region: 'us-east-1',
    endpoint: server.endpoint,
    credentials: {
      kind: 'keys' as const,
      accessKeyId: 'AKIATESTER',
      secretAccessKey: markerSecret,
      sessionToken: markerToken,
    },
  };
  const said: string[] = [];
  const run = async (work: (window: Window) => Promise<void>): Promise<void> => {
    await using app = await startHeadless(folder.at('data'));
    {
      using window = await openWindow(app.url);
      await work(window);
      said.push(...window.heard);
    }
    app.process.child.kill('SIGTERM');
    expect(await app.process.ended).toBe(0);
    said.push(app.process.output());
  };
  const looks = async (window: Window, kind: string): Promise<void> => {
    await until(`it is ${kind}`, () => window.state()?.databases[0]?.status.kind === kind || undefined);
  };

  await run(async (window) => {
    const added = await window.call('addTarget', { place });
    if (!added.ok) throw new Error(added.error.message);
    await window.call('addDatabase', { path: file, targetId: added.value.targetId });
    await looks(window, 'protected');
    // Answers that fail.
    await window.call('addTarget', { place: { ...place, endpoint: 'no endpoint' } });
    await window.call('testTarget', { place: { ...place, bucket: 'no-such-bucket' } });
    await window.call('listReplica', {
      url: `s3://no-such-bucket?endpoint=${server.endpoint}&accessKeyId=A&secretAccessKey=${markerSecret}`,
    });
    expect(window.state()?.host).toMatchObject({ secretsKeptBy: 'file' });
  });
  expect(fs.statSync(folder.at('data', 'secret.key')).mode & 0o777).toBe(0o600);
  await run(async (window) => await looks(window, 'protected'));

  fs.rmSync(folder.at('data', 'secret.key'));
  shop.exec('INSERT INTO t DEFAULT VALUES');
  await run(async (window) => {
    await looks(window, 'problem');
    expect(window.state()?.databases[0]?.status).toMatchObject({ problem: { code: 'target-secret-unreadable' } });
    const targetId = window.state()?.targets[0]?.id ?? '';
    await window.call('updateTarget', { targetId, place });
    await looks(window, 'protected');
  });
  shop.close();

  expect(filesWith(folder.path, [markerSecret, markerToken])).toEqual([]);
  expect(said.join('\n')).toContain('AKIATESTER');
  expect(said.filter((text) => holdsSecret(text, [markerSecret, markerToken]))).toEqual([]);
});
