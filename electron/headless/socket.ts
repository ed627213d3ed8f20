// The contract over a WebSocket, for whoever was let in: one function to call, and the state that is pushed. What is no request
// of ours ends the conversation, and nothing else.
import { createBirpc } from 'birpc';
import type { RawData, WebSocket } from 'ws';
import { z } from 'zod';
import type { CommandName, Reply } from '../../shared/contract.ts';
import type { AppState } from '../../shared/model.ts';
import type { HostApi } from '../host/host-api.ts';
import { createStatePush } from '../host/state-push.ts';

/** What a window may ask over the socket. */
interface SocketServerFunctions {
  call(name: unknown, argument: unknown): Promise<Reply<CommandName>>;
}

/** What the window hears over the socket. */
interface SocketClientFunctions {
  state(state: AppState): void;
}

/** At most this much of what was sent may wait in a socket before states are skipped. */
const cloggedBytes = 4 * 1024 * 1024;
const statesEveryMs = 200;

/** Answers one window until it or the server closes the socket. */
export function serveSocket(webSocket: WebSocket, api: HostApi): void {
  const functions: SocketServerFunctions = { call: (name, argument) => api.invoke(name, argument) };
  const rpc = createBirpc<SocketClientFunctions, SocketServerFunctions, false>(functions, {
    proxify: false,
    post: (text: string) => webSocket.send(text),
    on: (listener) => webSocket.on('message', (data: RawData) => listener(data)),
    serialize: (message: unknown) => JSON.stringify(message),
    deserialize: parseRequest,
    onGeneralError: () => {
      webSocket.close(1007, 'not understood');
      return true;
    },
  });
  const push = createStatePush<AppState>({
    everyMs: statesEveryMs,
    send: (state) => {
      rpc.$callEvent('state', state).catch(() => webSocket.terminate());
    },
    isClogged: () => webSocket.bufferedAmount > cloggedBytes,
  });
  const unsubscribe = api.subscribe((state) => push.push(state));
  webSocket.on('error', () => webSocket.terminate());
  webSocket.on('close', () => {
    unsubscribe();
    push[Symbol.dispose]();
    rpc.$close();
  });
}

/** One request of birpc's protocol that names the one function there is; everything else throws. */
function parseRequest(data: RawData): unknown {
  return callRequest.parse(JSON.parse(Buffer.isBuffer(data) ? data.toString('utf8') : ''));
}

const callRequest = z.object({
  t: z.literal('q'),
  i: z.string(),
  m: z.literal('call'),
  a: z.array(z.unknown()).max(2),
});
