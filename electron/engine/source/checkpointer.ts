// The engine's side of the checkpoint thread: one thread for all databases, started with the first and ended some time
// after the last. Orders are carried out one after the other, in the order of their calls.
import { Worker } from 'node:worker_threads';
import { must } from '../../../shared/assert.ts';
import { AppError, type AppErrorData, isShortage, reasonOf } from '../../../shared/errors.ts';

/** Frames in the WAL, and how many of them lie in the database file already. */
export interface WalCounts {
  readonly frames: number;
  readonly backfilled: number;
}

type Order =
  | { readonly kind: 'open'; readonly database: number; readonly path: string }
  | { readonly kind: 'checkpoint'; readonly database: number }
  | { readonly kind: 'empty'; readonly database: number }
  | { readonly kind: 'close'; readonly database: number };

export type ThreadOrder = Order & { readonly id: number };

export type ThreadAnswer =
  /** The checkpoint runs from now on; its counts follow. */
  | { readonly id: number; readonly kind: 'begun' }
  | { readonly id: number; readonly kind: 'done' }
  | { readonly id: number; readonly kind: 'counts'; readonly counts: WalCounts | undefined }
  | { readonly id: number; readonly kind: 'failed'; readonly error: AppErrorData };

export interface CheckpointOptions {
  /** Called while it runs. */
  readonly onBegun?: () => void;
  /** Not later: for who holds writers meanwhile. */
  readonly atOnce?: boolean;
}

/** A thread without databases is kept this long: starting one costs as much of the processor as hundreds of small checkpoints. */
const keepMs = 300_000;

/** One database's connection in the checkpoint thread. */
export class Checkpointer implements AsyncDisposable {
  readonly #thread: Thread;
  readonly #database: number;
  #closing: Promise<unknown> | undefined;

  private constructor(thread: Thread, database: number) {
    this.#thread = thread;
    this.#database = database;
  }

  /**
   * Opens the database at `path` and recovers its WAL where that is needed. Fails with the `AppError` of
   * source-errors.ts, or `database-not-wal`.
   */
  static async open(path: string): Promise<Checkpointer> {
    const thread = Thread.take();
    const database = thread.nextDatabase();
    try {
      await thread.ask({ kind: 'open', database, path });
    } catch (error) {
      thread.release();
      throw isShortage(error) ? new AppError('too-many-files', { path }, { cause: error }) : error;
    }
    return new Checkpointer(thread, database);
  }

  /**
   * SQLite's PASSIVE checkpoint; undefined when somebody else is checkpointing at this moment, and with `atOnce` also when
   * the thread has other work.
   */
  async checkpoint({ onBegun, atOnce = false }: CheckpointOptions = {}): Promise<WalCounts | undefined> {
    if (atOnce && this.#thread.isBusy) return undefined;
    const answer = await this.#thread.ask({ kind: 'checkpoint', database: this.#database }, onBegun);
    return answer.kind === 'counts' ? answer.counts : undefined;
  }

  /** SQLite's TRUNCATE checkpoint, waiting for nobody; false where somebody reads or writes at this moment. */
  async empty(): Promise<boolean> {
    const answer = await this.#thread.ask({ kind: 'empty', database: this.#database });
    return answer.kind === 'counts' && answer.counts?.frames === 0;
  }

  /** Something that was ordered before, for any database, is not done. */
  get isBusy(): boolean {
    return this.#thread.isBusy;
  }

  /** Resolves once everything that was ordered before is done: what comes next is carried out at once. */
  async idle(): Promise<void> {
    await this.#thread.idle();
  }

  /** Closes the connection; waits for a running checkpoint. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    try {
      await this.#thread.ask({ kind: 'close', database: this.#database });
    } finally {
      this.#thread.release();
    }
  }
}

interface Waiting {
  readonly onBegun: (() => void) | undefined;
  readonly resolve: (answer: ThreadAnswer) => void;
  readonly reject: (error: unknown) => void;
}

class Thread {
  static #shared: Thread | undefined;
  readonly #worker = new Worker(workerUrl(import.meta.url), { resourceLimits: { maxYoungGenerationSizeMb: 1 } });
  readonly #waiting = new Map<number, Waiting>();
  #idlers: (() => void)[] = [];
  #lastId = 0;
  #lastDatabase = 0;
  #users = 0;
  #ends: NodeJS.Timeout | undefined;
  /** Why it is not there any more. */
  #failure: Error | undefined;

  private constructor() {
    this.#worker.on('message', (answer: ThreadAnswer) => this.#settle(answer));
    this.#worker.on('error', (error) =>
      this.#fail(new AppError('internal', { reason: reasonOf(error) }, { cause: error })),
    );
    this.#worker.on('exit', () => this.#fail(new AppError('engine-stopped')));
  }

  /** The thread that is there, or a new one; let go by {@link release}. */
  static take(): Thread {
    const thread = (Thread.#shared ??= new Thread());
    clearTimeout(thread.#ends);
    thread.#users++;
    thread.#worker.ref();
    return thread;
  }

  release(): void {
    if (--this.#users > 0) return;
    // It must not keep a thread or process alive that is otherwise done.
    this.#worker.unref();
    this.#ends = setTimeout(() => {
      if (Thread.#shared === this) Thread.#shared = undefined;
      void this.#worker.terminate();
    }, keepMs);
    this.#ends.unref();
  }

  nextDatabase(): number {
    return ++this.#lastDatabase;
  }

  async ask(order: Order, onBegun?: () => void): Promise<ThreadAnswer> {
    if (this.#failure !== undefined) throw this.#failure;
    const id = ++this.#lastId;
    const answer = await new Promise<ThreadAnswer>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, onBegun });
      this.#worker.postMessage({ ...order, id } satisfies ThreadOrder);
    });
    if (answer.kind === 'failed') throw AppError.fromData(answer.error);
    return answer;
  }

  get isBusy(): boolean {
    return this.#waiting.size > 0;
  }

  async idle(): Promise<void> {
    while (this.#waiting.size > 0) await new Promise<void>((resolve) => this.#idlers.push(resolve));
  }

  #settle(answer: ThreadAnswer): void {
    const waiting = must(this.#waiting.get(answer.id), 'an answer has its order');
    if (answer.kind === 'begun') {
      waiting.onBegun?.();
      return;
    }
    waiting.resolve(answer);
    this.#waiting.delete(answer.id);
    this.#tellIdlers();
  }

  #tellIdlers(): void {
    if (this.#waiting.size > 0) return;
    const idlers = this.#idlers;
    this.#idlers = [];
    for (const tell of idlers) tell();
  }

  #fail(error: AppError): void {
    if (Thread.#shared === this) Thread.#shared = undefined;
    this.#failure ??= error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    this.#tellIdlers();
  }
}

/** The worker beside this file in the sources; where it is bundled, at the same place below the engine's folder. */
function workerUrl(here: string): URL {
  if (here.endsWith('.ts')) return new URL('./checkpoint-thread.ts', here);
  return new URL(here.replace(/\/(?:engine|chunks)\/[^/]+$/, '/engine/source/checkpoint-thread.js'));
}
