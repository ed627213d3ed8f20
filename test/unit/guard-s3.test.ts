// What really leaves for S3, behind the guard: paced on the wire, counted by request, watched while it moves.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../electron/engine/basics/clock.ts';
import { TargetGuard } from '../../electron/engine/guard/target-guard.ts';
import { openTarget } from '../../electron/engine/targets/open-target.ts';
import { startS3Server, s3UrlOf } from '../support/s3-server.ts';
import { until } from '../support/temp.ts';
import { testClock } from '../support/test-clock.ts';

const { signal } = new AbortController();
const credentials = { kind: 'keys', accessKeyId: 'tester', secretAccessKey: 'testing' } as const;

/** Takes whatever comes, and counts it. */
let sink: Server;
let received: Buffer[];
let ended: number;
beforeEach(async () => {
  received = [];
  ended = 0;
  sink = createServer((request, response) => {
    request.on('data', (chunk: Buffer) => received.push(chunk));
    request.on('end', () => {
      ended++;
      response.writeHead(200, { etag: '"1"' }).end();
    });
  });
  sink.listen(0, '127.0.0.1');
  await once(sink, 'listening');
});
afterEach(() => {
  sink.closeAllConnections();
  sink.close();
});

const urlOfSink = () => s3UrlOf(`http://127.0.0.1:${(sink.address() as AddressInfo).port}`, 'bucket');
const length = () => received.reduce((sum, chunk) => sum + chunk.length, 0);

test.each(['the first one', 'a later one'])(
  'a body leaves no faster than allowed, in one request, as it was: %s',
  async (which) => {
    const clock = testClock();
    const limit = 100_000;
    const guard = new TargetGuard({ clock, bandwidthBytes: limit, onProblem: () => {} });
    const { target } = guard.guard(openTarget(urlOfSink(), { credentials }));
    // What is known of a bucket by then is used.
    if (which === 'a later one') {
      await target.put('k', new Uint8Array(0), { signal });
      ended = 0;
    }
    const body = Uint8Array.from({ length: 300_000 }, (_, i) => i % 251);
    const put = target.put('k', body, { signal });
    await until('the first bytes are there', async () => {
      await clock.advance(1);
      return length() > 0;
    });
    for (let step = 0; step < 40; step++) {
      await clock.advance(50);
      await new Promise((next) => setTimeout(next, 2));
      expect(length()).toBeLessThanOrEqual((clock.ticks() / 1000 + 0.2) * limit);
    }
    expect(ended).toBe(0);
    await until('all is there', async () => {
      await clock.advance(50);
      return ended === 1;
    });
    expect(await put).toMatchObject({ bytes: body.length });
    expect(Buffer.concat(received).equals(body)).toBe(true);
    expect(clock.ticks()).toBeGreaterThan(2700);
  },
);

test('one that moves slowly is not given up, however long it takes', async () => {
  const clock = testClock();
  const guard = new TargetGuard({ clock, bandwidthBytes: 1000, stillMs: 10_000, onProblem: () => {} });
  const { target } = guard.guard(openTarget(urlOfSink(), { credentials }));
  const put = target.put('k', new Uint8Array(300_000), { signal });
  await until('all is there', async () => {
    await clock.advance(5000);
    return ended === 1;
  });
  expect(await put).toMatchObject({ bytes: 300_000 });
});

test('requests are counted as they are made: an upload in parts is several', async () => {
  await using server = await startS3Server();
  const guard = new TargetGuard({ clock: systemClock, onProblem: () => {} });
  const { target } = guard.guard(openTarget(server.urlOf(await server.makeBucket()), server));
  await target.put('small', new Uint8Array(1000), { signal });
  expect(guard.usage).toMatchObject({ puts: 1, sentBytes: 1000 });
  await target.put('small', new Uint8Array(1000), { signal });
  expect(guard.usage).toMatchObject({ puts: 2, sentBytes: 2000 });
  const large = async function* () {
    for (let i = 0; i < 20; i++) yield await Promise.resolve(new Uint8Array(1_000_000).fill(i));
  };
  await target.put('large', large(), { signal });
  expect(guard.usage.puts).toBeGreaterThanOrEqual(2 + 4);
  expect(guard.usage.sentBytes).toBeGreaterThanOrEqual(20_002_000);
  for await (const _chunk of target.get('small', { signal }));
  expect(guard.usage).toMatchObject({ gets: 1, lists: 0, deletes: 0, receivedBytes: 1000 });
  expect(await target.list('', { signal })).toMatchObject([{ bytes: 20_000_000 }, { bytes: 1000 }]);
  await target.delete(['small', 'large'], { signal });
  expect(guard.usage.lists).toBe(1);
  expect(guard.usage.deletes).toBeGreaterThanOrEqual(1);
});
