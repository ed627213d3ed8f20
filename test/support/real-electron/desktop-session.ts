// A desktop for one application under Linux, in memory: a display, a session bus, a window manager, and a panel where one is wanted.
// Each application gets its own, so that keys and focus are its own too. Elsewhere applications share the desktop that is there.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { type TempFolder, tempFolder, until } from '../temp.ts';
import { asUser, run } from './run.ts';

/** Debian's packages of the programs below, and of what Electron itself loads. */
export const debianPackages = ['chromium', 'dbus', 'jwm', 'unzip', 'xdotool', 'xfce4-panel', 'xvfb'];

/** The programs without which there is no such desktop. */
export const programs = ['Xvfb', 'dbus-daemon', 'dbus-send', 'jwm', 'unshare', 'xdotool', 'xfce4-panel'];

export interface DesktopSession extends AsyncDisposable {
  /** The environment of everything that runs there. */
  readonly env: NodeJS.ProcessEnv;
}

export interface DesktopSessionOptions {
  /** A panel with a notification area that icons announce themselves to; else there is none. */
  readonly hasPanel: boolean;
  readonly hasWindowManager: boolean;
}

/** Starts a desktop; disposing ends all of it. */
export async function startDesktopSession(options: DesktopSessionOptions): Promise<DesktopSession> {
  if (process.platform !== 'linux') return { env: process.env, [Symbol.asyncDispose]: async () => {} };
  await using owned = new AsyncDisposableStack();
  const folder = owned.use(tempFolder('tidemark-desktop'));
  for (const name of ['home', 'run', 'config']) mkdirSync(folder.at(name), { mode: 0o700 });
  chmodSync(folder.path, 0o700);
  const own = {
    HOME: folder.at('home'),
    XDG_RUNTIME_DIR: folder.at('run'),
    XDG_CONFIG_HOME: folder.at('config'),
    XDG_CACHE_HOME: folder.at('home'),
    XDG_DATA_HOME: folder.at('home'),
    // No help for the blind that nobody here needs, which costs a second.
    NO_AT_BRIDGE: '1',
    GTK_A11Y: 'none',
    WAYLAND_DISPLAY: undefined,
    XDG_CURRENT_DESKTOP: undefined,
  };
  const start = async (program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<ChildProcess> => {
    const child = spawn(asUser, [program, ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    });
    await once(child, 'spawn');
    owned.defer(() => end(child));
    return child;
  };
  const screen = ['-screen', '0', '1440x960x24', '-nolisten', 'tcp', '-noreset'];
  const server = await start('Xvfb', ['-displayfd', '3', ...screen], own);
  const bus = await start('dbus-daemon', ['--session', '--nofork', '--print-address=3'], own);
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    ...own,
    DISPLAY: `:${await firstLine(server)}`,
    DBUS_SESSION_BUS_ADDRESS: await firstLine(bus),
  };
  if (options.hasWindowManager) await start('jwm', ['-f', writeWindowManagerSettings(folder)], env);
  if (options.hasPanel) {
    writePanelSettings(folder);
    await start('xfce4-panel', ['--disable-wm-check'], env);
    await until('the panel has a notification area', () => hasNotificationArea(env));
  }
  const stack = owned.move();
  return { env, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

async function firstLine(child: ChildProcess): Promise<string> {
  const pipe = child.stdio[3] as Readable;
  let read = '';
  for await (const chunk of pipe) {
    read += String(chunk);
    if (read.includes('\n')) break;
  }
  return read.trim();
}

async function hasNotificationArea(env: NodeJS.ProcessEnv): Promise<boolean> {
  const answer = await run(
    'dbus-send',
    [
      '--session',
      '--print-reply',
      '--dest=org.freedesktop.DBus',
      '/org/freedesktop/DBus',
      'org.freedesktop.DBus.NameHasOwner',
      'string:org.kde.StatusNotifierWatcher',
    ],
    env,
  );
  return answer.includes('boolean true');
}

/** Windows and nothing else: no bar, no menu on the background. */
function writeWindowManagerSettings(folder: TempFolder): string {
  const file = folder.at('config', 'jwmrc');
  writeFileSync(file, '<?xml version="1.0"?><JWM><FocusModel>click</FocusModel></JWM>');
  return file;
}

/** One panel that holds the notification area alone. */
function writePanelSettings(folder: TempFolder): void {
  const dir = folder.at('config', 'xfce4/xfconf/xfce-perchannel-xml');
  mkdirSync(dir, { recursive: true });
  const property = (name: string, type: string, value: string, inner = ''): string =>
    `<property name="${name}" type="${type}"${value === '' ? '' : ` value="${value}"`}>${inner}</property>`;
  const one = (type: string, value: string): string => `<value type="${type}" value="${value}"/>`;
  const panel = [
    property('position', 'string', 'p=8;x=720;y=940'),
    property('size', 'uint', '36'),
    property('length', 'uint', '100'),
    property('plugin-ids', 'array', '', one('int', '1')),
  ].join('');
  const plugins = property('plugin-1', 'string', 'systray', property('square-icons', 'bool', 'true'));
  writeFileSync(
    `${dir}/xfce4-panel.xml`,
    `<?xml version="1.0" encoding="UTF-8"?><channel name="xfce4-panel" version="1.0">${property('configver', 'int', '2')}${property('panels', 'array', '', one('int', '1') + property('panel-1', 'empty', '', panel))}${property('plugins', 'empty', '', plugins)}</channel>`,
  );
}
