// Who reads which replica at the moment: nothing is deleted under a restore, and a restore begins when what is being
// deleted is gone.

export class Readers {
  readonly #reading = new Map<string, number>();
  readonly #deleting = new Map<string, Promise<unknown>>();

  /** Reads a replica; until this has ended, nothing is deleted there. */
  async reading<T>(url: string, action: () => Promise<T>): Promise<T> {
    this.#reading.set(url, this.#count(url) + 1);
    try {
      await this.#deleting.get(url);
      return await action();
    } finally {
      this.#reading.set(url, this.#count(url) - 1);
    }
  }

  /** True while somebody reads a replica. */
  isRead(url: string): boolean {
    return this.#count(url) > 0;
  }

  /** Deletes of a replica, unless somebody reads it: then it answers false. Short: readers wait meanwhile. */
  async deleting(url: string, action: () => Promise<void>): Promise<boolean> {
    if (this.#count(url) > 0) return false;
    const running = action();
    const ended = running.catch(() => {});
    this.#deleting.set(url, ended);
    try {
      await running;
      return true;
    } finally {
      if (this.#deleting.get(url) === ended) this.#deleting.delete(url);
    }
  }

  #count(url: string): number {
    return this.#reading.get(url) ?? 0;
  }
}
