// A headless Chromium of the stand-in's own, spoken to in the DevTools protocol over one WebSocket.
// It ends with this process, however that ends: a debugging pipe beside the port is its lifeline.
import { spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import type { CDPSession } from 'playwright-core';
import { findChromium } from '../chromium.ts';
import { as } from './members.ts';

/** One session of the protocol: the browser's own, or that of a page. Playwright has the types. */
export type Cdp = Pick<CDPSession, 'send' | 'on'>;

export interface ChromiumProcess {
  readonly browser: Cdp;
  session(id: string): Cdp;
}

interface Message {
  readonly id?: number;
  readonly sessionId?: string;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

/** Starts Chromium and prints the line that Playwright waits for. */
export async function startChromium(profileDir: string): Promise<ChromiumProcess> {
  const endpoint = await launch(await findChromium(), profileDir);
  const socket = new WebSocket(endpoint);
  const { promise: opened, resolve, reject } = Promise.withResolvers<void>();
  socket.addEventListener('open', () => resolve());
  socket.addEventListener('error', () => reject(new Error(`cannot reach Chromium at ${endpoint}`)));
  await opened;

  let lastId = 0;
  const waiting = new Map<number, (message: Message) => void>();
  const sessions = new Map<string, { readonly cdp: Cdp; readonly events: EventEmitter }>();
  function session(sessionId: string): { readonly cdp: Cdp; readonly events: EventEmitter } {
    const known = sessions.get(sessionId);
    if (known !== undefined) return known;
    const events = new EventEmitter().setMaxListeners(0);
    const cdp = as<Cdp>({
      async send(method: string, params?: object) {
        const { promise, resolve: onAnswer } = Promise.withResolvers<Message>();
        lastId += 1;
        waiting.set(lastId, onAnswer);
        socket.send(JSON.stringify({ id: lastId, method, params, ...(sessionId === '' ? {} : { sessionId }) }));
        const { result, error } = await promise;
        if (error !== undefined) throw new Error(`${method}: ${error.message}`);
        return result;
      },
      on: (event: string, listener: (facts: unknown) => void) => events.on(event, listener),
    });
    sessions.set(sessionId, { cdp, events });
    return { cdp, events };
  }
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(String(data)) as Message;
    if (message.id === undefined) {
      session(message.sessionId ?? '').events.emit(message.method ?? '', message.params);
      return;
    }
    waiting.get(message.id)?.(message);
    waiting.delete(message.id);
  });
  process.stderr.write(`DevTools listening on ${endpoint}\n`);
  return { browser: session('').cdp, session: (id) => session(id).cdp };
}

async function launch(executable: string, profileDir: string): Promise<string> {
  const child = spawn(
    executable,
    [
      '--headless',
      '--no-startup-window',
      '--remote-debugging-port=0',
      '--remote-debugging-pipe',
      `--user-data-dir=${profileDir}`,
      '--no-first-run',
      '--disable-dev-shm-usage',
      '--disable-background-networking',
      '--disable-extensions',
      // A test never leaves the machine.
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost',
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    ],
    { stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'] },
  );
  process.on('exit', () => child.kill('SIGKILL'));
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let log = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-8000);
    const [, endpoint] = /DevTools listening on (ws:\S+)/.exec(log) ?? [];
    if (endpoint !== undefined) resolve(endpoint);
  });
  child.once('error', reject);
  child.once('exit', (code) => reject(new Error(`Chromium ended with ${code}:\n${log}`)));
  return await promise;
}
