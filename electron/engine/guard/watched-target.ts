// A target whose calls end: one that does not move for long is given up, and on abort the caller is let go at once, whatever
// the target does. A call that was given up keeps its place in the gate until it has really ended: those that hang in the
// kernel, on a network drive that went away, must not take one thread of the pool after the other.
import { AppError } from '../../../shared/errors.ts';
import { formatDuration } from '../../../shared/format.ts';
import type { Clock } from '../basics/clock.ts';
import type { Lane } from '../basics/rows.ts';
import { nothingAmiss, type Target } from '../targets/target.ts';
import { hearTraffic, type Traffic } from '../targets/traffic.ts';
import type { Turns } from '../basics/turns.ts';

export interface WatchOptions {
  readonly gate: Turns<{ readonly lane: Lane }>;
  readonly lane: Lane;
  readonly clock: Clock;
  /** How long a call may stand still, in milliseconds. */
  readonly stillMs: number;
}

/** The same target; fails with `target-stalled` where nothing moves. Time in which the caller's side is waited for does not count. */
export function watchTarget(target: Target, options: WatchOptions): Target {
  const run = async <T>(
    call: { readonly signal: AbortSignal; readonly stillMs?: number },
    work: (watch: Watch) => Promise<T>,
  ): Promise<T> => await runWatched(target.url, { ...options, ...call }, work);
  return {
    url: target.url,
    // A listing comes in pages that are not seen here.
    list: async (prefix, { signal }) =>
      await run(
        { signal, stillMs: options.stillMs * 3 },
        async (watch) => await target.list(prefix, { signal: watch.signal }),
      ),
    put: async (key, body, { signal, ...rest }) => {
      const isWhole = body instanceof Uint8Array;
      const stillMs = options.stillMs + (isWhole ? (body.length / slowestBytes) * 1000 : 0);
      return await run({ signal, stillMs }, async (watch) => {
        const watched = isWhole ? body : watchBody(body, watch);
        return await target.put(key, watched, { ...rest, signal: watch.signal });
      });
    },
    get: (key, { signal, ...rest }) =>
      watchStream(target.url, { ...options, signal }, (inner) => target.get(key, { ...rest, signal: inner })),
    delete: async (keys, { signal }) =>
      await run({ signal }, async (watch) => await target.delete(keys, { signal: watch.signal })),
    removeLeftovers: async ({ signal, ...rest }) =>
      await run({ signal }, async (watch) => await target.removeLeftovers?.({ ...rest, signal: watch.signal })),
    dateBack: async ({ signal, ...rest }) =>
      await run({ signal }, async (watch) => await target.dateBack?.({ ...rest, signal: watch.signal })),
    look: async (folders, { signal }) =>
      await run({ signal }, async (watch) => (await target.look?.(folders, { signal: watch.signal })) ?? nothingAmiss),
  };
}

/** A connection this slow still counts as moving where a body goes in one piece. */
const slowestBytes = 4096;
/** The most that leaves unseen. */
const seenBytes = 256 * 1024;
/** How long a call that was given up may tidy up behind itself before its caller goes on. */
const tidyMs = 1000;

interface Call extends WatchOptions {
  readonly signal: AbortSignal;
}

async function runWatched<T>(url: string, call: Call, work: (watch: Watch) => Promise<T>): Promise<T> {
  const place = await call.gate.enter({ lane: call.lane }, call);
  const watch = new Watch(url, call);
  const working = hearTraffic(watch, async () => await work(watch));
  const ended = working.finally(() => place[Symbol.dispose]());
  // @NOTE Nobody may be waiting any more when it ends.
  ended.catch(() => {});
  try {
    return await watch.whileHeld(working);
  } finally {
    watch[Symbol.dispose]();
  }
}

/** Reads a stream, each piece of which has to come in time. */
async function* watchStream(
  url: string,
  call: Call,
  open: (signal: AbortSignal) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const place = await call.gate.enter({ lane: call.lane }, call);
  const watch = new Watch(url, call);
  const stream = open(watch.signal)[Symbol.asyncIterator]();
  let reading: Promise<unknown> = Promise.resolve();
  try {
    for (;;) {
      watch.move();
      const next = hearTraffic(watch, async () => await stream.next());
      reading = next;
      const step = await watch.whileHeld(next);
      if (step.done === true) return;
      watch.pause();
      yield step.value;
    }
  } finally {
    watch[Symbol.dispose]();
    const closed = reading
      .catch(() => {})
      .then(async () => await stream.return?.())
      .finally(() => place[Symbol.dispose]());
    // @NOTE What a stream fails with once nobody reads it any more is of no use.
    closed.catch(() => {});
  }
}

/** A body: while the target works on a piece it has to move, while the next one is fetched it waits. */
async function* watchBody(body: AsyncIterable<Uint8Array>, watch: Watch): AsyncGenerator<Uint8Array> {
  watch.pause();
  for await (const chunk of body) {
    watch.move();
    yield chunk;
    watch.pause();
  }
  watch.move();
}

/** Whether a call moves: it does while requests are made, and while bytes leave. Made for each call, so it makes do with little. */
class Watch implements Disposable, Traffic {
  readonly #url: string;
  readonly #call: Call;
  readonly #over = new AbortController();
  readonly #stop = new AbortController();
  #givenUp: { readonly reason: unknown } | undefined;
  #letGo: ((reason: unknown) => void) | undefined;
  #movedAt: number | undefined;

  constructor(url: string, call: Call) {
    this.#url = url;
    this.#call = call;
    this.#movedAt = call.clock.ticks();
    if (call.signal.aborted) this.#follow();
    else call.signal.addEventListener('abort', this.#follow, { once: true });
    void this.#look();
  }

  /** For the call itself: aborts with the caller's, and when it is given up. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /**
   * The outcome of a step; rejects when the caller goes on without it. Not by a race against one promise for all steps: that would
   * keep what each of them brought until the call is over, which for a stream is all of it.
   */
  async whileHeld<T>(step: Promise<T>): Promise<T> {
    if (this.#givenUp !== undefined) throw this.#givenUp.reason;
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#letGo = reject;
        step.then(resolve, reject);
      });
    } finally {
      this.#letGo = undefined;
    }
  }

  readonly request = (): void => this.move();

  readonly send = async (bytes: number): Promise<number> => {
    this.move();
    return await Promise.resolve(Math.min(bytes, seenBytes));
  };

  move(): void {
    this.#movedAt = this.#call.clock.ticks();
  }

  pause(): void {
    this.#movedAt = undefined;
  }

  [Symbol.dispose](): void {
    this.#call.signal.removeEventListener('abort', this.#follow);
    this.#over.abort(isOver);
  }

  readonly #follow = (): void => this.#giveUp(this.#call.signal.reason);

  async #look(): Promise<void> {
    const { clock, stillMs } = this.#call;
    while (!this.signal.aborted && !this.#over.signal.aborted) {
      const stillSince = this.#movedAt ?? clock.ticks();
      const leftMs = stillSince + stillMs - clock.ticks();
      if (leftMs <= 0) {
        this.#giveUp(new AppError('target-stalled', { path: this.#url, duration: formatDuration(stillMs) }));
        return;
      }
      // @NOTE Ends early when the call is over.
      await clock.sleep(leftMs, { signal: this.#over.signal }).catch(() => {});
    }
  }

  #giveUp(reason: unknown): void {
    this.#stop.abort(reason);
    const letGo = () => {
      this.#givenUp ??= { reason };
      this.#letGo?.(reason);
    };
    this.#call.clock.sleep(tidyMs, { signal: this.#over.signal }).then(letGo, letGo);
  }
}

/** One for all: an error has to be made, and nobody looks at it. */
const isOver = new Error('the call is over');
