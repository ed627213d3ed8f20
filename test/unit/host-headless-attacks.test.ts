// What strangers may do to the headless host without ending it, or keeping its owner out: requests as no browser sends them, files
// that vanish, connections that are held. Real sockets on loopback.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type HeadlessServer, startHeadlessServer } from '../../electron/headless/server.ts';
import { addressWith } from '../../electron/host/way-in.ts';
import { type Entered, enter } from '../support/enter.ts';
import { damage, malformed, openSilent, seeded, sendRaw } from '../support/raw-http.ts';
import { tempFolder, until } from '../support/temp.ts';

const folder = tempFolder();
let server: HeadlessServer;
let port: number;

beforeAll(async () => {
  mkdirSync(folder.at('content'));
  writeFileSync(folder.at('content/index.html'), '<title>Tidemark</title>');
  server = await startHeadlessServer({
    api: { invoke: () => Promise.reject(new Error('not asked')), subscribe: () => () => undefined },
    contentDir: folder.at('content'),
    host: '127.0.0.1',
    port: 0,
    name: '12345678',
    redeem: (key) => key === 'the key',
  });
  port = Number(new URL(server.origin).port);
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

async function comeIn(): Promise<Entered> {
  return await enter(addressWith('the key', server));
}

async function statusOfPage(): Promise<number> {
  const { cookie } = await comeIn();
  return (await fetch(server.origin, { headers: { cookie } })).status;
}

test.each(malformed.map((text) => [text.slice(0, 60).replace(/[^ -~]/g, '.'), text]))(
  'answers with a refusal, or not at all: %s',
  async (_what, text) => {
    const answer = await sendRaw(port, Buffer.from(text.replaceAll('#', String(port)), 'latin1'));
    expect(answer).toMatch(/^(?:HTTP\/1\.1 (?:4\d\d|100|200) .*)?$/ms);
    expect(await statusOfPage()).toBe(200);
  },
);

test('lives through requests that are damaged at random', async () => {
  const random = seeded(13);
  for (let round = 0; round < 20; round++) {
    const texts = Array.from({ length: 20 }, () => malformed[Math.floor(random() * malformed.length)] ?? '');
    await Promise.all(texts.map((text) => sendRaw(port, damage(text.replaceAll('#', String(port)), random))));
  }
  expect(await statusOfPage()).toBe(200);
});

test('lives through frames of who came in that are damaged at random', async () => {
  const random = seeded(31);
  for (let round = 0; round < 40; round++) {
    const { headers, protocols } = await comeIn();
    const socket = new WebSocket(`ws://127.0.0.1:${port}/socket`, [...protocols], { headers });
    const { promise: closed, resolve: onClose } = Promise.withResolvers<void>();
    socket.once('close', onClose).on('error', () => undefined);
    await new Promise((resolve) => socket.once('open', resolve));
    const under = (socket as unknown as { readonly _socket: { end(bytes: Uint8Array): void } })._socket;
    under.end(
      damage('\u0081\u0085\u0000\u0000\u0000\u0000hello\u0089\u0080\u0001\u0002\u0003\u0004\u00C1\u00FF', random),
    );
    await closed;
  }
  expect(await statusOfPage()).toBe(200);
});

test('serves what is there, and lives where a file vanished', async () => {
  const { cookie } = await comeIn();
  writeFileSync(folder.at('content/late.js'), 'export {};');
  expect((await fetch(`${server.origin}/late.js`, { headers: { cookie } })).status).toBe(200);
  rmSync(folder.at('content/late.js'));
  expect((await fetch(`${server.origin}/late.js`, { headers: { cookie } })).status).toBe(404);
  expect(await statusOfPage()).toBe(200);
});

test('lets its owner in while 300 connections are held, whose places it takes back', async () => {
  const before = await comeIn();
  const window = new WebSocket(`ws://127.0.0.1:${port}/socket`, [...before.protocols], { headers: before.headers });
  await new Promise((resolve) => window.once('open', resolve));
  const held = await Promise.all(Array.from({ length: 300 }, async () => await openSilent(port)));
  expect(await statusOfPage()).toBe(200);
  await until(
    'most are closed',
    () => held.filter((socket) => socket.closed || socket.resume().readableEnded).length > 200,
  );
  // By giving way, not by waiting: those that came last are still there.
  expect(held.slice(-50).filter((socket) => !socket.closed && !socket.readableEnded)).toHaveLength(50);
  expect(window.readyState).toBe(WebSocket.OPEN);
  for (const socket of held) socket.destroy();
  window.terminate();
});
