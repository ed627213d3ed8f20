// Buckets behind a proxy that the environment names: real processes, a proxy that knows the only way, servers whose names nobody else
// can look up.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runCommand, startCommand } from '../support/command-line.ts';
import { startFaultyProxy } from '../support/faulty-proxy.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';
import { startScriptedS3 } from '../support/scripted-s3.ts';
import { tempFolder, type TempFolder } from '../support/temp.ts';

let upstream: S3Server;
let proxy: http.Server;
let address: string;
let folder: TempFolder;
/** What was asked for, by its method and name. */
let asked: string[] = [];
/** Where tunnels lead, whatever was asked for. */
let tunnelTo = 0;
/** What is answered instead. */
let refusal: number | undefined;

beforeAll(async () => {
  upstream = await startS3Server();
  proxy = http.createServer((request, response) => {
    const { method, headers } = request;
    const url = new URL(request.url ?? '');
    asked.push(`${method ?? ''} ${url.host} ${headers['proxy-authorization'] ?? '-'}`);
    if (refusal !== undefined) return void response.writeHead(refusal).end();
    const { hostname, port, host } = new URL(upstream.endpoint);
    // The server behind takes the first part of another name for that of a bucket.
    const sent = { method, headers: { ...headers, host }, path: url.pathname + url.search };
    const forwarded = http.request({ hostname, port, ...sent }, (got) => {
      response.writeHead(got.statusCode ?? 500, got.headers);
      got.pipe(response);
    });
    request.pipe(forwarded);
  });
  proxy.on('connect', (request, socket) => {
    asked.push(`CONNECT ${request.url ?? ''} ${request.headers['proxy-authorization'] ?? '-'}`);
    socket.on('error', () => {});
    if (refusal !== undefined) return void socket.end(`HTTP/1.1 ${refusal} No\r\n\r\n`);
    const other = net.connect(tunnelTo, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(other).pipe(socket);
    });
    other.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  address = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
});
afterAll(async () => {
  proxy.closeAllConnections();
  proxy.close();
  await upstream[Symbol.asyncDispose]();
});
beforeEach(() => {
  asked = [];
  refusal = undefined;
  folder = tempFolder();
  const app = new Database(folder.at('app.db'));
  app.pragma('journal_mode = wal');
  app.exec('CREATE TABLE t(v); INSERT INTO t VALUES (1)');
  app.close();
  return () => folder[Symbol.dispose]();
});

const none = { HTTP_PROXY: '', http_proxy: '', HTTPS_PROXY: '', https_proxy: '', NO_PROXY: '', no_proxy: '' };
const keys = 'region=us-east-1&accessKeyId=tester&secretAccessKey=testing&force-path-style=true';

async function replicateTo(url: string, env: Readonly<Record<string, string>>): Promise<void> {
  const args = ['replicate', '-data-dir', folder.at('own'), folder.at('app.db'), url];
  await using replicating = startCommand(args, { env: { ...none, ...env } });
  await replicating.printed('protected');
  replicating.child.kill('SIGINT');
  expect(await replicating.ended).toBe(0);
}

describe('a bucket behind a proxy', () => {
  test('is reached through the one that HTTP_PROXY names, with its password', async () => {
    const url = `s3://${await upstream.makeBucket()}/app.db?endpoint=http://s3.example.test:9000&${keys}`;
    const env = { HTTP_PROXY: `http://user:word@${address}` };
    await replicateTo(url, env);
    expect(new Set(asked.map((line) => line.replace(/^\w+ /, '')))).toEqual(
      new Set([`s3.example.test:9000 Basic ${Buffer.from('user:word').toString('base64')}`]),
    );
    const restoring = ['restore', '-o', folder.at('out.db'), url];
    expect(await runCommand(restoring, { env: { ...none, http_proxy: address } })).toMatchObject({ code: 0 });
  });

  test('is reached through a tunnel where it speaks TLS', async () => {
    const [key, cert] = [folder.at('key'), folder.at('cert')];
    const request = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ${key} -out ${cert} -days 2 -subj /CN=x`;
    execFileSync('openssl', request.split(' '), { stdio: 'ignore' });
    await using server = await startScriptedS3({
      tls: { key: fs.readFileSync(key, 'utf8'), cert: fs.readFileSync(cert, 'utf8') },
    });
    tunnelTo = server.port;
    const url = `s3://backups/app.db?endpoint=https://s3.example.test&skip-verify=true&${keys}`;
    const listed = await runCommand(['generations', url], { env: { ...none, https_proxy: `http://${address}` } });
    expect(listed.stderr).toContain('There is no history at');
    expect(asked[0]).toBe('CONNECT s3.example.test:443 -');
    expect(server.requests.length).toBeGreaterThan(0);
  });

  test('is reached without one where NO_PROXY says so, or none is named for its scheme', async () => {
    await using direct = await startFaultyProxy({ upstream: upstream.endpoint });
    const { port } = new URL(direct.endpoint);
    // Another address of this computer than its loopback, where it has one.
    const url = `s3://${await upstream.makeBucket()}/app.db?endpoint=http://0.0.0.0:${port}&${keys}`;
    const restoring = ['generations', url];
    for (const env of [{ HTTP_PROXY: address, NO_PROXY: '0.0.0.0/8' }, { HTTPS_PROXY: address }]) {
      expect((await runCommand(restoring, { env: { ...none, ...env } })).stderr).toContain('There is no history at');
    }
    expect(asked).toEqual([]);
    await runCommand(restoring, { env: { ...none, HTTP_PROXY: address } });
    expect(asked.length).toBeGreaterThan(0);
  });

  test.each([
    ['http', 407, 'the proxy on the way asks for a user and a password (407)'],
    ['https', 407, 'the proxy on the way asks for a user and a password (407)'],
    ['https', 403, 'the proxy on the way refuses to lead there (403)'],
    ['http', 502, 'a server on the way does not get through to it (502)'],
  ])('by %s and a proxy that answers %i is told with the proxy', async (scheme, status, words) => {
    refusal = status;
    const url = `s3://backups/app.db?endpoint=${scheme}://s3.example.test&${keys}`;
    const env = { ...none, [`${scheme.toUpperCase()}_PROXY`]: `http://user:MARKER@${address}` };
    const ended = await runCommand(['generations', url], { env });
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain(`cannot reach s3.example.test (through the proxy ${address}): ${words}.`);
    expect(ended.stderr).not.toContain('MARKER');
  });

  test('and a proxy that is not there are told apart from the server', async () => {
    const url = `s3://backups/app.db?endpoint=http://s3.example.test&${keys}`;
    const ended = await runCommand(['generations', url], { env: { ...none, HTTP_PROXY: 'http://127.0.0.1:9' } });
    expect(ended.stderr).toContain('s3.example.test (through the proxy 127.0.0.1:9): nothing answers there');
  });
});
