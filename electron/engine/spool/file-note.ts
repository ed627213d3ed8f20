// The note beside a spool of which file is captured into it, and how that looks with everything captured in it and nothing of ours
// there. With it a start after a crash need not compare an untouched database. Not forced to disk: what a crash loses is missed.
import fs from 'node:fs';
import path from 'node:path';
import { mustNotBeShort } from '../../../shared/errors.ts';
import type { Place } from '../../../shared/position.ts';
import type { FileIdentity, FileLook } from '../source/identity.ts';
import { privateFile } from '../basics/private-folder.ts';

/** Which file a history was captured from. */
export interface FileNote extends FileIdentity {
  readonly wal: FileIdentity | undefined;
  /** How it looked when everything captured lay in it. */
  readonly atRest: (FileLook & Place) | undefined;
}

const noteFile = 'file.json';

/** Writes down which file is captured into the spool at `folder`. A note that a crash loses is only missed, so it is not forced to disk. */
export function noteCapturedFile(folder: string, file: FileNote): void {
  fs.writeFileSync(path.join(folder, noteFile), JSON.stringify(file), { mode: privateFile });
}

/** The inverse of {@link noteCapturedFile}. */
export function readFileNote(folder: string): FileNote | undefined {
  try {
    return JSON.parse(fs.readFileSync(path.join(folder, noteFile), 'utf8')) as FileNote;
  } catch (error) {
    mustNotBeShort(error);
    // @NOTE Absent or half-written: then only content tells one file from another.
    return undefined;
  }
}
