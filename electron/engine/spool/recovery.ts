// What an earlier run left of a spool, made usable again: no index of which a part is missing, nothing behind a place that is
// known to be safe, and the newest file cut behind its last whole transaction. The WAL's own checksum chain proves the rest.
import fs from 'node:fs';
import path from 'node:path';
import { codeOf } from '../../../shared/errors.ts';
import type { Place } from '../../../shared/position.ts';
import type { WalEnd } from '../source/wal-reader.ts';
import { findCommittedEnd, pathOfIndex } from './file.ts';

/** What is usable of a spool. */
export interface RecoveredFiles {
  /** Bytes of each index. */
  readonly sizes: ReadonlyMap<number, number>;
  /** The newest index that was begun; one less where that held no whole transaction, and is gone. */
  readonly index: number;
  /** Where reading the WAL may go on. */
  readonly end: WalEnd | undefined;
  /** When the newest file was written last. */
  readonly writtenAt: number;
}

/** What a run that was killed left of an index that it composed, or of an image. */
const unfinished = /\.tmp$/;

/** What is known of a spool from elsewhere. */
export interface RecoverOptions {
  /** What lies behind this place is not to be trusted. */
  readonly through?: Place | undefined;
  /** Something was captured up to here: what follows begins here, or is behind a hole. */
  readonly from?: Place | undefined;
}

/** Cuts what lies in a folder to what is usable; undefined when there is nothing. */
export async function recoverFiles(
  folder: string,
  { through, from }: RecoverOptions = {},
): Promise<RecoveredFiles | undefined> {
  const sizes = new Map<number, number>();
  for (const name of listSpoolFiles(folder)) {
    const file = path.join(folder, name);
    if (unfinished.test(name)) fs.rmSync(file, { force: true });
    else sizes.set(Number.parseInt(name, 16), fs.statSync(file).size);
  }
  if (through !== undefined) cutBehind(folder, sizes, through);
  if (from?.offset === 0 && !sizes.has(from.index)) cutBehind(folder, sizes, from);
  const newest = keepContiguous(folder, sizes);
  if (newest === undefined) return undefined;
  const file = pathOfIndex(folder, newest);
  const writtenAt = fs.statSync(file).mtimeMs;
  const found = await findCommittedEnd(file);
  if (found === undefined) {
    // Not even one whole transaction: as if this WAL had never begun.
    fs.rmSync(file);
    sizes.delete(newest);
    return { sizes, index: newest - 1, end: undefined, writtenAt };
  }
  if (found.bytes < (sizes.get(newest) ?? 0)) await fs.promises.truncate(file, found.bytes);
  sizes.set(newest, found.bytes);
  return { sizes, index: newest, end: found.end, writtenAt };
}

function listSpoolFiles(folder: string): readonly string[] {
  try {
    return fs.readdirSync(folder).filter((name) => /^([0-9a-f]{8}\.wal(\.tmp)?|image-.*\.tmp)$/.test(name));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Removes what lies behind a place. */
function cutBehind(folder: string, sizes: Map<number, number>, { index, offset }: Place): void {
  for (const [at, bytes] of sizes) {
    const file = pathOfIndex(folder, at);
    if (at > index || (at === index && offset === 0)) {
      fs.rmSync(file, { force: true });
      sizes.delete(at);
    } else if (at === index && bytes > offset) {
      fs.truncateSync(file, offset);
      sizes.set(at, offset);
    }
  }
}

/** An index that is missing makes everything behind it unusable; removes that and returns the newest that is left. */
function keepContiguous(folder: string, sizes: Map<number, number>): number | undefined {
  const sorted = [...sizes.keys()].sort((a, b) => a - b);
  const first = sorted[0];
  if (first === undefined) return undefined;
  const end = sorted.findIndex((index, i) => index !== first + i);
  const lost = end === -1 ? [] : sorted.slice(end);
  for (const index of lost) {
    fs.rmSync(pathOfIndex(folder, index), { force: true });
    sizes.delete(index);
  }
  return end === -1 ? sorted.at(-1) : sorted[end - 1];
}
