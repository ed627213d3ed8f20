// What tests ask of the desktop host and do to it, on the stand-in and on a real Electron alike: from the page what a page may do, from
// the main process what its own API tells, and with the hands of whoever sits there.
import type { ElectronApplication } from 'playwright-core';
import type { AppState } from '../../shared/model.ts';
import type { DesktopApp } from './desktop-app.ts';
import { type Hands, handsAt } from './real-electron/hands.ts';
import { until } from './temp.ts';

/** What the preload puts on the window, as a page sees it. */
interface Bridge {
  call(name: unknown, argument: unknown): Promise<unknown>;
  subscribe(listener: (state: AppState) => void): () => void;
}
interface PageGlobals {
  readonly tidemark: Bridge;
}

/** What main was asked of the system (`desktop-app.ts`), and the hands that the stand-in lends. */
interface MainGlobals {
  readonly nativeCalls: readonly {
    readonly name: string;
    readonly args: readonly unknown[];
    readonly isOpen: boolean;
  }[];
  readonly standIn: {
    answer(dialog: string, answer: unknown): boolean;
    readonly trays: readonly {
      readonly menu: {
        readonly items: readonly { readonly label: string; readonly enabled: boolean; click(): void }[];
      };
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

/** The hands of whoever sits at a real desktop; undefined on the stand-in, which lends its own. */
function handsOf({ session }: DesktopApp): Hands | undefined {
  return session === undefined ? undefined : handsAt(session);
}

/** Labels of the tray's menu. */
export async function trayLines(app: DesktopApp): Promise<readonly string[]> {
  const hands = handsOf(app);
  if (hands !== undefined) return await hands.trayLines();
  return await app.electron.evaluate(() =>
    (globalThis as unknown as MainGlobals).standIn.trays.flatMap((tray) => tray.menu.items.map(({ label }) => label)),
  );
}

/** Clicks on a line of the tray's menu. */
export async function pickInTray(app: DesktopApp, label: string): Promise<void> {
  const hands = handsOf(app);
  if (hands !== undefined) return await hands.pickInTray(label);
  await app.electron.evaluate((_electron, wanted) => {
    const [tray] = (globalThis as unknown as MainGlobals).standIn.trays;
    tray?.menu.items.find((item) => item.label === wanted)?.click();
  }, label);
}

/** Waits for a message box, presses a button of it, and resolves with what it said. */
export async function pressIn(app: DesktopApp, button: string): Promise<Electron.MessageBoxOptions> {
  const box = (await openDialog(app, 'dialog.showMessageBox')) as Electron.MessageBoxOptions;
  const { title = '', buttons = [], defaultId = 0 } = box;
  const wanted = buttons.indexOf(button);
  if (wanted < 0) throw new Error(`there is no button ${button} among ${buttons.join(', ')}`);
  const hands = handsOf(app);
  if (hands !== undefined) await hands.pressButton(title, (wanted - defaultId + buttons.length) % buttons.length);
  else await answer(app, 'showMessageBox', { response: wanted, checkboxChecked: false });
  return box;
}

/** Waits for a dialog for files, enters a path in it, or cancels it, and resolves with what it was asked. */
export async function chooseIn(
  app: DesktopApp,
  name: 'showOpenDialog' | 'showSaveDialog',
  path: string | undefined,
): Promise<Electron.OpenDialogOptions> {
  const options = (await openDialog(app, `dialog.${name}`)) as Electron.OpenDialogOptions;
  const hands = handsOf(app);
  const canceled = path === undefined;
  if (hands !== undefined) await hands.chooseFile(options.title ?? '', path);
  else await answer(app, name, { canceled, filePaths: canceled ? [] : [path], filePath: path ?? '' });
  return options;
}

/** Presses a key, or several at once (`ctrl+q`), in the window of a real Electron. */
export async function pressKey(app: DesktopApp, key: string): Promise<void> {
  const hands = handsOf(app);
  if (hands === undefined) throw new Error('the stand-in has no keyboard');
  await hands.pressKey('Tidemark', key);
}

/** What only reads in main asks again where the inspector lost the answer: memory was tidied up in between. */
async function read<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!String(error).includes('promise was garbage collected')) throw error;
    }
  }
}

function openDialog({ electron }: DesktopApp, name: string): Promise<unknown> {
  return until(`${name} is open`, () =>
    read(() =>
      electron.evaluate(
        (_electron, wanted) =>
          (globalThis as unknown as MainGlobals).nativeCalls
            .find((one) => one.name === wanted && one.isOpen)
            ?.args.at(-1),
        name,
      ),
    ),
  );
}

/** On the stand-in. */
async function answer({ electron }: DesktopApp, dialog: string, given: unknown): Promise<void> {
  await electron.evaluate(
    (_electron, [asked, answered]) => (globalThis as unknown as MainGlobals).standIn.answer(asked, answered),
    [dialog, given] as const,
  );
}

/** What native dialogs and the system's shell were asked, by name (`dialog.showMessageBox`): the last argument of each. */
export function callsOf({ electron }: DesktopApp, name: string): Promise<readonly unknown[]> {
  return read(() =>
    electron.evaluate(
      (_electron, wanted) =>
        (globalThis as unknown as MainGlobals).nativeCalls
          .filter((one) => one.name === wanted)
          .map(({ args }) => args.at(-1)),
      name,
    ),
  );
}

/** The first window, and how many there are. */
export function windowOf({ electron }: DesktopApp) {
  return read(() =>
    electron.evaluate(({ BrowserWindow }) => {
      const window = BrowserWindow.getAllWindows()[0];
      if (window === undefined) throw new Error('there is no window');
      return {
        isVisible: window.isVisible(),
        isMinimized: window.isMinimized(),
        url: window.webContents.getURL(),
        count: BrowserWindow.getAllWindows().length,
      };
    }),
  );
}

/** As its close button does. */
export function closeWindow({ electron }: DesktopApp): Promise<void> {
  return electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close());
}

/** As the system does. */
export function quit(electron: ElectronApplication): Promise<void> {
  return electron.evaluate(({ app }) => app.quit()).catch(() => undefined);
}
