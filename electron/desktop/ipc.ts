// The window's door: two channels, each checked for who calls before anybody looks at what is asked.
// Name and argument are checked by host/host-api.ts; there is no logic here.
import { type BrowserWindow, type IpcMainInvokeEvent, ipcMain } from 'electron';
import type { AppState } from '../../shared/model.ts';
import { contentOrigin } from '../host/content-files.ts';
import type { HostApi } from '../host/host-api.ts';
import { createStatePush } from '../host/state-push.ts';

const statesEveryMs = 200;

/** Answers this window's calls, and no others'. Disposing stops both channels. */
export function openIpc(window: BrowserWindow, api: HostApi): Disposable {
  let newest: AppState | undefined;
  const push = createStatePush<AppState>({ everyMs: statesEveryMs, send });
  const unsubscribe = api.subscribe((state) => {
    newest = state;
    if (isSeen(window)) push.push(state);
  });
  const catchUp = (): void => {
    if (newest !== undefined) push.push(newest);
  };
  window.on('show', catchUp);
  window.on('restore', catchUp);

  function send(state: AppState): void {
    if (!window.isDestroyed()) window.webContents.send('tidemark:state', state);
  }
  handle(window, 'tidemark:call', (name, argument) => api.invoke(name, argument));
  handle(window, 'tidemark:subscribe', () => {
    if (newest !== undefined) send(newest);
  });

  return {
    [Symbol.dispose]() {
      unsubscribe();
      window.off('show', catchUp);
      window.off('restore', catchUp);
      push[Symbol.dispose]();
      for (const channel of ['tidemark:call', 'tidemark:subscribe']) ipcMain.removeHandler(channel);
    },
  };
}

/** Who cannot be seen draws nothing: states cost a hidden page more than the engine that tells them. */
function isSeen(window: BrowserWindow): boolean {
  return !window.isDestroyed() && window.isVisible() && !window.isMinimized();
}

/** The one way to register a channel: the main frame of the known window, showing our own page. */
function handle(window: BrowserWindow, channel: string, answer: (...args: readonly unknown[]) => unknown): void {
  ipcMain.handle(channel, (event, ...args: readonly unknown[]) => {
    if (!isTrusted(event, window)) throw new Error('refused');
    return answer(...args);
  });
}

function isTrusted({ sender, senderFrame }: IpcMainInvokeEvent, window: BrowserWindow): boolean {
  return (
    !window.isDestroyed() &&
    sender === window.webContents &&
    senderFrame !== null &&
    senderFrame === sender.mainFrame &&
    senderFrame.origin === contentOrigin
  );
}
