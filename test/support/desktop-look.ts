// What tests ask of the desktop host and of the stand-in for Electron: from the page what a page may do, from the main
// process what only it knows.
import type { ElectronApplication } from 'playwright-core';
import type { AppState } from '../../shared/model.ts';
import type { DesktopApp } from './desktop-app.ts';

/** What the preload puts on the window, as a page sees it. */
interface Bridge {
  call(name: unknown, argument: unknown): Promise<unknown>;
  subscribe(listener: (state: AppState) => void): () => void;
}
interface PageGlobals {
  readonly tidemark: Bridge;
}

/** What the stand-in shows of the desktop, as main sees it. */
interface MainGlobals {
  readonly standIn: {
    readonly calls: readonly { readonly name: string; readonly args: readonly unknown[] }[];
    readonly answers: Record<string, unknown[]>;
    readonly trays: readonly {
      readonly toolTip: string;
      readonly menu: {
        readonly items: readonly { readonly label: string; readonly enabled: boolean; click(): void }[];
      };
      emit(event: string): void;
    }[];
  };
}

/** Calls a command as the page does. */
export function call(app: DesktopApp, name: string, argument: unknown): Promise<unknown> {
  return app.page.evaluate(([wanted, given]) => (globalThis as unknown as PageGlobals).tidemark.call(wanted, given), [
    name,
    argument,
  ] as const);
}

/** The state as the page is told it. */
export function stateOf({ page }: DesktopApp): Promise<AppState> {
  return page.evaluate(
    () =>
      new Promise<AppState>((resolve) => {
        const stop = (globalThis as unknown as PageGlobals).tidemark.subscribe((state) => {
          resolve(state);
          queueMicrotask(() => stop());
        });
      }),
  );
}

/** Labels of the tray's menu. */
export function trayLines({ electron }: DesktopApp): Promise<readonly string[]> {
  return electron.evaluate(() =>
    (globalThis as unknown as MainGlobals).standIn.trays.flatMap((tray) => tray.menu.items.map(({ label }) => label)),
  );
}

/** Clicks on a line of the tray's menu. */
export function pickInTray({ electron }: DesktopApp, label: string): Promise<void> {
  return electron.evaluate((_electron, wanted) => {
    const [tray] = (globalThis as unknown as MainGlobals).standIn.trays;
    tray?.menu.items.find((item) => item.label === wanted)?.click();
  }, label);
}

/** What dialogs answer next. */
export function answerDialogs({ electron }: DesktopApp, name: string, ...answers: readonly unknown[]): Promise<void> {
  return electron.evaluate(
    (_electron, [dialog, list]) => {
      (globalThis as unknown as MainGlobals).standIn.answers[dialog] = [...list];
    },
    [name, answers] as const,
  );
}

/** The calls of the desktop's functions by name, with their last argument. */
export function callsOf({ electron }: DesktopApp, name: string): Promise<readonly unknown[]> {
  return electron.evaluate(
    (_electron, wanted) =>
      (globalThis as unknown as MainGlobals).standIn.calls
        .filter((one) => one.name === wanted)
        .map(({ args }) => args.at(-1)),
    name,
  );
}

/** The first window, and how many there are. */
export function windowOf({ electron }: DesktopApp) {
  return electron.evaluate(({ BrowserWindow }) => {
    const window = BrowserWindow.getAllWindows()[0];
    if (window === undefined) throw new Error('there is no window');
    return {
      isVisible: window.isVisible(),
      isMinimized: window.isMinimized(),
      url: window.webContents.getURL(),
      count: BrowserWindow.getAllWindows().length,
    };
  });
}

/** As its close button does. */
export function closeWindow({ electron }: DesktopApp): Promise<void> {
  return electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close());
}

/** As the system does. */
export function quit(electron: ElectronApplication): Promise<void> {
  return electron.evaluate(({ app }) => app.quit()).catch(() => undefined);
}
