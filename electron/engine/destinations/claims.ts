// What this computer wrote down of its claims on replicas: the marks by which it knows its own records again. Kept durably
// before a record is written, so that a record of ours is never a stranger after a crash.
import fs from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { mustNotBeShort } from '../../../shared/errors.ts';
import type { TargetId } from '../../../shared/ids.ts';
import { syncWhereAble } from '../basics/files.ts';
import { privateFile } from '../basics/private-folder.ts';

export interface ClaimNotes {
  /** Claims that may be ours: the newest last. */
  read(): readonly string[];
  add(claim: string): void;
}

const schema = z.record(z.string(), z.array(z.string()));
const fileName = 'claims.json';
/** The one that is written, and the one before it, should the writing fail; more are of no use. */
const keptClaims = 3;

/** The notes of one replica, in the folder that its database has below the data folder. */
export function claimNotes(folder: string, targetId: TargetId): ClaimNotes {
  const file = path.join(folder, fileName);
  const readAll = (): Readonly<Record<string, readonly string[]>> => {
    try {
      return schema.parse(JSON.parse(fs.readFileSync(file, 'utf8')));
    } catch (error) {
      // There they are, only not to be read now: none may be lost for that.
      mustNotBeShort(error);
      // @NOTE Not written yet, or not readable: no record counts as known then, which costs a new generation at most.
      return {};
    }
  };
  return {
    read: () => readAll()[targetId] ?? [],
    add: (claim) => {
      const all = readAll();
      const claims = [...(all[targetId] ?? []), claim].slice(-keptClaims);
      fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
      writeDurably(file, JSON.stringify({ ...all, [targetId]: claims }));
    },
  };
}

function writeDurably(file: string, text: string): void {
  const tmp = `${file}.tmp`;
  const fd = fs.openSync(tmp, 'w', privateFile);
  try {
    fs.writeSync(fd, text);
    syncWhereAble(fd);
  } finally {
    fs.closeSync(fd);
  }
  fs.renameSync(tmp, file);
  if (process.platform === 'win32') return;
  const folder = fs.openSync(path.dirname(file), 'r');
  try {
    syncWhereAble(folder);
  } finally {
    fs.closeSync(folder);
  }
}
