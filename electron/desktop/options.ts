// What the desktop host was started with. Lenient, since Chromium's own switches share the command line.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

export interface DesktopOptions {
  readonly dataDir: string | undefined;
  /** Started at login: nothing is shown until asked. */
  readonly isBackground: boolean;
  /** Files to protect, absolute. */
  readonly paths: readonly string[];
}

/** Reads a command line without its program; `hasAppPath`: an unpackaged start names the application first. */
export function readDesktopOptions(
  args: readonly string[],
  { hasAppPath, workingDir }: { readonly hasAppPath: boolean; readonly workingDir: string },
): DesktopOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    strict: false,
    allowPositionals: true,
    options: { 'data-dir': { type: 'string' }, background: { type: 'boolean' } },
  });
  const dataDir = values['data-dir'];
  return {
    dataDir: typeof dataDir === 'string' ? dataDir : undefined,
    isBackground: values.background === true,
    paths: positionals.slice(hasAppPath ? 1 : 0).map((path) => resolve(workingDir, path)),
  };
}
