// How long to wait before the next try: anywhere between nothing and a bound that doubles up to a cap ("full jitter"), so that
// those who failed together do not come back together.
import { AppError } from '../../../shared/errors.ts';

export interface BackOffOptions {
  readonly firstMs: number;
  readonly longestMs: number;
  /** Between 0 and 1. */
  readonly random?: (() => number) | undefined;
}

export class BackOff {
  readonly #options: BackOffOptions;
  #boundMs: number;

  constructor(options: BackOffOptions) {
    this.#options = options;
    this.#boundMs = options.firstMs;
  }

  /** The next wait in milliseconds; never shorter than the failed side asked for. */
  next(error: unknown): number {
    const { longestMs, random = Math.random } = this.#options;
    const waitMs = random() * this.#boundMs;
    this.#boundMs = Math.min(this.#boundMs * 2, longestMs);
    // What it asked for is the earliest moment: all come then who were told the same.
    return askedToWaitMs(error) + waitMs;
  }

  /** Something got through: the next failure is a first one. */
  reset(): void {
    this.#boundMs = this.#options.firstMs;
  }
}

/** A target may ask for an hour at most, whatever it says. */
const longestAskedMs = 3_600_000;

/** How long the failed side asked to be left alone (`Retry-After`), in milliseconds; 0 where it did not. */
export function askedToWaitMs(error: unknown): number {
  const asked = error instanceof AppError ? error.details['retryAfterMs'] : undefined;
  return typeof asked === 'number' && asked > 0 ? Math.min(asked, longestAskedMs) : 0;
}
