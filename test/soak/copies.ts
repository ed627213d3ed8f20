// The files beside a database that may be put in its place: backups of what it held once, and imports with other content,
// smaller and larger, each with the model of what is in it.
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { must } from '../../shared/assert.ts';
import { cloneModel, createFile, type Inventor } from './incarnations.ts';
import { Model } from './model.ts';

/** A file, and what it holds. */
export interface Copy {
  readonly place: string;
  readonly model: Model;
}

const mostCopies = 6;
/** A slow disk writes a file in pieces of this size. */
const pieceBytes = 64 * 1024;

export class Copies {
  readonly #folder: string;
  readonly #inventor: Inventor;
  readonly #kept: Copy[] = [];
  #count = 0;

  constructor(folder: string, inventor: Inventor) {
    this.#folder = folder;
    this.#inventor = inventor;
  }

  /** Where no file is yet. */
  newPlace(kind: string): string {
    return path.join(this.#folder, `${kind}-${this.#count++}`);
  }

  /** Keeps a file that holds this now. */
  keep(place: string, model: Model): void {
    this.#kept.push({ place, model: cloneModel(model) });
    if (this.#kept.length <= mostCopies) return;
    const [oldest] = this.#kept.splice(this.#inventor.pick(3), 1);
    if (oldest !== undefined) fs.rmSync(oldest.place);
  }

  choose(): Copy {
    return must(this.#kept[this.#inventor.pick(this.#kept.length)], 'one was kept at the start');
  }

  /** Another content: a little or a lot. */
  import(options: { readonly limit: number; readonly n: number }): Copy {
    const { limit, n } = options;
    const inventor = this.#inventor;
    const place = this.newPlace('import');
    const model = new Model();
    const changes = inventor.content(model, inventor.one(500, 20_000, limit, 5 * limit));
    for (const { apply } of changes) apply();
    model.n = n;
    const pageSize = inventor.one(4096, 4096, 4096, 1024, 16_384);
    createFile(place, { pageSize, isWal: inventor.isLucky(0.7), changes, n });
    return { place, model };
  }
}

/** As a slow disk copies: piece by piece, over what is there. */
export async function copySlowly(from: string, to: string, inventor: Inventor): Promise<void> {
  const bytes = fs.readFileSync(from);
  const fd = fs.openSync(to, 'w');
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    fs.writeSync(fd, bytes, at, Math.min(pieceBytes, bytes.length - at), at);
    await delay(inventor.pick(6));
  }
  fs.closeSync(fd);
}
