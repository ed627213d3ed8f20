// A minute of requests, upgrades and frames that are damaged at random, against the built headless host as a process: it goes on
// serving its owner, and holds nothing of what it refused. The seed is printed; TIDEMARK_FUZZ_SEED takes it again.
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { enter } from '../support/enter.ts';
import { startHeadless } from '../support/headless-app.ts';
import { damage, malformed, seeded, sendRaw } from '../support/raw-http.ts';
import { tempFolder, until } from '../support/temp.ts';

const fuzzedMs = 60_000;
const atOnce = 16;

/** Whole frames of the protocol, from which damaged ones are made: text, ping, close, a part of a message, a huge one. */
const frames = [
  '\u0081\u0085\u0000\u0000\u0000\u0000hello',
  '\u0089\u0080\u0001\u0002\u0003\u0004',
  '\u0088\u0082\u0000\u0000\u0000\u0000\u0003\u00E8',
  '\u0001\u0083\u0000\u0000\u0000\u0000abc\u0000\u0083\u0000\u0000\u0000\u0000def\u0080\u0083\u0000\u0000\u0000\u0000ghi',
  '\u0082\u00FF\u0000\u0000\u0000\u007F\u00FF\u00FF\u00FF\u00FF\u0000\u0000\u0000\u0000x',
];

test('a minute of nonsense ends nothing', async () => {
  const seed = Number(process.env['TIDEMARK_FUZZ_SEED'] ?? Date.now() % 2 ** 31);
  process.stdout.write(`seed ${seed}\n`);
  const random = seeded(seed);
  const pick = (texts: readonly string[]): string => texts[Math.floor(random() * texts.length)] ?? '';
  using folder = tempFolder();
  await using app = await startHeadless(folder.at('data'));
  const { origin, cookie, headers, protocols } = await enter(app.url);
  const port = Number(new URL(origin).port);
  const window = new WebSocket(`ws://127.0.0.1:${port}/socket`, [...protocols], { headers });
  await new Promise((resolve, reject) => window.once('open', resolve).once('error', reject));
  const filesOf = (): number => readdirSync(`/proc/${app.process.child.pid}/fd`).length;
  const before = process.platform === 'linux' ? filesOf() : 0;

  const upgrade = `GET /socket HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nOrigin: ${origin}\r\nCookie: ${cookie}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: ${protocols.join(', ')}\r\n\r\n`;
  let sent = 0;
  const endAt = Date.now() + fuzzedMs;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (Date.now() < endAt) {
        const whole = pick([...malformed, upgrade]).replaceAll('#', String(port));
        const bytes =
          whole === upgrade
            ? Buffer.concat([Buffer.from(whole, 'latin1'), damage(pick(frames), random), damage(pick(frames), random)])
            : damage(whole, random);
        await sendRaw(port, bytes);
        sent++;
      }
    }),
  );
  expect(sent).toBeGreaterThan(1000);
  expect(window.readyState).toBe(WebSocket.OPEN);
  expect((await fetch(origin, { headers: { cookie } })).status).toBe(200);
  if (process.platform === 'linux') await until('nothing is held', () => filesOf() <= before + 4);
  window.terminate();
  app.process.child.kill('SIGTERM');
  expect(await app.process.ended).toBe(0);
});
