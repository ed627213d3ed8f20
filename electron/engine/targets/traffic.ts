// What passes between a target and its storage while a call is under way: for targets that make several requests of one call,
// or hold a body back and send it in parts. Told out of band, so that whoever stands before a target can count, pace and watch
// what really leaves without every request having to carry it.
import { AsyncLocalStorage } from 'node:async_hooks';

export type RequestKind = 'put' | 'get' | 'list' | 'delete';

export interface Traffic {
  /** A request is about to be made. */
  request(kind: RequestKind): void;
  /** Resolves with how many of these bytes may leave now, at least one; rejects when the call is over. */
  send(bytes: number): Promise<number>;
}

const store = new AsyncLocalStorage<Traffic>();

/** Who hears of what leaves here; undefined: nobody. */
export function currentTraffic(): Traffic | undefined {
  return store.getStore();
}

/** Does something whose traffic is heard of, by this one and by whoever hears of it already. */
export function hearTraffic<T>({ request, send }: Partial<Traffic>, work: () => T): T {
  const outer = store.getStore();
  const both: Traffic = {
    request: (kind) => {
      request?.(kind);
      outer?.request(kind);
    },
    send: async (bytes) => {
      const allowed = outer === undefined ? bytes : await outer.send(bytes);
      return send === undefined ? allowed : await send(allowed);
    },
  };
  return store.run(both, work);
}

/** The same for a stream: its requests are made while it is read. */
export async function* hearStream(
  heard: Partial<Traffic>,
  stream: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const reading = stream[Symbol.asyncIterator]();
  try {
    for (;;) {
      const step: IteratorResult<Uint8Array, unknown> = await hearTraffic(heard, async () => await reading.next());
      if (step.done === true) return;
      yield step.value;
    }
  } finally {
    await reading.return?.();
  }
}
