// Captured transactions that some target does not have yet, oldest first: where each ends, when, and the state hash there.
// Bounded: a target that stays away for long gets a thinned list (fewer restore points, never a gap).
import type { Place } from '../../../shared/position.ts';
import type { Commit } from '../replica/commit.ts';

const maxEntries = 100_000;
const maxSaved = 20_000;

/** One entry as bytes: index, pages, written, transactions as u32, offset and at as f64, state as u64. */
const savedBytes = 40;

export class CommitLog {
  #entries: Commit[] = [];

  add(commit: Commit): void {
    this.#entries.push(commit);
    if (this.#entries.length > maxEntries) this.#entries = thinCommits(this.#entries, maxEntries / 2);
  }

  /** The last transaction ends here now: what follows it only repeats it. */
  repeat(commit: Commit): void {
    const last = this.#entries.at(-1);
    const isSame = last?.index === commit.index && last.state === commit.state;
    if (isSame) this.#entries[this.#entries.length - 1] = { ...last, offset: commit.offset };
    // It was told before its end was read.
    else this.add({ ...commit, transactions: 0 });
  }

  get last(): Commit | undefined {
    return this.#entries.at(-1);
  }

  /** Everything as bytes, thinned; the inverse of {@link CommitLog.decode}. */
  encode(): Uint8Array<ArrayBuffer> {
    const entries = thinCommits(this.#entries, maxSaved);
    const bytes = new Uint8Array(entries.length * savedBytes);
    const view = new DataView(bytes.buffer);
    entries.forEach((commit, i) => {
      const start = i * savedBytes;
      view.setUint32(start, commit.index);
      view.setUint32(start + 4, commit.pages);
      view.setUint32(start + 8, commit.written);
      view.setUint32(start + 12, commit.transactions);
      view.setFloat64(start + 16, commit.offset);
      view.setFloat64(start + 24, commit.at);
      view.setBigUint64(start + 32, commit.state);
    });
    return bytes;
  }

  /** The inverse of {@link encode}. Whether the bytes are sound is for the caller to know. */
  static decode(bytes: Uint8Array): CommitLog {
    const log = new CommitLog();
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let start = 0; start + savedBytes <= bytes.length; start += savedBytes) {
      log.add({
        index: view.getUint32(start),
        offset: view.getFloat64(start + 16),
        at: view.getFloat64(start + 24),
        state: view.getBigUint64(start + 32),
        pages: view.getUint32(start + 4),
        written: view.getUint32(start + 8),
        transactions: view.getUint32(start + 12),
      });
    }
    return log;
  }

  /** Entries of one index that end in `(from, to]`. */
  between(index: number, from: number, to: number): readonly Commit[] {
    const start = this.#firstBehind({ index, offset: from });
    const end = this.#firstBehind({ index, offset: to });
    return this.#entries.slice(start, end);
  }

  /** The oldest entry behind a place: since when something waits there. */
  firstBehind(place: Place): Commit | undefined {
    return this.#entries[this.#firstBehind(place)];
  }

  /** Forgets every entry at or before a place. */
  dropThrough(place: Place): void {
    const count = this.#firstBehind(place);
    if (count > 0) this.#entries = this.#entries.slice(count);
  }

  /** Forgets every entry behind a place. */
  dropBehind(place: Place): void {
    this.#entries = this.#entries.slice(0, this.#firstBehind(place));
  }

  #firstBehind(place: Place): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const entry = this.#entries[middle] as Commit;
      if (entry.index < place.index || (entry.index === place.index && entry.offset <= place.offset)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}

/**
 * At most about `limit` of `commits`, evenly spread, always with the last of each index (an index may end only there);
 * the ones left out are added to the entry behind them.
 */
export function thinCommits(commits: readonly Commit[], limit: number): Commit[] {
  if (commits.length <= limit) return [...commits];
  const every = Math.ceil(commits.length / limit);
  const thinned: Commit[] = [];
  let transactions = 0;
  let written = 0;
  commits.forEach((commit, i) => {
    transactions += commit.transactions;
    written += commit.written;
    const next = commits[i + 1];
    if (next === undefined || next.index !== commit.index || (i + 1) % every === 0) {
      thinned.push({ ...commit, transactions, written });
      transactions = 0;
      written = 0;
    }
  });
  return thinned;
}
