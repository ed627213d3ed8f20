// What belongs to the desktop around the windows: recorded for a test to read, and driven by it through `standIn`.
import { EventEmitter } from 'node:events';
import { app } from './app.ts';
import { handlers } from './ipc-main.ts';
import { type Members, as } from './members.ts';

/** Everything without effect outside the process. Tests reach it as `globalThis.standIn` in main. */
const standIn = {
  calls: [] as { readonly name: string; readonly args: readonly unknown[] }[],
  /** What dialogs answer, by function, first in first out; without an answer they are cancelled. */
  answers: {} as Record<string, unknown[]>,
  trays: [] as TrayIcon[],
  /** Asks a channel as whoever an event says; rejects where it is refused. */
  async invoke(channel: string, event: unknown, ...args: readonly unknown[]): Promise<unknown> {
    return await handlers.get(channel)?.(as(event as object), ...args);
  },
};
Object.assign(globalThis, { standIn });

/** Keeps a call for a test to read. */
export function record(name: string, ...args: readonly unknown[]): void {
  standIn.calls.push({ name, args });
}

class MenuItem {
  readonly label: string;
  readonly enabled: boolean;
  readonly submenu: MenuLines | undefined;
  readonly #options: Electron.MenuItemConstructorOptions;

  constructor(options: Electron.MenuItemConstructorOptions) {
    this.#options = options;
    this.label = options.label ?? options.role ?? '';
    this.enabled = options.enabled ?? true;
    this.submenu = Array.isArray(options.submenu) ? new MenuLines(options.submenu) : undefined;
  }

  /** A test's click: what the user may do, and no more. */
  click(): void {
    if (!this.enabled) throw new Error(`menu item ${this.label} is disabled`);
    if (this.#options.role === 'quit') app.quit();
    this.#options.click?.(as(this), undefined, as({}));
  }
}

class MenuLines {
  readonly items: readonly MenuItem[];

  constructor(template: readonly (Electron.MenuItemConstructorOptions | Electron.MenuItem)[]) {
    this.items = template.map((item) => new MenuItem(item as Electron.MenuItemConstructorOptions));
  }
}

let applicationMenu: Electron.Menu | null = null;

export const Menu = {
  buildFromTemplate: (template: (Electron.MenuItemConstructorOptions | Electron.MenuItem)[]) =>
    as<Electron.Menu>(new MenuLines(template)),
  setApplicationMenu(menu: Electron.Menu | null): void {
    applicationMenu = menu;
  },
  getApplicationMenu: () => applicationMenu,
} satisfies Members<typeof Electron.Menu, 'buildFromTemplate' | 'setApplicationMenu' | 'getApplicationMenu'>;

type TrayMembers = 'setContextMenu' | 'setToolTip' | 'setImage' | 'destroy' | 'isDestroyed';

class TrayIcon extends EventEmitter implements Members<Electron.Tray, TrayMembers> {
  menu: MenuLines | undefined;
  toolTip = '';
  image: unknown;
  #isDestroyed = false;

  constructor(image: Electron.NativeImage | string) {
    super();
    this.image = image;
    standIn.trays.push(this);
  }

  setContextMenu(menu: Electron.Menu | null): void {
    this.menu = menu === null ? undefined : as<MenuLines>(menu);
  }

  setToolTip(text: string): void {
    this.toolTip = text;
  }

  setImage(image: Electron.NativeImage | string): void {
    this.image = image;
  }

  destroy(): void {
    this.#isDestroyed = true;
    standIn.trays.splice(standIn.trays.indexOf(this), 1);
  }

  isDestroyed(): boolean {
    return this.#isDestroyed;
  }
}

export const Tray = TrayIcon;

type ImageMembers = 'addRepresentation' | 'setTemplateImage' | 'isEmpty';

class Image implements Members<Electron.NativeImage, ImageMembers> {
  readonly representations: Electron.AddRepresentationOptions[] = [];

  addRepresentation(options: Electron.AddRepresentationOptions): void {
    this.representations.push(options);
  }

  setTemplateImage(option: boolean): void {
    void option;
  }

  isEmpty(): boolean {
    return this.representations.length === 0;
  }
}

export const nativeImage = {
  createEmpty: () => as<Electron.NativeImage>(new Image()),
} satisfies Members<typeof Electron.nativeImage, 'createEmpty'>;

/** Electron passes the window first, or not at all; the options come last. */
function answer<T>(name: string, args: readonly unknown[], otherwise: T): Promise<T> {
  record(
    `dialog.${name}`,
    args.findLast((argument) => argument !== undefined),
  );
  return Promise.resolve((standIn.answers[name]?.shift() as T | undefined) ?? otherwise);
}

export const dialog = {
  showOpenDialog: (...args: unknown[]): Promise<Electron.OpenDialogReturnValue> =>
    answer('showOpenDialog', args, { canceled: true, filePaths: [] }),
  showSaveDialog: (...args: unknown[]): Promise<Electron.SaveDialogReturnValue> =>
    answer('showSaveDialog', args, { canceled: true, filePath: '' }),
  showMessageBox: (...args: unknown[]): Promise<Electron.MessageBoxReturnValue> =>
    answer('showMessageBox', args, { response: 0, checkboxChecked: false }),
  showErrorBox(title: string, content: string): void {
    record('dialog.showErrorBox', title, content);
    process.stderr.write(`${title}: ${content}\n`);
  },
} satisfies Members<typeof Electron.dialog, 'showOpenDialog' | 'showSaveDialog' | 'showMessageBox' | 'showErrorBox'>;

export const shell = {
  openPath(path: string): Promise<string> {
    record('shell.openPath', path);
    return Promise.resolve('');
  },
  showItemInFolder: (path: string) => record('shell.showItemInFolder', path),
} satisfies Members<typeof Electron.shell, 'openPath' | 'showItemInFolder'>;

class NativeTheme extends EventEmitter implements Members<Electron.NativeTheme, 'shouldUseDarkColors' | 'themeSource'> {
  #source: 'system' | 'light' | 'dark' = 'system';

  get themeSource(): 'system' | 'light' | 'dark' {
    return this.#source;
  }

  set themeSource(source: 'system' | 'light' | 'dark') {
    this.#source = source;
    this.emit('updated');
  }

  get shouldUseDarkColors(): boolean {
    return this.#source === 'dark';
  }
}

export const nativeTheme = new NativeTheme();

/** Tests let the computer wake up by `emit('resume')`. */
export const powerMonitor = new EventEmitter();

const workArea = { x: 0, y: 0, width: 1600, height: 900 };
export const screen = {
  getAllDisplays: () => [as<Electron.Display>({ id: 1, bounds: workArea, workArea, scaleFactor: 1 })],
} satisfies Members<Electron.Screen, 'getAllDisplays'>;
