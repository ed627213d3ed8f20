// The way to the engine, whichever host carries it: the desktop's preload where there is one, else a WebSocket beside the
// page. Answers become values or `AppError`s; the connection's own state is announced, never hidden.
import { must } from '../../shared/assert.ts';
import type { Reply } from '../../shared/contract.ts';
import type { AppState } from '../../shared/model.ts';
import { type Connection, unwrap } from './connection.ts';
import { openSocketConnection } from './socket-connection.ts';
import type { TidemarkBridge } from './window.d.ts';

let provided: Connection | undefined;

/** Makes this connection the one that actions use. */
export function provideConnection(opened: Connection): Connection {
  provided = opened;
  return opened;
}

/** The connection that actions use. */
export function connection(): Connection {
  return must(provided, 'main.tsx provides the connection before anything renders');
}

/** Opens the connection that this window's host offers. */
export function openConnection(): Connection {
  return window.tidemark === undefined
    ? openSocketConnection(new URL('./socket', location.href))
    : bridgeConnection(window.tidemark);
}

function bridgeConnection(bridge: TidemarkBridge): Connection {
  return {
    api: {
      call: async (name, argument) => unwrap((await bridge.call(name, argument)) as Reply<typeof name>),
      subscribe: (listener) => bridge.subscribe((state) => listener(state as AppState)),
    },
    watch(listener) {
      listener({ kind: 'open' });
      return () => undefined;
    },
    retry: () => undefined,
    pathForFile(file) {
      const path = bridge.pathForFile(file);
      return path === '' ? undefined : path;
    },
  };
}
