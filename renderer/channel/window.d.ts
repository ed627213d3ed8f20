// What the desktop host's preload puts on the window: named functions only.
import type { CommandName, Reply } from '../../shared/contract.ts';

declare global {
  interface Window {
    /** Present in the desktop application; in a browser the page speaks over a WebSocket instead. */
    readonly tidemark?: TidemarkBridge;
  }
}

export interface TidemarkBridge {
  call(name: string, argument: unknown): Promise<Reply<CommandName>>;
  /** Calls back with the newest state at once where there is one, and on every change; returns how to stop. */
  subscribe(listener: (state: unknown) => void): () => void;
  /** Where a dropped file lies on this computer. */
  pathForFile(file: File): string;
}
