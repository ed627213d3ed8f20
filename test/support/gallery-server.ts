// Builds the gallery (the real application over an invented engine) into a temporary folder and serves it on loopback
// under the very policy that the hosts send, so that what the policy forbids shows.
import { createServer } from 'node:http';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import react from '@vitejs/plugin-react';
import { build } from 'vite';
import { contentOrigin, findContentFile } from '../../electron/host/content-files.ts';

export interface Gallery extends AsyncDisposable {
  /** Address of a state: `at('five', { theme: 'dark', place: '#/activity' })`. */
  at(state: string, options?: { readonly theme?: string; readonly place?: string }): string;
}

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Builds and serves the gallery until it is disposed. */
export async function openGallery(): Promise<Gallery> {
  const outDir = await mkdtemp(join(tmpdir(), 'tidemark-gallery-'));
  await build({
    configFile: false,
    logLevel: 'warn',
    root: join(import.meta.dirname, 'gallery'),
    base: './',
    plugins: [react()],
    build: {
      outDir,
      emptyOutDir: true,
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      chunkSizeWarningLimit: 2_000,
    },
  });
  const server = createServer((request, response) => {
    const [path = ''] = (request.url ?? '').split('?');
    const file = findContentFile(`${contentOrigin}${path}`, outDir);
    const headers = { 'content-security-policy': policy, 'content-type': file?.type };
    void readFile(file?.path ?? '').then(
      (body) => response.writeHead(200, headers).end(body),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    at: (state, { theme = 'light', place = '#/' } = {}) =>
      `http://127.0.0.1:${port}/index.html?state=${state}&theme=${theme}${place}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(outDir, { recursive: true, force: true });
    },
  };
}
