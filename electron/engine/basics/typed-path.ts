// Paths as people type and paste them into a window: quoted, as file URLs, from the home folder. A window has no current
// folder, so that a relative path says nothing there.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError } from '../../../shared/errors.ts';
import { findHome } from './home.ts';

/** The absolute path that `text` means; throws `path-unclear`. What is absolute already stays as it is. */
export function readTypedPath(text: string): string {
  const meant = path.isAbsolute(text) ? text : expand(unquote(text.trim()), text);
  if (!path.isAbsolute(meant) || meant.includes('\0')) throw new AppError('path-unclear', { path: text });
  return path.resolve(meant);
}

/** Without the quotes that file managers copy along. */
function unquote(text: string): string {
  return /^(["'])(.*)\1$/.exec(text)?.[2] ?? text;
}

function expand(text: string, typed: string): string {
  if (/^~(?=$|[/\\])/.test(text)) return path.join(findHome() ?? text, text.slice(1));
  if (!/^file:\/\//i.test(text)) return text;
  try {
    return fileURLToPath(text);
  } catch (error) {
    throw new AppError('path-unclear', { path: typed }, { cause: error });
  }
}
