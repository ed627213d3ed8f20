// Main's side of invoke: handlers by channel.
import { type Members, as } from './members.ts';

type Handler = (event: Electron.IpcMainInvokeEvent, ...args: unknown[]) => unknown;

export const handlers = new Map<string, Handler>();

class IpcMain implements Members<Electron.IpcMain, 'handle' | 'removeHandler'> {
  /** Electron's own name for it: tests ask a channel as whoever they say. */
  readonly _invokeHandlers = handlers;

  handle(channel: string, handler: Handler): void {
    if (handlers.has(channel)) throw new Error(`Attempted to register a second handler for '${channel}'`);
    handlers.set(channel, handler);
  }

  removeHandler(channel: string): void {
    handlers.delete(channel);
  }
}

export const ipcMain = as<Electron.IpcMain>(new IpcMain());
