// How the desktop application ends: asked by the user it may ask back; told by the system it does not. Always in order,
// and only once; who insists a second time ends it at once.
import { app } from 'electron';
import { leave } from '../host/leave.ts';

export interface EndingOptions {
  /** Asks the user; true to end. */
  readonly confirm: () => Promise<boolean>;
  /** Stops everything in order. */
  readonly stop: () => Promise<void>;
  /** Stops at once what must not be left running. */
  readonly kill: () => Promise<void>;
  /** Something was stopped or killed, but a call that it made does not come back: an ordinary end would wait for it. */
  readonly hangs: () => boolean;
}

export interface Ending {
  /** The user wants to quit. */
  request(): void;
}

/** Takes over every way in which the application can end. */
export function createEnding({ confirm, stop, kill, hangs }: EndingOptions): Ending {
  let phase: 'running' | 'asking' | 'stopping' = 'running';
  let signals = 0;

  async function ask(): Promise<void> {
    if (phase !== 'running') return;
    phase = 'asking';
    const isWanted = await confirm();
    // The system may have told meanwhile, without waiting for the answer.
    if (phase === 'asking') phase = 'running';
    if (isWanted) await end();
  }

  async function end(): Promise<void> {
    if (phase === 'stopping') return;
    phase = 'stopping';
    try {
      await stop();
      exit(0);
    } catch (error) {
      process.stderr.write(`Tidemark did not stop in order: ${String(error)}\n`);
      exit(1);
    }
  }

  function exit(code: number): void {
    if (hangs()) leave(code, { hangs: true });
    app.exit(code);
  }

  function onSignal(): void {
    signals += 1;
    if (signals === 1) void end();
    else void kill().finally(() => exit(1));
  }

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  app.on('before-quit', (event) => {
    event.preventDefault();
    // On macOS the Dock's Quit arrives here; elsewhere only signals and the end of the session do.
    if (process.platform === 'darwin') void ask();
    else void end();
  });
  // The window hides rather than closes; should it ever be gone, protection goes on.
  app.on('window-all-closed', () => undefined);
  return { request: () => void ask() };
}
