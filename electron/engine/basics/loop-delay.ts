// How long the engine's thread was kept from its turns. Measuring costs wake-ups, so it runs only while somebody asks.
import { monitorEventLoopDelay } from 'node:perf_hooks';

const resolutionMs = 20;
/** Nobody asked for this long: measuring stops. */
const keepMs = 60_000;

export class LoopDelay implements Disposable {
  #histogram: ReturnType<typeof monitorEventLoopDelay> | undefined;
  #ends: NodeJS.Timeout | undefined;

  /** The longest delay since the last question, in milliseconds; 0 the first time, from when on it is measured. */
  read(): number {
    clearTimeout(this.#ends);
    this.#ends = setTimeout(() => this[Symbol.dispose](), keepMs);
    this.#ends.unref();
    if (this.#histogram === undefined) {
      this.#histogram = monitorEventLoopDelay({ resolution: resolutionMs });
      this.#histogram.enable();
      return 0;
    }
    const maxMs = this.#histogram.max / 1e6;
    this.#histogram.reset();
    return Math.max(0, maxMs - resolutionMs);
  }

  /** Stops measuring until somebody asks again. Idempotent. */
  [Symbol.dispose](): void {
    clearTimeout(this.#ends);
    this.#histogram?.disable();
    this.#histogram = undefined;
  }
}
