// A page of Chromium as Electron's webContents. Electron's getters are synchronous and the protocol is not, so state is
// kept here and every command waits for `page`.
import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { app } from './app.ts';
import type { Cdp } from './chromium-process.ts';
import { nativeTheme } from './desktop.ts';
import { handlers } from './ipc-main.ts';
import { type Members, as, eventWith } from './members.ts';
import { type FromMain, type ToMain, bridge, preloadWorld } from './page-scripts.ts';
import { type PausedRequest, defaultSession, fromWeb, toWeb } from './session.ts';

const worldName = 'stand-in-preload';
const all = new Map<number, WebContents>();
type OpenHandler = Parameters<Electron.WebContents['setWindowOpenHandler']>[0];

type ContentsMembers =
  | 'id'
  | 'send'
  | 'loadURL'
  | 'getURL'
  | 'isDestroyed'
  | 'setWindowOpenHandler'
  | 'executeJavaScript'
  | 'forcefullyCrashRenderer'
  | 'mainFrame';

export class WebContents extends EventEmitter implements Members<Electron.WebContents, ContentsMembers> {
  static #created = 0;
  readonly id: number;
  readonly mainFrame: Electron.WebFrameMain;
  readonly page: Promise<Cdp>;
  targetId = '';
  readonly #preload: string | undefined;
  #cdp: Cdp | undefined;
  /** The preload's execution context, once it exists. */
  #world: number | undefined;
  #url = '';
  #isDestroyed = false;
  #isOwnNavigation = false;
  #openHandler: OpenHandler = () => ({ action: 'allow' });

  readonly #preferences: Electron.WebPreferences;

  constructor(preferences: Electron.WebPreferences) {
    super();
    const { preload, sandbox, contextIsolation, nodeIntegration } = preferences;
    this.#preferences = preferences;
    if (sandbox !== true || contextIsolation === false || nodeIntegration === true) {
      throw new Error('stand-in: only sandboxed, isolated pages');
    }
    WebContents.#created += 1;
    this.id = WebContents.#created;
    this.#preload = preload;
    this.mainFrame = as<Electron.WebFrameMain>(frameOf(() => this.#url));
    all.set(this.id, this);
    this.page = this.#open();
  }

  async #open(): Promise<Cdp> {
    const chromium = await app.chromium;
    await watchTargets();
    const { targetId } = await chromium.browser.send('Target.createTarget', { url: 'about:blank', newWindow: true });
    this.targetId = targetId;
    const page = chromium.session(await sessionOf(targetId));
    this.#cdp = page;
    this.#listen(page);
    const showTheme = (): void => void this.#showTheme(page);
    nativeTheme.on('updated', showTheme);
    this.once('destroyed', () => nativeTheme.off('updated', showTheme));
    await Promise.all([
      this.#showTheme(page),
      page.send('Page.enable'),
      page.send('Runtime.enable'),
      page.send('Inspector.enable'),
      page.send('Fetch.enable', { patterns: [{ urlPattern: '*' }] }),
      ...this.#inject(page),
      page.send('Runtime.runIfWaitingForDebugger'),
    ]);
    return page;
  }

  async #showTheme(page: Cdp): Promise<void> {
    const value = nativeTheme.shouldUseDarkColors ? 'dark' : 'light';
    // The page may be gone by then.
    await page
      .send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value }] })
      .catch(() => undefined);
  }

  #listen(page: Cdp): void {
    page.on('Runtime.executionContextCreated', ({ context }) => {
      const { frameId } = (context.auxData ?? {}) as { readonly frameId?: string };
      if (context.name === worldName && frameId === this.targetId) this.#world = context.id;
    });
    page.on('Runtime.executionContextsCleared', () => {
      this.#world = undefined;
    });
    page.on('Runtime.bindingCalled', ({ payload, executionContextId }) => {
      if (executionContextId === this.#world) void this.#fromPreload(JSON.parse(payload) as ToMain);
    });
    page.on('Page.frameNavigated', ({ frame }) => {
      if (frame.parentId !== undefined) return;
      this.#url = fromWeb(frame.url + (frame.urlFragment ?? ''));
      this.emit('did-navigate', eventWith({}), this.#url, 200, '');
    });
    page.on('Page.navigatedWithinDocument', ({ frameId, url }) => {
      if (frameId === this.targetId) this.#url = fromWeb(url);
    });
    page.on('Page.loadEventFired', () => {
      if (this.#url !== 'about:blank' || this.#isOwnNavigation) this.emit('did-finish-load', eventWith({}));
    });
    page.on('Inspector.targetCrashed', () => {
      this.emit('render-process-gone', eventWith({}), { reason: 'crashed', exitCode: 5 });
    });
    // A link to our scheme never becomes a request: Chromium drops it. It counts as the page's wish to navigate.
    page.on('Page.frameRequestedNavigation', ({ frameId, url }) => {
      if (frameId === this.targetId && toWeb(url) !== url && this.#mayNavigate(url)) void this.loadURL(url);
    });
    page.on('Fetch.requestPaused', (paused) => {
      const isNavigation = paused.resourceType === 'Document' && paused.frameId === this.targetId;
      void this.#decide(page, paused, isNavigation).catch((error: unknown) => {
        if (!this.#isDestroyed) process.stderr.write(`stand-in: ${fromWeb(paused.request.url)}: ${String(error)}\n`);
      });
    });
  }

  async #decide(page: Cdp, paused: PausedRequest, isNavigation: boolean): Promise<void> {
    const isOwn = this.#isOwnNavigation;
    if (isNavigation) this.#isOwnNavigation = false;
    if (isNavigation && !isOwn && !this.#mayNavigate(fromWeb(paused.request.url))) {
      await page.send('Fetch.failRequest', { requestId: paused.requestId, errorReason: 'Aborted' });
      return;
    }
    await defaultSession.respond(page, paused);
  }

  #inject(page: Cdp): readonly Promise<unknown>[] {
    if (this.#preload === undefined) return [];
    const secret = crypto.randomUUID();
    const inMainFrame = (source: string): string => `if (window.parent === window) { ${source} }`;
    const preload = readFileSync(this.#preload, 'utf8');
    const surroundings = `(${preloadWorld.toString()})((${bridge.toString()})('${secret}', 'preload', 'page'), function (require, module, exports) {\n${preload}\n})`;
    return [
      page.send('Runtime.addBinding', { name: 'standInToMain', executionContextName: worldName }),
      // In this order: the page's end of the bridge listens before the preload exposes anything.
      page.send('Page.addScriptToEvaluateOnNewDocument', {
        source: inMainFrame(`(${bridge.toString()})('${secret}', 'page', 'preload')`),
      }),
      page.send('Page.addScriptToEvaluateOnNewDocument', { worldName, source: inMainFrame(surroundings) }),
    ];
  }

  #mayNavigate(url: string): boolean {
    const event = eventWith({ url, isMainFrame: true, isSameDocument: false });
    this.emit('will-navigate', event, url);
    return !event.defaultPrevented;
  }

  async #fromPreload(message: ToMain): Promise<void> {
    const world = this.#world;
    const event = { type: 'frame', sender: this, processId: 1, frameId: 1, senderFrame: this.mainFrame };
    const reply = (answer: { readonly value?: unknown; readonly error?: string }): void => {
      if (world === this.#world) this.#toPreload({ kind: 'reply', id: message.id, ...answer });
    };
    try {
      const handler = handlers.get(message.channel);
      if (handler === undefined) throw new Error(`No handler registered for '${message.channel}'`);
      reply({ value: await handler(as(event), ...message.args) });
    } catch (error) {
      reply({ error: String(error) });
    }
  }

  /** Lost where no page listens yet, as in Electron. */
  #toPreload(message: FromMain): void {
    if (this.#world === undefined) return;
    const expression = `standInFromMain(${JSON.stringify(message)})`;
    // The page may be gone by then.
    this.#cdp?.send('Runtime.evaluate', { contextId: this.#world, expression }).catch(() => undefined);
  }

  send(channel: string, ...args: unknown[]): void {
    this.#toPreload({ kind: 'event', channel, args });
  }

  async loadURL(url: string): Promise<void> {
    const page = await this.page;
    await defaultSession.applyPermissions(as(this), url);
    this.#isOwnNavigation = true;
    const { promise: loaded, resolve } = Promise.withResolvers<void>();
    this.once('did-finish-load', resolve);
    const { errorText, loaderId } = await page.send('Page.navigate', { url: toWeb(url) });
    // Within the document: nothing is loaded.
    if (errorText === undefined && loaderId === undefined) resolve();
    else if (errorText !== undefined) {
      this.off('did-finish-load', resolve);
      this.#isOwnNavigation = false;
      throw new Error(`${errorText} loading '${url}'`);
    }
    await loaded;
    this.#isOwnNavigation = false;
  }

  async executeJavaScript(code: string): Promise<unknown> {
    const page = await this.page;
    const evaluation = { expression: code, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await page.send('Runtime.evaluate', evaluation);
    if (exceptionDetails !== undefined) {
      throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    }
    return result.value as unknown;
  }

  /**
   * A page opened by this one waits for the debugger until the handler has answered. One that may be there stays as it
   * is, for a test to find.
   */
  async decidePopup(targetId: string, url: string): Promise<void> {
    if (this.#openHandler(as({ url })).action !== 'deny') return;
    await (await app.chromium).browser.send('Target.closeTarget', { targetId });
  }

  /** As Electron has it, though its declarations have not: what a page runs under. */
  getLastWebPreferences(): Electron.WebPreferences {
    return this.#preferences;
  }

  setWindowOpenHandler(handler: OpenHandler): void {
    this.#openHandler = handler;
  }

  forcefullyCrashRenderer(): void {
    void this.page.then((page) => page.send('Page.crash').catch(() => undefined));
  }

  async closePage(): Promise<void> {
    await this.page;
    await (await app.chromium).browser.send('Target.closeTarget', { targetId: this.targetId });
  }

  gone(): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    all.delete(this.id);
    this.emit('destroyed');
  }

  getURL(): string {
    return this.#url;
  }

  isDestroyed(): boolean {
    return this.#isDestroyed;
  }
}

function frameOf(url: () => string): object {
  return {
    get url() {
      return url();
    },
    get origin() {
      const [, scheme, host] = /^([\w+.-]+):\/\/([^/?#]+)/.exec(url()) ?? [];
      return scheme === undefined ? 'null' : `${scheme}://${host}`;
    },
    parent: null,
  };
}

// Every page reports here before its first request: those the stand-in makes, and those a page opens.
const attached = new Map<string, PromiseWithResolvers<string>>();
let watching: Promise<unknown> | undefined;

function attachedSlot(targetId: string): PromiseWithResolvers<string> {
  const slot = attached.get(targetId) ?? Promise.withResolvers<string>();
  attached.set(targetId, slot);
  return slot;
}

function sessionOf(targetId: string): Promise<string> {
  return attachedSlot(targetId).promise;
}

function contentsOf(targetId: string): WebContents | undefined {
  return [...all.values()].find((contents) => contents.targetId === targetId);
}

function watchTargets(): Promise<unknown> {
  watching ??= app.chromium.then(async ({ browser }) => {
    browser.on('Target.attachedToTarget', ({ sessionId, targetInfo: { targetId, openerId, url } }) => {
      const opener = openerId === undefined ? undefined : contentsOf(openerId);
      if (opener === undefined) attachedSlot(targetId).resolve(sessionId);
      else void opener.decidePopup(targetId, fromWeb(url));
    });
    browser.on('Target.targetDestroyed', ({ targetId }) => contentsOf(targetId)?.gone());
    const filter = [{ type: 'page', exclude: false }, { exclude: true }];
    await browser.send('Target.setDiscoverTargets', { discover: true, filter });
    const autoAttach = { autoAttach: true, waitForDebuggerOnStart: true, flatten: true, filter };
    await browser.send('Target.setAutoAttach', autoAttach);
  });
  return watching;
}

export const webContents = {
  getAllWebContents: () => as<Electron.WebContents[]>([...all.values()]),
  fromDevToolsTargetId: (targetId: string) => as<Electron.WebContents | undefined>(contentsOf(targetId)),
} satisfies Members<typeof Electron.webContents, 'getAllWebContents' | 'fromDevToolsTargetId'>;
