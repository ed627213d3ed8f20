// A target that is only read, by somebody who waits for it: where it asks for fewer requests, reading goes on once it may, from
// where it was. What else it fails with is for its reader.
import { AppError } from '../../../shared/errors.ts';
import type { Clock } from '../basics/clock.ts';
import type { ReadableTarget } from '../targets/target.ts';
import { BackOff } from './back-off.ts';

export interface PatienceOptions {
  readonly clock: Clock;
  readonly random?: (() => number) | undefined;
  /** It asked for fewer requests: reading goes on in so many milliseconds. */
  readonly onWait: (ms: number) => void;
}

const firstWaitMs = 1000;
const longestWaitMs = 30_000;
/** After this many refusals in a row it is not waited for any more. */
const attempts = 10;

/** The same target, to be read. Fails with `target-throttled` only where it refuses for long. */
export function patientTarget(target: ReadableTarget, options: PatienceOptions): ReadableTarget {
  return {
    url: target.url,
    list: async (prefix, { signal }) => {
      const patience = new Patience(options);
      for (;;) {
        try {
          return await target.list(prefix, { signal });
        } catch (error) {
          await patience.wait(error, signal);
        }
      }
    },
    async *get(key, { range, signal }) {
      const patience = new Patience(options);
      let passed = 0;
      for (;;) {
        try {
          for await (const chunk of target.get(key, { ...rangeBehind(range, passed), signal })) {
            passed += chunk.length;
            patience.reset();
            yield chunk;
          }
          return;
        } catch (error) {
          // All that was asked for from the end has come.
          if (range !== undefined && range.start < 0 && passed >= -range.start) return;
          await patience.wait(error, signal);
        }
      }
    },
  };
}

/** What is left of a range; one that counts from the end is as long as it says. */
function rangeBehind(
  range: { readonly start: number; readonly end?: number } | undefined,
  passed: number,
): { readonly range?: { readonly start: number; readonly end?: number } } {
  if (passed === 0) return range === undefined ? {} : { range };
  return { range: { ...range, start: (range?.start ?? 0) + passed } };
}

class Patience {
  readonly #options: PatienceOptions;
  readonly #backOff: BackOff;
  #refusals = 0;

  constructor(options: PatienceOptions) {
    this.#options = options;
    this.#backOff = new BackOff({ firstMs: firstWaitMs, longestMs: longestWaitMs, random: options.random });
  }

  reset(): void {
    this.#refusals = 0;
    this.#backOff.reset();
  }

  /** Waits as long as a refusal asks for; throws what is none, and the last of many. */
  async wait(error: unknown, signal: AbortSignal): Promise<void> {
    const isRefusal = error instanceof AppError && error.code === 'target-throttled';
    if (signal.aborted || !isRefusal || ++this.#refusals >= attempts) throw error;
    const waitMs = this.#backOff.next(error);
    this.#options.onWait(waitMs);
    await this.#options.clock.sleep(waitMs, { signal });
  }
}
