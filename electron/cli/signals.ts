// Interrupts of the command line: the first one asks for an orderly end, a second one ends at once.
// SIGUSR2 asks a running command how it stands (SIGUSR1 is Node's own). Owns the process's signal handlers while it is alive.
import { leave } from '../host/leave.ts';

export interface Interrupts extends Disposable {
  /** Fulfilled by the first interrupt. */
  readonly first: Promise<void>;
  /** What the first interrupt does; before that is known, it ends the process. */
  onFirst(act: () => Promise<unknown>): void;
  /** What a second interrupt does before the process ends. */
  onSecond(act: () => Promise<{ readonly hangs: boolean }>): void;
  /** What somebody who asks how things stand gets; before that is known, nothing. */
  onAsked(act: () => Promise<void>): void;
  /** True from the second interrupt on. */
  isRepeated(): boolean;
  /** The exit status that tells of the interrupt: 130 for SIGINT, 143 for SIGTERM, 149 for Ctrl+Break on Windows. */
  exitCode(): number;
}

/** SIGBREAK is a Windows console's Ctrl+Break; SIGHUP there tells that the console is closed. */
const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129, SIGBREAK: 149 } as const;

// npm and npx pass a terminal's Ctrl-C on to a child that received it already: that is one interrupt, not two.
const echoMs = 100;

/** Takes the process's interrupts over. */
export function watchInterrupts(): Interrupts {
  const { promise: first, resolve } = Promise.withResolvers<void>();
  let firstAct: (() => Promise<unknown>) | undefined;
  let secondAct: (() => Promise<{ readonly hangs: boolean }>) | undefined;
  let askedAct: (() => Promise<void>) | undefined;
  let code = 0;
  let firstAt: number | undefined;
  let isRepeated = false;

  function hear(signal: keyof typeof signals): void {
    const now = performance.now();
    if (firstAt === undefined) {
      firstAt = now;
      code = signals[signal];
      resolve();
      if (firstAct === undefined) process.exit(code);
      // @NOTE cancelling what is over already fails, and nothing is left to do then.
      firstAct().catch(() => undefined);
    } else if (now - firstAt > echoMs) {
      isRepeated = true;
      void leaveNow();
    }
  }

  async function leaveNow(): Promise<void> {
    // @NOTE What fails at this point is not worth staying for.
    const how = await secondAct?.().catch(() => undefined);
    leave(code, { hangs: how?.hangs === true });
  }

  const handlers = Object.keys(signals).map((name) => {
    const signal = name as keyof typeof signals;
    const handler = (): void => hear(signal);
    process.on(signal, handler);
    return () => process.off(signal, handler);
  });

  if (process.platform !== 'win32') {
    // @NOTE An engine that is stopping answers no more, and nobody needs to hear that.
    const answer = (): void => void askedAct?.().catch(() => undefined);
    process.on('SIGUSR2', answer);
    handlers.push(() => process.off('SIGUSR2', answer));
  }

  return {
    first,
    onFirst: (act) => {
      firstAct = act;
    },
    onSecond: (act) => {
      secondAct = act;
    },
    onAsked: (act) => {
      askedAct = act;
    },
    isRepeated: () => isRepeated,
    exitCode: () => code,
    [Symbol.dispose]: () => {
      for (const remove of handlers) remove();
    },
  };
}
