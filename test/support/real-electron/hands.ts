// What a person does on the desktop of a real Electron: keys, buttons of native dialogs, the icon in the notification area. Keys and
// windows are X11's, the icon's menu is read and clicked over the session bus as a panel does it.
import { until } from '../temp.ts';
import type { DesktopSession } from './desktop-session.ts';
import { run } from './run.ts';

export interface Hands {
  trayLines(): Promise<readonly string[]>;
  pickInTray(label: string): Promise<void>;
  /** Presses a button of the message box that is open, by its number among them. */
  pressButton(title: string, steps: number): Promise<void>;
  /** Enters a path in the file dialog that is open; undefined cancels it. */
  chooseFile(title: string, path: string | undefined): Promise<void>;
  /** Presses a key or several at once (`ctrl+q`) in the window with that title. */
  pressKey(title: string, key: string): Promise<void>;
}

const watcher = 'org.kde.StatusNotifierWatcher';
const menu = 'com.canonical.dbusmenu';

interface MenuLine {
  readonly id: number;
  readonly label: string;
}

/** The hands of whoever sits at that desktop. */
export function handsAt({ env }: DesktopSession): Hands {
  const ask = (destination: string, path: string, method: string, ...args: readonly string[]): Promise<string> =>
    run('dbus-send', ['--session', '--print-reply', `--dest=${destination}`, path, method, ...args], env);
  const xdotool = async (...args: readonly string[]): Promise<string> => (await run('xdotool', args, env)).trim();

  async function menuLines(): Promise<{ readonly owner: string; readonly lines: readonly MenuLine[] }> {
    const get = 'org.freedesktop.DBus.Properties.Get';
    const items = await ask(
      watcher,
      '/StatusNotifierWatcher',
      get,
      `string:${watcher}`,
      'string:RegisteredStatusNotifierItems',
    );
    const [, owner = ''] = /string "(:[\d.]+)/.exec(items) ?? [];
    if (owner === '') return { owner, lines: [] };
    const layout = await ask(
      owner,
      '/com/canonical/dbusmenu',
      `${menu}.GetLayout`,
      'int32:0',
      'int32:-1',
      'array:string:',
    );
    // Each line begins with its number; the first is the menu itself.
    const [, ...parts] = layout.split(/struct \{\s+int32 /).slice(1);
    const lines = parts.map((part) => ({
      id: Number.parseInt(part, 10),
      label: (/"label"\s+variant\s+string "(.*)"/.exec(part)?.[1] ?? '').replaceAll('__', '_'),
    }));
    return { owner, lines };
  }

  async function activeWindow(): Promise<string> {
    return await xdotool('getactivewindow').catch(async () => await xdotool('getwindowfocus').catch(() => ''));
  }

  /** The window with that title, in front and with the keys. */
  async function focus(title: string): Promise<string> {
    const pattern = `^${title.replaceAll(/[.?*+()[\]\\^$|{}]/g, '\\$&')}$`;
    const id = await until(`a window “${title}” is there`, async () => {
      const ids = await xdotool('search', '--onlyvisible', '--name', pattern).catch(() => '');
      return ids.split('\n').at(-1);
    });
    await until(`“${title}” has the keys`, async () => {
      // Only a window manager can activate one; where there is none, the keys are simply given.
      await xdotool('windowactivate', id).catch(async () => await xdotool('windowfocus', id).catch(() => ''));
      return (await activeWindow()) === id;
    });
    return id;
  }

  return {
    async trayLines() {
      return (await menuLines()).lines.map(({ label }) => label);
    },
    async pickInTray(label) {
      const { owner, lines } = await menuLines();
      const line = lines.find((one) => one.label === label);
      if (line === undefined)
        throw new Error(`the icon's menu has no ${label}: ${lines.map((one) => one.label).join(', ')}`);
      const clicked = [`int32:${String(line.id)}`, 'string:clicked', 'variant:string:', 'uint32:0'];
      await ask(owner, '/com/canonical/dbusmenu', `${menu}.Event`, ...clicked);
    },
    async pressButton(title, steps) {
      await focus(title);
      for (let i = 0; i < steps; i += 1) await xdotool('key', 'Tab');
      await xdotool('key', 'Return');
    },
    async chooseFile(title, path) {
      const id = await focus(title);
      if (path === undefined) return void (await xdotool('key', 'Escape'));
      await xdotool('key', 'ctrl+l', 'ctrl+a');
      await xdotool('type', '--delay', '5', path);
      // While it still looks for completions, the key does nothing.
      await until('the dialog has closed', async () => {
        if ((await activeWindow()) !== id) return true;
        await xdotool('key', 'Return');
        await new Promise((looked) => setTimeout(looked, 100));
        return false;
      });
    },
    async pressKey(title, key) {
      await focus(title);
      await xdotool('key', key);
    },
  };
}
