// Whether the installation that claimed a replica is gone for good: its data folder is lost, and its process does not run any more.
// Answered only where the system can tell, of the same computer; everything else is somebody's decision.
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { codeOf, mustNotBeShort } from '../../../shared/errors.ts';
import { isSameBoot } from '../basics/boot.ts';
import type { HolderNote } from '../replica/holder-note.ts';

/** A drive that is away may keep a look waiting. */
const lookMs = 5000;

/** What this process writes of itself; undefined where the system does not name its processes and where they run. */
export function noteHolder({
  computer,
  boot,
  folder,
}: {
  readonly computer: string | undefined;
  readonly boot: string;
  readonly folder: string;
}): HolderNote | undefined {
  const [begun, space] = [beginOf(process.pid), spaceOf('self')];
  // Where the computer has no name (many containers), that of this start of it names it for as long.
  const name = computer ?? (Number.isNaN(Number(boot)) ? `start ${boot}` : undefined);
  if (name === undefined || begun === undefined || space === undefined) return undefined;
  return { computer: name, boot, pid: process.pid, begun, space, folder: path.resolve(folder) };
}

/** True where the one that wrote this ran on this computer, ended, and cannot come back with what it knew. */
export async function isGoneForGood(former: HolderNote | undefined, own: HolderNote | undefined): Promise<boolean> {
  if (former === undefined || own === undefined || former.computer !== own.computer) return false;
  if (!hasEnded(former, own)) return false;
  return former.folder === own.folder || (await isMissing(path.join(former.folder, 'state.db')));
}

function hasEnded(former: HolderNote, own: HolderNote): boolean {
  if (!isSameBoot(former.boot, own.boot)) return true;
  // Numbers of another space say nothing here.
  return former.space === own.space && beginOf(former.pid) !== former.begun;
}

/** When a process began; undefined where there is none. */
function beginOf(pid: number): string | undefined {
  return ask(() => {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Its name, which may hold anything, ends with the last bracket.
    return stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .at(19);
  });
}

function spaceOf(pid: number | 'self'): string | undefined {
  return ask(() => fs.readlinkSync(`/proc/${pid}/ns/pid`));
}

function ask(question: () => string | undefined): string | undefined {
  try {
    return question();
  } catch (error) {
    mustNotBeShort(error);
    // @NOTE Only Linux tells, and nothing of a process that is over.
    return undefined;
  }
}

/** Only what is surely not there: what may not be looked at, or does not answer, is. Anybody may have written where to look. */
async function isMissing(file: string): Promise<boolean> {
  const looked = fs.promises.stat(file).then(
    () => false,
    (error: unknown) => codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR',
  );
  return await Promise.race([looked, delay(lookMs, false, { ref: false })]);
}
