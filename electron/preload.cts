// The window's only way out: three named functions on `window.tidemark`. Sandboxed, isolated, CommonJS.
// Hands on plain data and nothing of Electron; what may be asked, and by whom, is checked in desktop/ipc.ts.
import { contextBridge, ipcRenderer, webUtils } from 'electron';

contextBridge.exposeInMainWorld('tidemark', {
  /** Asks a command of the contract; resolves to a `Reply`. */
  call: (name: unknown, argument: unknown): Promise<unknown> => ipcRenderer.invoke('tidemark:call', name, argument),

  /** Calls `listener` with the newest state at once, and on every change; returns how to stop. */
  subscribe(listener: (state: unknown) => void): () => void {
    const onState = (_event: unknown, state: unknown): void => listener(state);
    ipcRenderer.on('tidemark:state', onState);
    void ipcRenderer.invoke('tidemark:subscribe');
    return () => {
      ipcRenderer.off('tidemark:state', onState);
    };
  },

  /** The path of a file that was dropped or chosen; empty where it has none. */
  pathForFile: (file: File): string => webUtils.getPathForFile(file),
});
