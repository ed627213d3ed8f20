// The way into the built headless host, from the side of those whom it is not for: other users of this computer, other servers and
// pages in the same browser, and whoever stands between. In a real Chromium.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { type Server, createServer } from 'node:http';
import { type AddressInfo, type Server as TcpServer, connect, createServer as createTcpServer } from 'node:net';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { enter } from '../support/enter.ts';
import { openBrowser, startHeadless } from '../support/headless-app.ts';
import { startScript } from '../support/processes.ts';
import { asSecondUser, hasSecondUser } from '../support/second-user.ts';
import { type TempFolder, tempFolder, until } from '../support/temp.ts';

const commandLine = resolve(import.meta.dirname, '../../dist/electron/cli.js');

/** A desktop whose opener notes what it was given, and what the opened file holds. */
function noteOpener(folder: TempFolder): { readonly env: NodeJS.ProcessEnv; readonly noted: () => string | undefined } {
  const note = folder.at('opened');
  const opener = `#!/bin/sh\n{ cat /proc/$$/cmdline | tr '\\0' '\\n'; echo ---; env; } > ${note}.tmp\nmv ${note}.tmp ${note}\n`;
  writeFileSync(folder.at('xdg-open'), opener, { mode: 0o755 });
  return {
    env: { DISPLAY: ':99', PATH: `${folder.path}:${process.env['PATH'] ?? ''}`, BACKUP_KEY: 'marker-secret' },
    noted: () => (existsSync(note) ? readFileSync(note, 'utf8') : undefined),
  };
}

async function listen<T extends Server | TcpServer>(server: T): Promise<{ readonly server: T; readonly port: number }> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return { server, port: (server.address() as AddressInfo).port };
}

async function mustBeIn(page: Page): Promise<void> {
  await page.getByRole('heading', { name: 'Protect your first database' }).waitFor();
}

/** What asks for the socket is answered with. */
async function askSocket(origin: string, headers: Record<string, string>, protocols: string[]): Promise<string> {
  const { promise, resolve: onAnswer } = Promise.withResolvers<string>();
  const socket = new WebSocket(`${origin.replace(/^http/, 'ws')}/socket`, protocols, {
    headers: { origin, ...headers },
    rejectUnauthorized: false,
  });
  socket.once('open', () => onAnswer('open')).once('error', (error) => onAnswer(error.message));
  const answer = await promise;
  socket.terminate();
  return answer;
}

describe('the browser', () => {
  test('is given a page for its owner alone, that lets it in once; it inherits no secret', async () => {
    using folder = tempFolder();
    const desktop = noteOpener(folder);
    await using _app = await startHeadless(folder.at('data'), [], { env: desktop.env, opens: true });
    const noted = await until('the browser is opened', desktop.noted);
    const [argv = '', env = ''] = noted.split('---\n');
    expect(argv).not.toContain('token');
    expect(env).not.toContain('marker-secret');
    const file = argv.split('\n').find((word) => word.endsWith('.html')) ?? '';
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const address = /url=([^"]+)/.exec(readFileSync(file, 'utf8'))?.[1] ?? '';

    await using browser = await openBrowser();
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(pathToFileURL(file).href);
    await mustBeIn(page);
    expect(existsSync(file)).toBe(false);
    expect(page.url()).not.toContain('token');
    await page.reload();
    await mustBeIn(page);
    const second = await context.newPage();
    await second.goto(page.url());
    await mustBeIn(second);

    const thief = await (await browser.newContext()).newPage();
    await thief.goto(address);
    await thief.getByText('That key is not valid any more').waitFor();
  });

  test('is told where to go when the host began anew', async () => {
    using folder = tempFolder();
    await using browser = await openBrowser();
    const context = await browser.newContext();
    const page = await context.newPage();
    let port = '';
    {
      await using app = await startHeadless(folder.at('data'));
      ({ port } = new URL(app.url));
      await page.goto(app.url);
      await mustBeIn(page);
    }
    await using again = await startHeadless(folder.at('data'), ['--port', port]);
    await page.getByText('ask for another one: tidemark open').waitFor();
    await page.goto(again.url);
    await mustBeIn(page);
    expect(page.url()).not.toContain('enter');
  });

  test('loses nothing to another server on this address, which receives its cookie, nor to a page of it', async () => {
    using folder = tempFolder();
    await using app = await startHeadless(folder.at('data'));
    const { origin } = new URL(app.url);
    let received = '';
    const evil = await listen(
      createServer((request, response) => {
        received ||= request.headers.cookie ?? '';
        response.setHeader('content-type', 'text/html');
        response.end(`<title>evil</title><img src="${origin}//"><img src="${origin}/%00">`);
      }),
    );
    await using browser = await openBrowser();
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(app.url);
    await mustBeIn(page);
    const other = await context.newPage();
    await other.goto(`http://127.0.0.1:${evil.port}/`);
    expect(received).toContain('tidemark-');

    // What it may do with that: ask as our page does, and run as a page of its own.
    expect(await askSocket(origin, { cookie: received }, ['tidemark'])).toContain('403');
    expect(await askSocket(origin, { cookie: received }, ['tidemark', 'A'.repeat(43)])).toContain('403');
    const asked = await other.evaluate(async (target) => {
      const read = (path: string) =>
        fetch(`${target}${path}`, { credentials: 'include' }).then(
          () => 'read',
          () => 'refused',
        );
      const socket = new globalThis.WebSocket(`${target.replace('http', 'ws')}/socket`, ['tidemark']);
      const opened = new Promise((done) => {
        socket.addEventListener('open', () => done('open'));
        socket.addEventListener('error', () => done('refused'));
      });
      return [await read('/'), await read('/session'), await opened, localStorage.length];
    }, origin);
    expect(asked).toEqual(['refused', 'refused', 'refused', 0]);
    await page.reload();
    await mustBeIn(page);
    evil.server.close();
    evil.server.closeAllConnections();
  });
});

describe('a key', () => {
  test('is made on request by the owner of the data folder, and goes with the host', async () => {
    using folder = tempFolder();
    {
      await using app = await startHeadless(folder.at('data'));
      const { port } = new URL(app.url);
      const asked = execFileSync(
        process.execPath,
        [commandLine, 'open', '--no-browser', '--data-dir', folder.at('data')],
        {
          encoding: 'utf8',
        },
      );
      expect(asked).toMatch(new RegExp(`^http://127\\.0\\.0\\.1:${port}/enter#token=[\\w-]{43}$`, 'm'));
      await enter(asked.trim());
      await expect(enter(asked.trim())).rejects.toThrow('not let in: 403');
      await enter(app.url);
      app.process.child.kill('SIGTERM');
      expect(await app.process.ended).toBe(0);
    }
    expect(readdirSync(folder.at('data/way-in'))).toEqual(['door.json']);
    await using nobody = startScript(commandLine, ['open', '--data-dir', folder.at('data')]);
    expect(await nobody.ended).toBe(2);
    expect(nobody.output()).toContain('nothing serves');
  });

  test.runIf(hasSecondUser)('shows to no other user of this computer', async () => {
    using folder = tempFolder();
    chmodSync(folder.path, 0o755);
    await using app = await startHeadless(folder.at('data'));
    const key = /token=(\S+)/.exec(app.url)?.[1] ?? '';
    const seen = await asSecondUser(`cat /proc/*/cmdline; ls -R ${folder.path}; cat ${folder.at('data')}/way-in/*`);
    expect(seen).toContain('headless.js');
    expect(seen).toContain('Permission denied');
    expect(seen).not.toContain(key);
    expect(seen).not.toContain('door.json');
    await enter(app.url);
  });
});

describe('by way of something else', () => {
  test.each([
    ['a forwarded port', 'http'],
    ['a proxy that names its own origin', 'https'],
  ])('%s lets in where its origin is named', async (_what, scheme) => {
    using folder = tempFolder();
    // Bytes go through as they are; TLS is spoken by the host itself in the second case, as a proxy would.
    let inner = 0;
    const forward = await listen(
      createTcpServer((socket) => {
        const onward = connect({ port: inner, host: '127.0.0.1' });
        socket.on('error', () => onward.destroy()).pipe(onward);
        onward.on('error', () => socket.destroy()).pipe(socket);
      }),
    );
    const origin = `${scheme}://localhost:${forward.port}`;
    const args = ['--origin', origin];
    if (scheme === 'https') {
      const [key, cert] = [folder.at('key.pem'), folder.at('cert.pem')];
      const subject = ['-subj', '/CN=localhost', '-days', '1'];
      execFileSync(
        'openssl',
        ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, ...subject],
        {
          stdio: 'ignore',
        },
      );
      args.push('--cert', cert, '--key', key, '--host', '0.0.0.0');
    }
    const found = await listen(createTcpServer());
    inner = found.port;
    await new Promise((done) => found.server.close(done));
    await using app = await startHeadless(folder.at('data'), [...args, '--port', String(inner)]);
    expect(app.url).toContain(`${origin}/enter#token=`);

    await using browser = await openBrowser();
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const page = await context.newPage();
    await page.goto(app.url);
    await mustBeIn(page);
    const [cookie] = await context.cookies(origin);
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict', secure: scheme === 'https' });
    forward.server.close();
  });

  test('plain HTTP on other addresses is refused, unless it is said twice', async () => {
    using folder = tempFolder();
    await expect(startHeadless(folder.at('data'), ['--host', '0.0.0.0'])).rejects.toThrow('say --plain-http as well');
    await using app = await startHeadless(folder.at('data'), ['--host', '0.0.0.0', '--plain-http']);
    expect(app.url).toContain('http://localhost:');
  });
});
