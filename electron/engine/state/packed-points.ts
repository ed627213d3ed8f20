// Restore points of one index as bytes: most are two, how many frames behind the one before and how many milliseconds. What
// else there is to say follows only where it is not what one expects. A row holds some hundred of them. Pure.
import { ByteReader, ByteWriter, checksumOf, damaged } from './varints.ts';

export interface Point {
  /** Where the transaction ends. */
  readonly offset: number;
  readonly at: number;
  /** Size of the database after it. */
  readonly pages: number;
  readonly written: number;
  /** For how many this one stands. */
  readonly transactions: number;
}

/** Some points that follow one another, and what is said of them beside their bytes. */
export interface PackedRun {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly firstAt: number;
  readonly lastAt: number;
  /** After the last one. */
  readonly pages: number;
  readonly transactions: number;
  readonly pageSize: number;
  readonly points: Uint8Array;
  readonly checksum: number;
}

/** Three rows on a page of the state database, with what stands beside the bytes. */
const fullBytes = 1280;
/** No row lasts longer, so that who looks for an instant knows how far to look. */
export const longestRunMs = 3_600_000;
const frameHeaderBytes = 24;

const marks = { rest: 1, written: 2, pages: 4, transactions: 8 } as const;
const allMarks = 15;

/** Packs points, ascending, into as few rows as it takes; the first of them is `onto`, with more behind it, where that has room. */
export function packRuns(points: readonly Point[], pageSize: number, onto?: PackedRun): readonly PackedRun[] {
  const packed: PackedRun[] = [];
  let row = onto === undefined ? undefined : new RunPacker(onto);
  for (const point of points) {
    if (row !== undefined && !row.takes(point, pageSize)) {
      packed.push(row.run);
      row = undefined;
    }
    row ??= new RunPacker(emptyAt(point, pageSize));
    row.add(point);
  }
  if (row !== undefined) packed.push(row.run);
  return packed;
}

/** The inverse of {@link packRuns}, row by row. Refuses bytes that do not agree with what their row says. */
export function unpackRun(run: PackedRun): readonly Point[] {
  const { startOffset, firstAt, pageSize } = run;
  if (checksumOf(run.points) !== run.checksum) throw damaged();
  const reader = new ByteReader(run.points);
  const points: Point[] = [];
  const frame = frameHeaderBytes + pageSize;
  let [offset, at, pages, total] = [startOffset, firstAt, 0, 0];
  while (!reader.isAtEnd) {
    const head = reader.next();
    const frames = Math.floor(head / 2);
    at += reader.nextSigned();
    const mark = head % 2 === 0 ? 0 : reader.next();
    if (mark > allMarks || (head % 2 === 1 && mark === 0)) throw damaged();
    const rest = (mark & marks.rest) === 0 ? 0 : reader.next();
    if (points.length > 0 && frames === 0 && rest === 0) throw damaged();
    offset += frames * frame + rest;
    const written = (mark & marks.written) === 0 ? frames : reader.next();
    if ((mark & marks.pages) !== 0) pages += reader.nextSigned();
    const transactions = (mark & marks.transactions) === 0 ? 1 : reader.next();
    total += transactions;
    points.push({ offset, at, pages, written, transactions });
  }
  const isWhole = offset === run.endOffset && at === run.lastAt && pages === run.pages && total === run.transactions;
  if (!isWhole || points.length === 0) throw damaged();
  return points;
}

function emptyAt({ offset, at }: Point, pageSize: number): PackedRun {
  const place = { startOffset: offset, endOffset: offset, firstAt: at, lastAt: at };
  return { ...place, pages: 0, transactions: 0, pageSize, points: new Uint8Array(), checksum: 0 };
}

class RunPacker {
  readonly #run: { -readonly [K in keyof PackedRun]: PackedRun[K] };
  readonly #writer: ByteWriter;

  constructor(run: PackedRun) {
    this.#run = { ...run };
    this.#writer = new ByteWriter(run.points);
  }

  get run(): PackedRun {
    const points = this.#writer.bytes;
    return { ...this.#run, points, checksum: checksumOf(points) };
  }

  takes({ at }: Point, pageSize: number): boolean {
    const { firstAt } = this.#run;
    return this.#writer.length < fullBytes && at - firstAt <= longestRunMs && pageSize === this.#run.pageSize;
  }

  add({ offset, at, pages, written, transactions }: Point): void {
    const before = this.#run;
    const frame = frameHeaderBytes + before.pageSize;
    const distance = offset - before.endOffset;
    const frames = Math.floor(distance / frame);
    const rest = distance - frames * frame;
    const mark =
      (rest === 0 ? 0 : marks.rest) |
      (written === frames ? 0 : marks.written) |
      (pages === before.pages ? 0 : marks.pages) |
      (transactions === 1 ? 0 : marks.transactions);
    this.#writer.add(frames * 2 + (mark === 0 ? 0 : 1));
    this.#writer.addSigned(at - before.lastAt);
    if (mark !== 0) this.#writer.add(mark);
    if (rest !== 0) this.#writer.add(rest);
    if (written !== frames) this.#writer.add(written);
    if (pages !== before.pages) this.#writer.addSigned(pages - before.pages);
    if (transactions !== 1) this.#writer.add(transactions);
    before.endOffset = offset;
    before.lastAt = at;
    before.pages = pages;
    before.transactions += transactions;
  }
}
