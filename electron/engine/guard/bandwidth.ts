// How many bytes a second may pass: a token bucket. It holds a fifth of a second's worth, so that no second sees more than
// 1.2 times the limit, and a late timer costs nothing. Who waits is served in turn, one slice per lane: a large image does not
// keep another database's segments waiting.
import type { Clock } from '../basics/clock.ts';
import { type Lane, LaneRow } from '../basics/rows.ts';
import { untilGranted } from '../basics/turns.ts';

interface Request {
  readonly lane: Lane;
  readonly bytes: number;
  readonly grant: () => void;
}

const burstSeconds = 0.2;
/** A slice is a small part of the bucket, so that it seldom waits for the bucket to fill. */
const sliceSeconds = 0.05;
const largestSliceBytes = 64 * 1024;

export class Bandwidth {
  readonly #clock: Clock;
  readonly #waiting = new LaneRow<Request>();
  #limit: number | undefined;
  #tokens = 0;
  #filledAt: number;
  #isServing = false;
  #changed = new AbortController();

  constructor(clock: Clock, limit?: number) {
    this.#clock = clock;
    this.#filledAt = clock.ticks();
    this.limit = limit;
  }

  /** Bytes a second; undefined: no limit. A change counts at once, also for those who wait. */
  get limit(): number | undefined {
    return this.#limit;
  }

  set limit(limit: number | undefined) {
    this.#fill();
    this.#limit = limit === undefined ? undefined : Math.max(1, limit);
    this.#tokens = Math.max(-this.#capacity, Math.min(this.#tokens, this.#capacity));
    this.#changed.abort();
    this.#changed = new AbortController();
  }

  /** The most that should be asked for at once. */
  get sliceBytes(): number {
    if (this.#limit === undefined) return Infinity;
    return Math.max(1, Math.min(largestSliceBytes, Math.floor(this.#limit * sliceSeconds)));
  }

  /** Resolves when this many bytes may pass; on abort, `signal.reason` is thrown. */
  async take(bytes: number, { lane, signal }: { readonly lane: Lane; readonly signal: AbortSignal }): Promise<void> {
    signal.throwIfAborted();
    if (this.#limit === undefined || bytes === 0) return;
    const { promise: granted, resolve: grant } = Promise.withResolvers<void>();
    const request = { lane, bytes, grant };
    this.#waiting.add(request);
    if (!this.#isServing) void this.#serve();
    await untilGranted(granted, { leave: () => this.#waiting.delete(request), signal });
  }

  async #serve(): Promise<void> {
    this.#isServing = true;
    for (let next = this.#waiting.first(); next !== undefined; next = this.#waiting.first()) {
      const waitMs = this.#waitMs(next.bytes);
      if (waitMs > 0) {
        // @NOTE Woken early by a change of the limit: what has to be waited for is reckoned again.
        await this.#clock.sleep(Math.ceil(waitMs), { signal: this.#changed.signal }).catch(() => {});
        continue;
      }
      this.#tokens -= next.bytes;
      this.#waiting.shift();
      next.grant();
    }
    this.#isServing = false;
  }

  #waitMs(bytes: number): number {
    this.#fill();
    if (this.#limit === undefined) return 0;
    // More than the bucket holds: asked for before the limit was lowered. It passes when the bucket is full, and is paid for afterwards.
    const lacking = Math.min(bytes, this.#capacity) - this.#tokens;
    return (lacking / this.#limit) * 1000;
  }

  #fill(): void {
    const now = this.#clock.ticks();
    const seconds = (now - this.#filledAt) / 1000;
    this.#filledAt = now;
    this.#tokens = Math.min(this.#capacity, this.#tokens + seconds * (this.#limit ?? 0));
  }

  get #capacity(): number {
    return (this.#limit ?? 0) * burstSeconds;
  }
}
