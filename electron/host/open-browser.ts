// Opens a file, a page for the default browser among them, or a folder in the program that the user has for it, where there is a
// display. Best effort: what is opened is told in other ways as well, so nothing is lost where it fails. The program is given a file and what it needs to run, no secrets: what a
// program is started with may be read by others, and what it inherits by whatever it starts.
import { spawn } from 'node:child_process';
import { plainSurroundings } from './surroundings.ts';

/** True where a window could appear. */
export function hasDisplay(
  platform: NodeJS.Platform = process.platform,
  env: Readonly<Record<string, string | undefined>> = process.env,
): boolean {
  return platform === 'darwin' || platform === 'win32' || Boolean(env['DISPLAY']) || Boolean(env['WAYLAND_DISPLAY']);
}

/** Starts the platform's opener on a file or a folder and does not wait for it, as Electron's own would. */
export function openOutside(file: string): void {
  if (!hasDisplay()) return;
  const [command, ...args] = openerOf(process.platform);
  const opener = spawn(command, [...args, file], { detached: true, stdio: 'ignore', env: plainSurroundings() });
  // @NOTE no opener installed: the printed address remains.
  opener.once('error', () => undefined);
  opener.unref();
}

function openerOf(platform: NodeJS.Platform): readonly [string, ...string[]] {
  if (platform === 'darwin') return ['open'];
  // Not `start`, which is a word of cmd.exe and would read the path's `&`.
  if (platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler'];
  return ['xdg-open'];
}
