// What is said of an opening that takes long: what it is about, in words. As a rule nothing is wrong then, but nothing is captured
// either. Said in the state only, and taken back by itself.
import { AppError, type Problem } from '../../../shared/errors.ts';
import type { Clock } from '../basics/clock.ts';

/** What an opening does, in its order. */
export type OpeningStage = keyof typeof words;

const lateMs = 8000;
const words = {
  room: 'the disk with Tidemark’s own data does not answer',
  turn: 'other databases are opened before it',
  remains: 'what was captured before is read, and compared with the file',
  meeting: 'it is waited for a program that is just opening it',
  pages: 'its pages are read',
} as const;

export class LateOpening implements Disposable {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #onChange: () => void;
  readonly #over = new AbortController();
  #stage: OpeningStage = 'room';
  #sinceAt: number | undefined;

  constructor(options: { readonly path: string; readonly clock: Clock; readonly onChange: () => void }) {
    this.#path = options.path;
    this.#clock = options.clock;
    this.#onChange = options.onChange;
    void this.#wait();
  }

  /** What it does now. */
  enter(stage: OpeningStage): void {
    this.#stage = stage;
    if (this.#sinceAt !== undefined) this.#onChange();
  }

  /** Why nothing is captured yet; undefined while that takes no longer than usual. */
  get problem(): Problem | undefined {
    if (this.#sinceAt === undefined) return undefined;
    const error = new AppError('database-opening', { path: this.#path, doing: words[this.#stage] });
    return { ...error.toData(), sinceAt: this.#sinceAt };
  }

  [Symbol.dispose](): void {
    this.#over.abort(new AppError('cancelled'));
    this.#sinceAt = undefined;
  }

  async #wait(): Promise<void> {
    const beganAt = this.#clock.now();
    try {
      await this.#clock.sleep(lateMs, { signal: this.#over.signal, ref: false });
    } catch {
      // @NOTE It was opened, or failed, in time.
      return;
    }
    this.#sinceAt = beganAt;
    this.#onChange();
  }
}
