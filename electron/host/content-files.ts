// Which file a request for our content means: files of one folder, of known kinds, and nothing beside it.
import { extname, join, normalize, sep } from 'node:path';

/** The origin of our pages in the window; who calls from elsewhere is refused. */
export const contentOrigin = 'app://tidemark';

export interface ContentFile {
  readonly path: string;
  /** Its media type. */
  readonly type: string;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};

/** The file behind a URL; undefined for other hosts, other kinds, and every way out of the folder. */
export function findContentFile(url: string, folder: string): ContentFile | undefined {
  const { protocol, host, pathname } = new URL(url);
  if (`${protocol}//${host}` !== contentOrigin) return undefined;
  const wanted = decodePath(pathname);
  if (wanted === undefined || wanted.includes('\0') || wanted.includes('\\')) return undefined;
  const path = normalize(join(folder, wanted === '/' ? 'index.html' : wanted));
  const type = types[extname(path)];
  return type !== undefined && path.startsWith(normalize(folder) + sep) ? { path, type } : undefined;
}

function decodePath(pathname: string): string | undefined {
  try {
    return decodeURIComponent(pathname);
  } catch {
    // @NOTE a malformed escape names no file.
    return undefined;
  }
}
