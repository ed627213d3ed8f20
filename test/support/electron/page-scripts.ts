// Runs inside the page. Each function is sent as source text, so none may use anything outside itself.

/** What the two sides of the preload's world say to each other, as JSON. */
export interface ToMain {
  readonly id: number;
  readonly channel: string;
  readonly args: unknown[];
}
export type FromMain =
  | { readonly kind: 'reply'; readonly id: number; readonly value?: unknown; readonly error?: string }
  | { readonly kind: 'event'; readonly channel: string; readonly args: unknown[] };

type Callable = (...args: unknown[]) => unknown;
type Expose = (name: string, api: unknown) => void;

/**
 * One end of the bridge between the page's world and the preload's. The worlds share only the DOM, so a call is a
 * CustomEvent on the document under a secret name: dispatch is synchronous, and Chromium clones `detail` for a listener
 * of another world. Functions and promises travel as numbered handles. Only what was given out can be called.
 */
export function bridge(secret: string, here: 'page' | 'preload', there: 'page' | 'preload'): Expose {
  type Detail =
    | { readonly kind: 'call'; readonly id: number; readonly args: unknown[] }
    | { readonly kind: 'answer'; readonly value?: unknown; readonly error?: unknown }
    | { readonly kind: 'settle'; readonly id: number; readonly value?: unknown; readonly error?: unknown }
    | { readonly kind: 'expose'; readonly name: string; readonly api: unknown };
  type Handle = Readonly<Record<string, unknown>> & { readonly id: number };
  // Taken before any script of the page runs, so that a page which patches them learns nothing.
  const { apply } = Reflect;
  // oxlint-disable-next-line typescript/unbound-method -- applied to the document below
  const { dispatchEvent, addEventListener } = EventTarget.prototype;
  const Custom = CustomEvent;
  const clone = structuredClone;
  const page = document;
  const functions: Callable[] = [];
  const waiting = new Map<number, (settled: { readonly value?: unknown; readonly error?: unknown }) => void>();
  let promises = 0;
  const answers: { readonly value?: unknown; readonly error?: unknown }[] = [];

  function post(detail: Detail): void {
    apply(dispatchEvent, page, [new Custom(secret + there, { detail })]);
  }

  function asError(error: unknown): Error {
    return error instanceof Error ? error : new Error(String(error));
  }

  function isPlain(value: unknown): value is Record<string, unknown> {
    if (value === null || typeof value !== 'object') return false;
    const prototype: unknown = Object.getPrototypeOf(value);
    return prototype === Object.prototype || prototype === null;
  }

  function wrap(value: unknown): unknown {
    if (typeof value === 'function') return { [secret]: 'function', id: functions.push(value as Callable) - 1 };
    if (Array.isArray(value)) return value.map(wrap);
    if (value instanceof Promise) {
      const id = (promises += 1);
      value.then(
        (result) => post({ kind: 'settle', id, value: wrap(result) }),
        (error: unknown) => post({ kind: 'settle', id, error }),
      );
      return { [secret]: 'promise', id };
    }
    if (isPlain(value)) return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, wrap(inner)]));
    return clone(value);
  }

  function unwrap(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(unwrap);
    if (!isPlain(value)) return value;
    const handle = value as Handle;
    if (handle[secret] === 'function') return (...args: unknown[]) => call(handle.id, args);
    if (handle[secret] === 'promise') {
      return new Promise((resolve, reject) => {
        waiting.set(handle.id, (settled) => {
          if (settled.error === undefined) resolve(unwrap(settled.value));
          else reject(asError(settled.error));
        });
      });
    }
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, unwrap(inner)]));
  }

  function call(id: number, args: unknown[]): unknown {
    post({ kind: 'call', id, args: args.map(wrap) });
    // Dispatch is synchronous: the answer is here, or nobody listens.
    const { value, error } = answers.pop() ?? { value: undefined, error: new Error('the other world is gone') };
    if (error !== undefined) throw asError(error);
    return unwrap(value);
  }

  function receive({ detail }: CustomEvent<Detail>): void {
    if (detail.kind === 'call') {
      try {
        const called = functions[detail.id];
        if (called === undefined) throw new Error('no such function');
        post({ kind: 'answer', value: wrap(called(...detail.args.map(unwrap))) });
      } catch (error) {
        post({ kind: 'answer', error });
      }
    } else if (detail.kind === 'answer') {
      answers.push(detail);
    } else if (detail.kind === 'settle') {
      waiting.get(detail.id)?.(detail);
      waiting.delete(detail.id);
    } else if (here === 'page') {
      // Only the preload exposes, and only to the page.
      const api = Object.freeze(unwrap(detail.api));
      Object.defineProperty(globalThis, detail.name, { value: api, enumerable: true });
    }
  }

  apply(addEventListener, page, [secret + here, receive]);
  return (name, api) => post({ kind: 'expose', name, api: wrap(api) });
}

/** The surroundings of a sandboxed preload: `require('electron')` over the binding that only this world has. */
export function preloadWorld(expose: Expose, run: (require: Callable, module: object, exports: object) => void): void {
  const world = globalThis as unknown as {
    standInToMain?: (json: string) => void;
    standInFromMain?: (message: FromMain) => void;
  };
  const toMain = world.standInToMain;
  delete world.standInToMain;
  const post = (message: ToMain): void => toMain?.(JSON.stringify(message));
  const listeners = new Map<string, Callable[]>();
  const invoked = new Map<number, (reply: Extract<FromMain, { kind: 'reply' }>) => void>();
  let lastId = 0;

  const ipcRenderer = {
    invoke: (channel: string, ...args: unknown[]) =>
      new Promise((resolve, reject) => {
        const id = (lastId += 1);
        invoked.set(id, ({ value, error }) => {
          if (error === undefined) resolve(value);
          else reject(new Error(`Error invoking remote method '${channel}': ${error}`));
        });
        post({ id, channel, args });
      }),
    on(channel: string, listener: Callable) {
      listeners.set(channel, [...(listeners.get(channel) ?? []), listener]);
      return ipcRenderer;
    },
    off(channel: string, listener: Callable) {
      listeners.set(
        channel,
        (listeners.get(channel) ?? []).filter((other) => other !== listener),
      );
      return ipcRenderer;
    },
  };
  world.standInFromMain = (message) => {
    if (message.kind === 'reply') {
      invoked.get(message.id)?.(message);
      invoked.delete(message.id);
    } else {
      for (const listener of listeners.get(message.channel) ?? []) listener({ sender: ipcRenderer }, ...message.args);
    }
  };

  const electron = {
    ipcRenderer,
    contextBridge: { exposeInMainWorld: expose },
    // The protocol tells no paths of dropped files; like Electron for a file that has none.
    webUtils: { getPathForFile: () => '' },
  };
  const module = { exports: {} };
  run(
    (name) => {
      if (name === 'electron') return electron;
      throw new Error(`module not found: ${String(name)}`);
    },
    module,
    module.exports,
  );
}
