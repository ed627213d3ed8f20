// A window is a page of Chromium in a window of its own. Whether it is shown, and where, is the stand-in's memory: there
// is no window manager.
import { EventEmitter } from 'node:events';
import { app } from './app.ts';
import { type Members, as, eventWith } from './members.ts';
import { WebContents } from './web-contents.ts';

type WindowMembers =
  | 'id'
  | 'webContents'
  | 'loadURL'
  | 'show'
  | 'hide'
  | 'focus'
  | 'close'
  | 'destroy'
  | 'minimize'
  | 'restore'
  | 'maximize'
  | 'isVisible'
  | 'isMinimized'
  | 'isMaximized'
  | 'isDestroyed'
  | 'getNormalBounds'
  | 'setBackgroundColor'
  | 'getBackgroundColor';

export class BrowserWindow extends EventEmitter implements Members<Electron.BrowserWindow, WindowMembers> {
  static #created = 0;
  static readonly #open = new Set<BrowserWindow>();

  static getAllWindows(): Electron.BrowserWindow[] {
    return as<Electron.BrowserWindow[]>([...BrowserWindow.#open]);
  }

  static fromWebContents(contents: Electron.WebContents): Electron.BrowserWindow | null {
    return as<Electron.BrowserWindow>(
      [...BrowserWindow.#open].find((window) => window.webContents === contents) ?? null,
    );
  }

  readonly id: number;
  readonly webContents: Electron.WebContents;
  readonly options: Electron.BrowserWindowConstructorOptions;
  #backgroundColor: string;
  readonly #contents: WebContents;
  #isShown: boolean;
  #isMinimized = false;
  #isMaximized = false;

  constructor(options: Electron.BrowserWindowConstructorOptions = {}) {
    super();
    if (!app.isReady()) throw new Error('Cannot create BrowserWindow before app is ready');
    BrowserWindow.#created += 1;
    this.id = BrowserWindow.#created;
    this.options = options;
    this.#backgroundColor = options.backgroundColor ?? '#FFFFFF';
    this.#isShown = options.show ?? true;
    this.#contents = new WebContents(options.webPreferences ?? {});
    this.webContents = as<Electron.WebContents>(this.#contents);
    BrowserWindow.#open.add(this);
    app.windows.add(this);
    this.#contents.once('destroyed', () => {
      BrowserWindow.#open.delete(this);
      this.emit('closed');
      app.windowClosed(this);
    });
    this.#contents.once('did-finish-load', () => setImmediate(() => this.emit('ready-to-show')));
    void this.#resize(options.width ?? 800, options.height ?? 600);
    app.emit('web-contents-created', eventWith({}), this.webContents);
  }

  async #resize(width: number, height: number): Promise<void> {
    await this.#contents.page;
    const { browser } = await app.chromium;
    const { windowId } = await browser.send('Browser.getWindowForTarget', { targetId: this.#contents.targetId });
    await browser.send('Browser.setWindowBounds', { windowId, bounds: { width, height } });
  }

  loadURL(url: string): Promise<void> {
    return this.#contents.loadURL(url);
  }

  show(): void {
    this.#isShown = true;
    this.emit('show');
  }

  hide(): void {
    this.#isShown = false;
    this.emit('hide');
  }

  focus(): void {
    this.emit('focus');
  }

  minimize(): void {
    this.#isMinimized = true;
    this.emit('minimize');
  }

  restore(): void {
    this.#isMinimized = false;
    this.emit('restore');
  }

  maximize(): void {
    this.#isMaximized = true;
    // As in Electron, where it is not there yet.
    if (!this.#isShown) this.show();
  }

  close(): void {
    if (this.isDestroyed()) return;
    const event = eventWith({});
    this.emit('close', event);
    if (event.defaultPrevented) app.stay();
    else this.destroy();
  }

  destroy(): void {
    void this.#contents.closePage();
  }

  isVisible(): boolean {
    return this.#isShown && !this.#isMinimized;
  }

  isMinimized(): boolean {
    return this.#isMinimized;
  }

  isMaximized(): boolean {
    return this.#isMaximized;
  }

  isDestroyed(): boolean {
    return this.#contents.isDestroyed();
  }

  getNormalBounds(): Electron.Rectangle {
    const { x = 0, y = 0, width = 800, height = 600 } = this.options;
    return { x, y, width, height };
  }

  setBackgroundColor(backgroundColor: string): void {
    this.#backgroundColor = backgroundColor;
  }

  getBackgroundColor(): string {
    return this.#backgroundColor.toUpperCase();
  }
}
BrowserWindow satisfies Members<typeof Electron.BrowserWindow, 'getAllWindows' | 'fromWebContents'>;
