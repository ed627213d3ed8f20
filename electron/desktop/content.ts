// Serves the built window under `app://tidemark/`. A scheme of our own rather than file:, so that the page has an origin
// and every answer a policy. Which file is meant: host/content-files.ts.
import { readFile } from 'node:fs/promises';
import { type Protocol, protocol } from 'electron';
import { findContentFile } from '../host/content-files.ts';
import { contentHeaders } from '../host/content-headers.ts';

/** Makes the scheme known; must be called before the application is ready. */
export function registerContentScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true } },
  ]);
}

/** Answers the scheme's requests from `folder`. */
export function serveContent(sessionProtocol: Protocol, folder: string): void {
  sessionProtocol.handle('app', (request) => answer(request, folder));
}

async function answer(request: Request, folder: string): Promise<Response> {
  const file = request.method === 'GET' ? findContentFile(request.url, folder) : undefined;
  if (file === undefined) return notFound();
  try {
    return new Response(await readFile(file.path), { headers: { ...contentHeaders, 'content-type': file.type } });
  } catch {
    // @NOTE missing or unreadable: for a page both are the same.
    return notFound();
  }
}

function notFound(): Response {
  return new Response('There is no such file.', { status: 404, headers: contentHeaders });
}
