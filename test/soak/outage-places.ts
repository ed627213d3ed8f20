// The destinations of a storm of outages and the disk of the data folder: what is done to them, and the note of when each could be
// used and where what lay there lies now.
import fs from 'node:fs';
import path from 'node:path';
import { canMount, smallDisk, type SmallDisk } from '../support/small-disk.ts';
import type { OutageKind, Outage } from './outage-plan.ts';
import type { Span } from './said.ts';

const diskBytes = 48 << 20;

/** What lay at a replica for a time, and where it lies now. */
export interface Evidence {
  readonly database: number;
  readonly destination: number;
  readonly folder: string;
  readonly from: number;
  readonly to: number;
}

/** What can be done here: only root has disks of its own, and can be somebody else who needs rights. */
export const possibleKinds: readonly OutageKind[] = [
  'rename',
  'rename',
  'empty',
  'empty-one',
  ...(process.platform === 'win32' ? [] : (['no-rights', 'read-only'] as const)),
  ...(canMount ? (['full', 'full-data'] as const) : []),
];

export class Places implements Disposable {
  readonly #at: (...parts: string[]) => string;
  readonly #disks: SmallDisk[] = [];
  readonly #data: SmallDisk | undefined;
  readonly #usable: Span[][];
  readonly #since: (number | undefined)[];
  readonly #buried: Evidence[] = [];
  #graves = 0;

  constructor(at: (...parts: string[]) => string, count: { readonly destinations: number }) {
    this.#at = at;
    this.#usable = Array.from({ length: count.destinations }, () => []);
    this.#since = this.#usable.map(() => 0);
    for (const n of this.#usable.keys()) {
      if (canMount) this.#disks.push(smallDisk(at(`disk${n}`), diskBytes));
      fs.mkdirSync(this.#backup(n), { recursive: true });
    }
    if (canMount) this.#data = smallDisk(at('data'), diskBytes);
    else fs.mkdirSync(at('data'));
  }

  [Symbol.dispose](): void {
    for (const disk of this.#disks) disk[Symbol.dispose]();
    this.#data?.[Symbol.dispose]();
  }

  replica(destination: number, database: number): string {
    return path.join(this.#backup(destination), `db${database}`);
  }

  /** Times in which what lies at a destination could be had. */
  usable(destination: number): readonly Span[] {
    const from = this.#since[destination];
    const done = this.#usable[destination] ?? [];
    return from === undefined ? done : [...done, { from, to: Infinity }];
  }

  /** All that ever lay at a replica. */
  evidence(destination: number, database: number): readonly Evidence[] {
    const buried = this.#buried.filter((one) => one.destination === destination && one.database === database);
    const from = buried.at(-1)?.to ?? 0;
    return [...buried, { database, destination, folder: this.replica(destination, database), from, to: Infinity }];
  }

  begin({ kind, destination, database }: Outage, databases: number): void {
    const backup = this.#backup(destination);
    switch (kind) {
      case 'rename':
        this.#lose(destination);
        return fs.renameSync(backup, this.#at(`disk${destination}`, 'elsewhere'));
      case 'no-rights':
        this.#lose(destination);
        return fs.chmodSync(backup, 0);
      case 'read-only':
        return this.#chmodFolders(backup, 0o555);
      case 'empty':
        for (let n = 0; n < databases; n++) this.#bury(destination, n);
        return;
      case 'empty-one':
        return this.#bury(destination, database);
      case 'full':
        return this.#disks[destination]?.fill();
      case 'full-data':
        return this.#data?.fill();
    }
  }

  /** Puts right what was done; what was taken away stays away. */
  end({ kind, destination }: Outage): void {
    const backup = this.#backup(destination);
    switch (kind) {
      case 'rename':
        fs.renameSync(this.#at(`disk${destination}`, 'elsewhere'), backup);
        return this.#regain(destination);
      case 'no-rights':
        fs.chmodSync(backup, 0o755);
        return this.#regain(destination);
      case 'read-only':
        return this.#chmodFolders(backup, 0o755);
      case 'full':
        return this.#disks[destination]?.empty();
      case 'full-data':
        return this.#data?.empty();
      case 'empty':
      case 'empty-one':
        return;
    }
  }

  #backup(destination: number): string {
    return this.#at(`disk${destination}`, 'backup');
  }

  #lose(destination: number): void {
    const from = this.#since[destination];
    // Noted before it happens: nobody can have seen anything later than now.
    if (from !== undefined) this.#usable[destination]?.push({ from, to: Date.now() });
    this.#since[destination] = undefined;
  }

  #regain(destination: number): void {
    this.#since[destination] = Date.now();
  }

  /** The history goes in one step: nobody sees a half of it. The folder itself stays. */
  #bury(destination: number, database: number): void {
    const replica = this.replica(destination, database);
    if (!fs.existsSync(path.join(replica, 'generations'))) return;
    const folder = this.#at(`disk${destination}`, `grave${this.#graves++}`);
    fs.mkdirSync(folder);
    const from = this.evidence(destination, database).at(-1)?.from ?? 0;
    const others = fs.readdirSync(replica).filter((name) => name !== 'generations');
    for (const name of ['generations', ...others]) fs.renameSync(path.join(replica, name), path.join(folder, name));
    this.#buried.push({ destination, database, folder, from, to: Date.now() });
  }

  /** Only folders: when a file was changed last tells when it arrived. */
  #chmodFolders(folder: string, mode: number): void {
    fs.chmodSync(folder, mode);
    for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
      if (entry.isDirectory()) this.#chmodFolders(path.join(folder, entry.name), mode);
    }
  }
}
