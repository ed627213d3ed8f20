// The file behind the log. Writing to it never throws and never waits: lines go to the file beside everything else, and what
// cannot be written is dropped and counted, so that a full disk costs lines and nothing else. Kept small by turning it over.
import fs from 'node:fs';
import path from 'node:path';
import { privateFile } from './private-folder.ts';

const largestBytes = 10 * 1024 * 1024;
/** Lines that wait for a disk that does not answer. */
const mostWaiting = 4 * 1024 * 1024;

export class LogFile implements AsyncDisposable {
  readonly #path: string;
  #waiting: string[] = [];
  #waitingLength = 0;
  #dropped = 0;
  /** What is being written. */
  #text = '';
  #writing: Promise<void> | undefined;
  #isClosed = false;
  /** A line was written in part only. */
  #isTorn = false;
  readonly #onExit = (): void => this.#writeAtExit();

  constructor(file: string) {
    this.#path = file;
    // What led to the end of a thread is worth more than all before.
    process.on('exit', this.#onExit);
  }

  /** Keeps a line, with its end. */
  write(line: string): void {
    if (this.#isClosed || this.#waitingLength > mostWaiting) {
      this.#dropped++;
      return;
    }
    this.#waiting.push(line);
    this.#waitingLength += line.length;
    this.#writing ??= this.#writeAll();
  }

  /** Resolves once everything is written, or dropped. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#writing;
    process.off('exit', this.#onExit);
  }

  /** Nothing else runs any more. What was being written may be there twice then, which is better than not at all. */
  #writeAtExit(): void {
    try {
      const text = this.#text + this.#take();
      if (text !== '') fs.appendFileSync(this.#path, text, { mode: privateFile });
    } catch {
      // @NOTE There is nowhere to say it.
    }
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const lines = this.#waiting.length;
      const dropped = this.#dropped;
      try {
        this.#text = this.#take();
        await this.#append(this.#text);
        this.#isTorn = false;
      } catch {
        // @NOTE Nowhere to say it now; how many lines are missing is said once one can be written.
        this.#dropped += dropped + lines;
        this.#isTorn = true;
      }
      this.#text = '';
    }
    this.#writing = undefined;
  }

  /** What waits, and what to say of what does not any more. */
  #take(): string {
    const dropped = `${JSON.stringify({ level: 40, time: Date.now(), lines: this.#dropped, msg: 'lines of this log could not be written' })}\n`;
    const text = `${this.#isTorn ? '\n' : ''}${this.#dropped > 0 ? dropped : ''}${this.#waiting.join('')}`;
    this.#waiting = [];
    this.#waitingLength = 0;
    this.#dropped = 0;
    return text;
  }

  async #append(text: string): Promise<void> {
    await fs.promises.mkdir(path.dirname(this.#path), { recursive: true, mode: 0o700 });
    const file = await fs.promises.open(this.#path, 'a', privateFile);
    try {
      if ((await file.stat()).size < largestBytes) return await file.appendFile(text);
    } finally {
      await file.close();
    }
    await fs.promises.rename(this.#path, `${this.#path}.1`);
    await fs.promises.appendFile(this.#path, text, { mode: privateFile });
  }
}
