// Images of a live database that need no pin of their own: writers and their checkpoints go on as if nobody read them. The pin
// of the capture keeps newer pages out of the database file until it moves; before it does, the pages that may be overwritten
// from then on are copied aside, where they are still to be read. Reading is image.ts; the pin is capture.ts and pins.ts.
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { type ImageLayer, type ImageSource, PagePlaces, readPiece } from './image.ts';

const write = promisify(fs.write);
/** What is copied aside in one go. */
const asideBytes = 256 * 1024;

export interface LiveImageOptions {
  /** The database's long-lived descriptor. */
  readonly fd: number;
  readonly pageSize: number;
  /** Size of the image in pages. */
  readonly pages: number;
  /** Where pages are kept aside. */
  readonly folder: string;
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

  /**
   * Copies aside what was noted: afterwards the pin may move to behind the captured end. For an image that cannot be helped so,
   * the pin that there is now is kept: `keepPin`.
   */
  async save(keepPin: () => Disposable): Promise<void> {
    for (const image of this.#images) {
      try {
        await image.save();
      } catch {
        // @NOTE No room, as a rule. It is no loss: the WAL grows for as long as the image is read.
        image.hold(keepPin());
      }
    }
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
  readonly #folder: string;
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
  #held: Disposable | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor({ fd, pageSize, pages, folder, onClose }: LiveImageOptions) {
    this.fd = fd;
    this.pageSize = pageSize;
    this.pages = pages;
    this.#folder = folder;
    this.#onClose = onClose ?? (() => {});
    this.#noted = new Uint8Array((pages >>> 3) + 1);
    this.#cutAt = pages;
  }

  /** Frames come first: what was copied aside may be older. */
  get layers(): readonly ImageLayer[] {
    return this.#aside === undefined ? this.#layers : [...this.#layers, this.#aside];
  }

  /** Tells where pages lie that the file may not have yet; before that nothing is read. */
  describe(layers: readonly ImageLayer[]): void {
    this.#layers = layers;
  }

  /** A frame behind the image changes this page. */
  note(page: number): void {
    if (this.#held !== undefined || page > this.pages || page <= this.#passed) return;
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

  /** Copies aside what was noted. Afterwards no read is under way that might meet what overwrites it. */
  async save(): Promise<void> {
    if (this.#waiting.length === 0) return;
    await this.alone(async () => {
      const perPiece = Math.max(1, Math.floor(asideBytes / this.pageSize));
      const waiting = this.#waiting.filter((page) => page > this.#passed).sort((a, b) => a - b);
      for (let at = 0; at < waiting.length; at += perPiece) await this.#copy(waiting.slice(at, at + perPiece));
      this.#waiting = [];
    });
  }

  /** The file keeps what the image needs until this is let go, with the image. */
  hold(pin: Disposable): void {
    this.#held = pin;
    this.#waiting = [];
    if (this.#isClosed) pin[Symbol.dispose]();
  }

  /** Pages up to this one are not read any more. */
  passed(page: number): void {
    this.#passed = Math.max(this.#passed, page);
  }

  async alone<T>(work: () => Promise<T>): Promise<T> {
    return await this.#inTurn(async () => {
      if (this.#isClosed) throw new Error('the image was closed');
      return await work();
    });
  }

  /** Idempotent. What is under way ends before anything is closed. */
  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#onClose();
    this.#held?.[Symbol.dispose]();
    void this.#inTurn(async () => {
      if (this.#aside !== undefined) await closeAside(this.#aside);
    });
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    // @NOTE The next in line must run whether or not this one fails; the failure reaches this one's caller.
    this.#turn = turn.catch(() => {});
    return await turn;
  }

  async #copy(pages: readonly number[]): Promise<void> {
    const { fd, pageSize } = this;
    const aside = (this.#aside ??= openAside(this.#folder, pageSize));
    const buffer = (this.#buffer ??= new Uint8Array(Math.max(pageSize, asideBytes)));
    const { bytes } = await readPiece({ fd, pageSize }, { files: [], pages, buffer });
    await writeFully(aside.fd, bytes, aside.count * pageSize);
    for (const page of pages) aside.newest.set(page, aside.count++ * pageSize);
  }
}

function openAside(folder: string, pageSize: number): Aside {
  const place = path.join(folder, `image-${randomUUID()}.tmp`);
  return {
    path: place,
    fd: fs.openSync(place, 'wx+', 0o600),
    newest: new PagePlaces({ from: 0, stride: pageSize }),
    count: 0,
  };
}

async function closeAside({ path: place, fd }: Aside): Promise<void> {
  fs.closeSync(fd);
  // @NOTE What could not be removed, the next start removes.
  await fs.promises.rm(place, { force: true }).catch(() => {});
}

async function writeFully(fd: number, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await write(fd, bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
