// Images of a database that is being captured: what they still have to read is copied aside before it is overwritten, and one that
// nobody can read any more is spoiled.
import fs from 'node:fs';
import type { Hold } from '../source/connections.ts';
import { LiveImages } from '../source/live-image.ts';
import { isAlone, type Life } from './life.ts';
import type { CaptureOptions, OpenedImage } from './options.ts';
import type { Place } from '../../../shared/position.ts';

type Options = Pick<CaptureOptions, 'path' | 'spool' | 'visits'> & {
  /** How the database is joined; undefined while it is not. */
  readonly hold: () => Hold | undefined;
  /** Somebody was seen who wrote to the file without a WAL. */
  readonly isTouched: () => boolean;
  /** Something may have changed. */
  readonly wake: () => void;
};

export class Imaging {
  readonly #options: Options;
  readonly #images = new LiveImages();
  /** Up to this frame of the present WAL, what images that are open need of the pages before was copied aside. */
  #saved = 0;
  /** Descriptors of images that ended while closing them would have let go of locks. */
  #leftFiles: number[] = [];

  constructor(options: Options) {
    this.#options = options;
  }

  get isAnyOpen(): boolean {
    return this.#images.isAnyOpen;
  }

  get isUnsteady(): boolean {
    return this.#options.visits.isUnsteady(performance.now());
  }

  /** Where an image was spoiled before, pins stay for the next one, and nobody who comes and goes overtakes it. */
  stay(): DisposableStack {
    const stack = new DisposableStack();
    if (this.isUnsteady) {
      stack.use(this.#options.visits.stay(performance.now()));
      stack.defer(() => this.#options.wake());
    }
    return stack;
  }

  /** `time` is called once it is open. */
  open(
    pageSize: number,
    {
      at,
      pages,
      time,
      stay,
    }: { readonly at: Place; readonly pages: number; readonly time: () => number; readonly stay: Disposable },
  ): OpenedImage {
    const { path, spool } = this.#options;
    const fd = fs.openSync(path, 'r');
    const hold = spool.hold(spool.filesOfWal(at.index)[0]?.index ?? at.index);
    const onClose = (): void => {
      hold[Symbol.dispose]();
      this.closeFile(fd);
      stay[Symbol.dispose]();
    };
    const image = this.#images.open({ path, fd, pageSize, pages, folder: spool.folder, onClose });
    return { image, at, time: time() };
  }

  /** Closing any descriptor of the database lets go of the lock on it, which is wanted as long as something of ours may write. */
  closeFile(fd: number): void {
    if (this.#options.hold() === 'firm') this.#leftFiles.push(fd);
    else fs.closeSync(fd);
  }

  /** Nothing of ours is connected any more. */
  closeLeftFiles(): void {
    for (const fd of this.#leftFiles.splice(0)) fs.closeSync(fd);
  }

  /** Nobody can read the images that are open any more. */
  spoil(): void {
    if (!this.#images.isAnyOpen) return;
    this.#images.spoil();
    if (!this.#options.isTouched()) this.#options.visits.noteSpoiled(performance.now());
  }

  /** Reading goes on from this frame of the WAL; what lies before it is none of the images'. */
  readFrom(frames: number): void {
    this.#saved = frames;
  }

  /** The next WAL begins behind so many frames of the one before. */
  walBegins(frames: number | undefined): void {
    // What was committed to the former one, and not seen here, may lie in the file by now.
    if (this.#saved !== frames) this.spoil();
    this.#saved = 0;
  }

  /** A page was written: images that have to read it as it was have it copied aside by {@link save}. */
  note(page: number, commitPages: number): void {
    this.#images.note(page, commitPages);
  }

  /** Copies aside what may be overwritten from now on. */
  async save(life: Life): Promise<void> {
    if (!(await this.#images.save(() => life.connections.pins.keep()))) this.#options.wake();
    this.#spoilOverrun(life);
    if (!this.#images.isBehind) this.#saved = life.reader.frames;
  }

  /**
   * What a checkpoint copied before an image could keep what was there: the last one to close copies what lies behind our pin, too,
   * and nobody heeds one that was let go for a moment. Asked behind the saving, since it may have come in between.
   */
  #spoilOverrun(life: Life): void {
    const { walIndex, hold } = life.connections;
    if (!this.#images.isAnyOpen) return;
    const attempted = walIndex?.read()?.attempted ?? (hold === 'light' ? Infinity : 0);
    if (isAlone(life) || attempted > this.#saved) this.spoil();
  }
}
