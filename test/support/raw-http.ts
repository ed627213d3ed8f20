// Requests as no browser sends them: written to a socket byte by byte, answered or not. For tests of who must not be ended by them.
import { type Socket, connect } from 'node:net';

const answerWithinMs = 20_000;

/** Sends bytes to a port and resolves with what came back until the connection ended, or until a whole answer is there. */
export async function sendRaw(port: number, bytes: string | Uint8Array): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect({ port, host: '127.0.0.1' });
  let text = '';
  const late = setTimeout(() => socket.destroy(), answerWithinMs);
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk;
    if (text.includes('\r\n\r\n')) socket.destroy();
  });
  socket.on('error', () => undefined).once('close', () => resolve(text));
  // What is not whole is ended, so that it is judged at once.
  socket.end(bytes);
  const answer = await promise;
  clearTimeout(late);
  return answer;
}

/** Opens a connection that says nothing. */
export async function openSilent(port: number): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connect({ port, host: '127.0.0.1' });
  socket.once('connect', () => resolve(socket)).once('error', reject);
  await promise;
  socket.on('error', () => undefined);
  return socket;
}

/** First lines and headers that have ended servers, or might. `#` stands for the port. */
export const malformed: readonly string[] = [
  'GET // HTTP/1.1\r\nHost: 127.0.0.1:#\r\n\r\n',
  'GET //evil.example/ HTTP/1.1\r\nHost: 127.0.0.1:#\r\n\r\n',
  'GET http://[ HTTP/1.1\r\nHost: 127.0.0.1:#\r\n\r\n',
  'GET http://evil.example/ HTTP/1.1\r\nHost: 127.0.0.1:#\r\n\r\n',
  'GET /?token=%E0%A4%A HTTP/1.1\r\nHost: 127.0.0.1:#\r\n\r\n',
  'GET /%E0%A4%A HTTP/1.1\r\nHost: 127.0.0.1:#\r\n\r\n',
  'GET \\\\ HTTP/1.1\r\nHost: 127.0.0.1:#\r\n\r\n',
  'GET ? HTTP/1.1\r\nHost: 127.0.0.1:#\r\n\r\n',
  'GET /enter HTTP/1.1\r\nHost: 127.0.0.1:#\r\nRange: bytes=9-2\r\n\r\n',
  'GET /enter HTTP/1.1\r\nHost: 127.0.0.1:#\r\nIf-None-Match: \u00FF\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: [\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: 127.0.0.1:99999999999999999999\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: 127.0.0.1:#\r\nHost: evil.example\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: 127.0.0.1:#\r\nCookie: =;;=\u0000\r\n\r\n',
  'GET / HTTP/1.1\r\n\r\n',
  'GET / HTTP/9.9\r\nHost: 127.0.0.1:#\r\n\r\n',
  'GET /\r\n\r\n',
  `GET /${'a'.repeat(70_000)} HTTP/1.1\r\nHost: 127.0.0.1:#\r\n\r\n`,
  `GET / HTTP/1.1\r\nHost: 127.0.0.1:#\r\nX: ${'a'.repeat(70_000)}\r\n\r\n`,
  'OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1:#\r\n\r\n',
  'CONNECT evil.example:443 HTTP/1.1\r\nHost: 127.0.0.1:#\r\n\r\n',
  'TRACE / HTTP/1.1\r\nHost: 127.0.0.1:#\r\n\r\n',
  'POST /session HTTP/1.1\r\nHost: 127.0.0.1:#\r\nOrigin: http://127.0.0.1:#\r\nContent-Length: -1\r\n\r\n',
  'POST /session HTTP/1.1\r\nHost: 127.0.0.1:#\r\nOrigin: http://127.0.0.1:#\r\nContent-Length: 10\r\n\r\nabc',
  'POST /session HTTP/1.1\r\nHost: 127.0.0.1:#\r\nOrigin: http://127.0.0.1:#\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
  'POST /session HTTP/1.1\r\nHost: 127.0.0.1:#\r\nOrigin: http://127.0.0.1:#\r\nExpect: 100-continue\r\n\r\n',
  'POST /session HTTP/1.1\r\nHost: 127.0.0.1:#\r\nOrigin: http://127.0.0.1:#\r\nExpect: wonders\r\n\r\n',
  'GET /socket HTTP/1.1\r\nHost: 127.0.0.1:#\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n',
  'GET //socket HTTP/1.1\r\nHost: [\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: 127.0.0.1:#\r\nUpgrade: h2c\r\nConnection: upgrade, HTTP2-Settings\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00FC\u0003\u0003',
  '\r\n\r\n\r\n',
  '\u0000',
];

/** The same requests, damaged at random places. */
export function damage(text: string, random: () => number): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  const at = () => Math.floor(random() * bytes.length);
  switch (Math.floor(random() * 4)) {
    case 0:
      return bytes.subarray(0, at());
    case 1: {
      for (let n = 1 + random() * 8; n > 0; n--) bytes[at()] = Math.floor(random() * 256);
      return bytes;
    }
    case 2: {
      const [from, to] = [at(), at()].sort((a, b) => a - b) as [number, number];
      return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
    }
    default:
      return Buffer.concat([bytes, bytes.subarray(at())]);
  }
}

/** Numbers from 0 to 1, the same ones for a seed. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
