// Images of a live database that need no pin of their own: writers and their checkpoints go on as if nobody read them. The pin
// of the capture keeps newer pages out of the database file until it moves; before it does, the pages that may be overwritten
// from then on are copied aside, where they are still to be read. Reading is image.ts, which looks there once more after it
// read the file; the pin is capture/capture.ts and pins.ts.
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { AppError } from '../../../shared/errors.ts';
import type { ImageLayer, ImageSource } from './image.ts';
import { PagePlaces } from './page-places.ts';
import { readFully } from './wal-reader.ts';
import { privateFile } from '../basics/private-folder.ts';

/** What is copied aside in one go, at once: behind what else a busy disk has to do, the pin would wait for it. */
const asideBytes = 64 * 1024;
/**
 * What is copied aside in one call, since writers may be held meanwhile. Much more than comes between two calls: where it is not
 * enough, a pin is kept, and the WAL grows.
 */
const defaultBudgetBytes = 64 * 1024 * 1024;
/** Where there was no room, it is tried again. */
const retryMs = 1000;

/** Newer pages came into the file while an image was read: the next one succeeds, as a rule. Nothing is wrong anywhere. */
export class ImageSpoiled extends AppError {
  constructor(database: string) {
    super('database-unsteady', { path: database });
  }
}

export interface LiveImageOptions {
  /** Of the database, for what there is to tell. */
  readonly path: string;
  /** The database's long-lived descriptor. */
  readonly fd: number;
  readonly pageSize: number;
  /** Size of the image in pages. */
  readonly pages: number;
  /** Where pages are kept aside. */
  readonly folder: string;
  /** Bytes to copy aside in one call, at most. */
  readonly budgetBytes?: number;
  /** Runs once, when the image is not needed any more. */
  readonly onClose?: () => void;
}

/** The images of one database that are being read. Everything but opening and closing is called while nothing else moves. */
export class LiveImages {
  readonly #images = new Set<LiveImage>();

  /** An image is being read: newer pages must not come into the file before {@link save}. */
  get isAnyOpen(): boolean {
    return this.#images.size > 0;
  }

  /** An image of what was captured up to now. */
  open(options: LiveImageOptions): LiveImage {
    const image = new LiveImage({
      ...options,
      onClose: () => {
        this.#images.delete(image);
        options.onClose?.();
      },
    });
    this.#images.add(image);
    return image;
  }

  /** A frame was captured; `commitPages`, where it ends a transaction, is the size of the database then. */
  note(page: number, commitPages: number): void {
    for (const image of this.#images) {
      image.note(page);
      if (commitPages > 0) image.noteSize(commitPages);
    }
  }

  /** Something waits to be copied aside. */
  get isBehind(): boolean {
    return [...this.#images].some((image) => image.isBehind);
  }

  /** Newer pages may have come into the file before it was copied aside: nobody can read what is open now any more. */
  spoil(): void {
    for (const image of this.#images) image.spoil();
  }

  /**
   * Copies aside what was noted: afterwards the pin may move to behind the captured end. For an image where that takes long,
   * or cannot be done, the pin that there is now is kept meanwhile: `keepPin`. False where there is more to copy, soon.
   */
  async save(keepPin: () => Disposable): Promise<boolean> {
    let isDone = true;
    for (const image of this.#images) if (!(await image.save(keepPin))) isDone = false;
    return isDone;
  }
}

/** Pages that were copied aside. */
interface Aside {
  readonly path: string;
  readonly fd: number;
  readonly newest: PagePlaces;
  count: number;
}

export class LiveImage implements ImageSource, Disposable {
  readonly fd: number;
  readonly pageSize: number;
  readonly pages: number;
  readonly #path: string;
  readonly #folder: string;
  readonly #budgetBytes: number;
  readonly #onClose: () => void;
  #layers: readonly ImageLayer[] = [];
  #aside: Aside | undefined;
  /** A bit for each page that was noted; and those that wait to be copied. */
  readonly #noted: Uint8Array;
  #waiting: number[] = [];
  #buffer: Uint8Array<ArrayBuffer> | undefined;
  /** Up to this page nobody reads any more; behind that one, all are noted. */
  #passed = 0;
  #cutAt: number;
  /** What keeps the file as it is while something waits to be copied. */
  #held: Disposable | undefined;
  #retryAt = -Infinity;
  #isClosed = false;
  #isSpoiled = false;

  constructor({ path: database, fd, pageSize, pages, folder, budgetBytes, onClose }: LiveImageOptions) {
    this.#path = database;
    this.fd = fd;
    this.pageSize = pageSize;
    this.pages = pages;
    this.#folder = folder;
    this.#budgetBytes = budgetBytes ?? defaultBudgetBytes;
    this.#onClose = onClose ?? (() => {});
    this.#noted = new Uint8Array((pages >>> 3) + 1);
    this.#cutAt = pages;
  }

  /** Frames come first: what was copied aside may be older. */
  get layers(): readonly ImageLayer[] {
    if (this.#isClosed) throw new Error('the image was closed');
    if (this.#isSpoiled) throw new ImageSpoiled(this.#path);
    return this.#aside === undefined ? this.#layers : [...this.#layers, this.#aside];
  }

  /** Tells where pages lie that the file may not have yet; before that nothing is read. */
  describe(layers: readonly ImageLayer[]): void {
    this.#layers = layers;
  }

  /** A frame behind the image changes this page. */
  note(page: number): void {
    if (page > this.pages || page <= this.#passed) return;
    const [at, bit] = [page >>> 3, 1 << (page & 7)];
    const bits = this.#noted[at] ?? 0;
    if ((bits & bit) !== 0) return;
    this.#noted[at] = bits | bit;
    if (this.#layers.every(({ newest }) => newest.get(page) === undefined)) this.#waiting.push(page);
  }

  /** A transaction behind the image leaves this many pages: a checkpoint cuts the file off there. */
  noteSize(pages: number): void {
    for (let page = pages + 1; page <= this.#cutAt; page++) this.note(page);
    this.#cutAt = Math.min(this.#cutAt, pages);
  }

  /** As {@link LiveImages.save}. */
  async save(keepPin: () => Disposable): Promise<boolean> {
    if (this.#waiting.length === 0 || this.#isClosed) return true;
    let isShort = performance.now() < this.#retryAt;
    try {
      if (!isShort) await this.#copySome();
    } catch {
      // @NOTE No room, as a rule. The WAL grows for as long as there is none, or the image is read.
      this.#retryAt = performance.now() + retryMs;
      isShort = true;
    }
    if (this.#waiting.length > 0) this.#held ??= keepPin();
    if (this.#waiting.length === 0 || this.#isClosed) this.#letGo();
    return isShort || this.#held === undefined;
  }

  get isBehind(): boolean {
    return this.#waiting.length > 0;
  }

  /** As {@link LiveImages.spoil}. */
  spoil(): void {
    this.#isSpoiled = true;
  }

  /** Pages up to this one are not read any more. */
  passed(page: number): void {
    this.#passed = Math.max(this.#passed, page);
  }

  /** Idempotent. */
  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#onClose();
    this.#letGo();
    if (this.#aside !== undefined) closeAside(this.#aside);
  }

  #letGo(): void {
    this.#held?.[Symbol.dispose]();
    this.#held = undefined;
  }

  async #copySome(): Promise<void> {
    const atOnce = Math.max(1, Math.floor(asideBytes / this.pageSize));
    const most = Math.max(1, Math.floor(this.#budgetBytes / this.pageSize));
    for (let done = 0; done < most && this.#waiting.length > 0; done += atOnce) {
      if (done > 0) await nextTurn();
      if (this.#isClosed) return;
      const pages = this.#waiting.slice(-atOnce);
      const wanted = pages.filter((page) => page > this.#passed).sort((a, b) => a - b);
      if (wanted.length > 0) this.#copy(wanted);
      this.#waiting.length -= pages.length;
    }
  }

  #copy(pages: readonly number[]): void {
    const { pageSize } = this;
    const aside = (this.#aside ??= openAside(this.#folder, pageSize));
    const buffer = (this.#buffer ??= new Uint8Array(Math.max(pageSize, asideBytes)));
    pages.forEach((page, i) => {
      const bytes = buffer.subarray(i * pageSize, (i + 1) * pageSize);
      // Behind the end of the file lie pages that nobody ever wrote.
      bytes.fill(0, readFully(this.fd, bytes, (page - 1) * pageSize));
    });
    writeFully(aside.fd, buffer.subarray(0, pages.length * pageSize), aside.count * pageSize);
    for (const page of pages) aside.newest.set(page, aside.count++ * pageSize);
  }
}

function openAside(folder: string, pageSize: number): Aside {
  const place = path.join(folder, `image-${randomUUID()}.tmp`);
  return {
    path: place,
    fd: fs.openSync(place, 'wx+', privateFile),
    newest: new PagePlaces({ from: 0, stride: pageSize }),
    count: 0,
  };
}

function closeAside({ path: place, fd }: Aside): void {
  fs.closeSync(fd);
  try {
    fs.rmSync(place, { force: true });
  } catch {
    // @NOTE It is still being read, on Windows; or its folder is not to be written. The next start removes it.
  }
}

function writeFully(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;) {
    done += fs.writeSync(fd, bytes, done, bytes.length - done, position + done);
  }
}
