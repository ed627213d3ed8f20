// How many connections may be open to the headless host. Whoever has not shown that they came in shares few places with all
// others of their address, and gives way to the next one: so that nobody keeps the owner out, or takes the files that capturing
// needs, by holding connections.
import type { Server as HttpServer } from 'node:http';
import type { Socket } from 'node:net';

const mostStrangersOfOne = 64;
const mostStrangers = 256;
/** Windows, and what their pages load. */
const mostGuests = 128;
/** Everything of ours is asked and answered in moments. */
const headersWithinMs = 10_000;
const requestWithinMs = 30_000;

export interface ConnectionBounds {
  /** This connection is of somebody who came in. */
  welcome(socket: Pick<Socket, 'remoteAddress' | 'remotePort'>): void;
}

/** Bounds the connections of a server from now on. */
export function boundConnections(server: HttpServer): ConnectionBounds {
  server.headersTimeout = headersWithinMs;
  server.requestTimeout = requestWithinMs;
  // By where they come from: with TLS, requests know only the socket above this one. The oldest first.
  const strangers = new Map<string, Socket>();
  const guests = new Map<string, Socket>();

  server.on('connection', (socket) => {
    const name = nameOf(socket);
    makeRoom(strangers, mostStrangersOfOne, ({ remoteAddress }) => remoteAddress === socket.remoteAddress);
    makeRoom(strangers, mostStrangers);
    strangers.set(name, socket);
    socket.once('close', () => {
      for (const held of [strangers, guests]) if (held.get(name) === socket) held.delete(name);
    });
  });

  return {
    welcome(socket) {
      const name = nameOf(socket);
      const raw = strangers.get(name);
      if (raw === undefined) return;
      strangers.delete(name);
      makeRoom(guests, mostGuests);
      guests.set(name, raw);
    },
  };
}

/** Closes the oldest of those that count, until one more has room. */
function makeRoom(held: Map<string, Socket>, most: number, counts: (socket: Socket) => boolean = () => true): void {
  const counted = [...held].filter(([, socket]) => counts(socket));
  for (const [name, socket] of counted.slice(0, Math.max(0, counted.length - most + 1))) {
    held.delete(name);
    socket.destroy();
  }
}

function nameOf({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  return `${remoteAddress ?? ''} ${remotePort ?? ''}`;
}
