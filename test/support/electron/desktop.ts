// What belongs to the desktop around the windows: driven by a test through `standIn`, as its user would.
import { EventEmitter } from 'node:events';
import { app } from './app.ts';
import { type Members, as } from './members.ts';

/** The dialogs that are open, by function: each waits for its answer, as a real one does. */
const open: { readonly name: string; readonly close: (answer: unknown) => void }[] = [];

/** The hands of whoever sits there. Tests reach it as `globalThis.standIn` in main. */
const standIn = {
  trays: [] as TrayIcon[],
  /** Closes the first dialog of a function that is open with an answer; false where none is. */
  answer(name: string, answer: unknown): boolean {
    const index = open.findIndex((one) => one.name === name);
    const [dialogOpen] = index < 0 ? [] : open.splice(index, 1);
    dialogOpen?.close(answer);
    return dialogOpen !== undefined;
  },
};
Object.assign(globalThis, { standIn });

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

function ask<T>(name: string): Promise<T> {
  const { promise, resolve } = Promise.withResolvers<T>();
  open.push({ name, close: (answer) => resolve(answer as T) });
  return promise;
}

export const dialog = {
  showOpenDialog: (..._args: unknown[]): Promise<Electron.OpenDialogReturnValue> => ask('showOpenDialog'),
  showSaveDialog: (..._args: unknown[]): Promise<Electron.SaveDialogReturnValue> => ask('showSaveDialog'),
  showMessageBox: (..._args: unknown[]): Promise<Electron.MessageBoxReturnValue> => ask('showMessageBox'),
} satisfies Members<typeof Electron.dialog, 'showOpenDialog' | 'showSaveDialog' | 'showMessageBox'>;

export const shell = {
  showItemInFolder: (_path: string) => undefined,
} satisfies Members<typeof Electron.shell, 'showItemInFolder'>;

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
