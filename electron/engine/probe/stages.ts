// The stages of a connection test, one after the other: each with a sentence, bounded in time, and skipped behind one that
// failed. What is done in a stage is the caller's.
import { AppError, toErrorData } from '../../../shared/errors.ts';
import type { TestStage, TestStageName } from '../../../shared/targets.ts';

/** What a stage found. */
export interface Finding {
  readonly text: string;
  /** What needs a look although it goes on. */
  readonly warning?: AppError | undefined;
}

/** How long a test may take. */
export interface StagesTime {
  readonly signal: AbortSignal;
  /** A stage, in milliseconds. */
  readonly stageMs?: number | undefined;
}

export interface StagesOptions extends StagesTime {
  /** What a stage fails with that takes too long. */
  readonly late: () => AppError;
}

const defaultStageMs = 10_000;

export class Stages {
  readonly #options: StagesOptions;
  readonly #stages: TestStage[] = [];
  #hasFailed = false;

  constructor(options: StagesOptions) {
    this.#options = options;
  }

  get list(): readonly TestStage[] {
    return this.#stages;
  }

  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Runs a stage unless one before it failed. On abort, the signal's reason is thrown. */
  async run(name: TestStageName, work: (signal: AbortSignal) => Promise<Finding>): Promise<void> {
    this.#options.signal.throwIfAborted();
    if (this.#hasFailed) {
      this.#stages.push({ name, state: 'skipped', text: 'Not tried.', error: undefined, ms: 0 });
      return;
    }
    const begunAt = performance.now();
    const ms = () => Math.round(performance.now() - begunAt);
    try {
      const { text, warning } = await this.#bounded(work);
      const state = warning === undefined ? 'ok' : 'warning';
      this.#stages.push({ name, state, text, error: warning?.toData(), ms: ms() });
    } catch (error) {
      this.#options.signal.throwIfAborted();
      this.#hasFailed = true;
      const data = toErrorData(error);
      this.#stages.push({ name, state: 'failed', text: data.message, error: data, ms: ms() });
    }
  }

  /** What does not end on its signal is left behind. */
  async #bounded(work: (signal: AbortSignal) => Promise<Finding>): Promise<Finding> {
    const { signal, late, stageMs = defaultStageMs } = this.#options;
    const ends = new AbortController();
    const { promise: over, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const error = late();
      reject(error);
      ends.abort(error);
    }, stageMs);
    const onAbort = () => {
      reject(signal.reason);
      ends.abort(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([work(ends.signal), over]);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    }
  }
}

/** What is left after a test is over, cancelled or not, is cleared away within this time. */
export async function cleanUp(work: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
  try {
    const late = AbortSignal.timeout(defaultStageMs);
    const over = new Promise<never>((_resolve, reject) => {
      late.addEventListener('abort', () => reject(new AppError('cancelled')), { once: true });
    });
    await Promise.race([work(late), over]);
    return true;
  } catch {
    // @NOTE What failed is told by the stage that failed; this is what could be done about it.
    return false;
  }
}
