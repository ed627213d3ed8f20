// The contract over a WebSocket: birpc with JSON frames. Connects again by itself, with a growing pause; while there is no
// connection, calls fail at once with `connection-lost`.
import { createBirpc } from 'birpc';
import type { CommandName, Reply } from '../../shared/contract.ts';
import { AppError } from '../../shared/errors.ts';
import type { AppState } from '../../shared/model.ts';
import { type Connection, type ConnectionStatus, unwrap } from './connection.ts';
import { isLockedOut, readSecret } from './session.ts';

interface Remote {
  call(name: CommandName, argument: unknown): Reply<CommandName>;
}

interface Local {
  state(state: AppState): void;
}

type Rpc = ReturnType<typeof createBirpc<Remote, Local>>;

/** The word by which the host knows that the other one is the page's secret. */
const protocol = 'tidemark';
const shortestPauseMs = 500;
const longestPauseMs = 10_000;

/** Opens a connection to the host at `url` (http or https, or ws or wss). */
export function openSocketConnection(url: URL): Connection {
  const address = new URL(url);
  address.protocol = address.protocol.replace(/^http/, 'ws');
  address.hash = '';

  let rpc: Rpc | undefined;
  let newest: AppState | undefined;
  let status: ConnectionStatus = { kind: 'connecting' };
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stateListeners = new Set<(state: AppState) => void>();
  const statusListeners = new Set<(status: ConnectionStatus) => void>();

  function announce(next: ConnectionStatus): void {
    status = next;
    for (const listener of statusListeners) listener(next);
  }

  function connect(): void {
    clearTimeout(timer);
    const secret = readSecret();
    const socket = new WebSocket(address, secret === undefined ? [protocol] : [protocol, secret]);
    const opened = createBirpc<Remote, Local>(
      {
        state(state) {
          newest = state;
          for (const listener of stateListeners) listener(state);
        },
      },
      {
        post: (text: string) => socket.send(text),
        on: (receive) => socket.addEventListener('message', (event) => receive(event.data)),
        serialize: JSON.stringify,
        deserialize: (text: string) => JSON.parse(text) as unknown,
        // Native dialogs may stay open as long as they like.
        timeout: -1,
      },
    );
    socket.addEventListener('open', () => {
      rpc = opened;
      announce({ kind: 'open' });
    });
    socket.addEventListener('close', () => {
      rpc = undefined;
      opened.$close(new AppError('connection-lost'));
      wait();
      void leaveWhereLockedOut();
    });
  }

  function wait(): void {
    const attempts = status.kind === 'lost' ? status.attempts + 1 : 0;
    const sinceAt = status.kind === 'lost' ? status.sinceAt : Date.now();
    const pauseMs = Math.min(longestPauseMs, shortestPauseMs * 2 ** attempts) * (0.75 + Math.random() / 2);
    announce({ kind: 'lost', sinceAt, attempts, retryAt: Date.now() + pauseMs });
    timer = setTimeout(connect, pauseMs);
  }

  /** The host began anew and knows nobody who came in before: trying again leads nowhere. */
  async function leaveWhereLockedOut(): Promise<void> {
    if (await isLockedOut()) location.replace('./enter');
  }

  connect();
  return {
    api: {
      async call(name, argument) {
        if (rpc === undefined) throw new AppError('connection-lost');
        return unwrap((await rpc.call(name, argument)) as Reply<typeof name>);
      },
      subscribe(listener) {
        stateListeners.add(listener);
        if (newest !== undefined) listener(newest);
        return () => stateListeners.delete(listener);
      },
    },
    watch(listener) {
      statusListeners.add(listener);
      listener(status);
      return () => statusListeners.delete(listener);
    },
    retry() {
      if (status.kind === 'lost') connect();
    },
    pathForFile: () => undefined,
  };
}
