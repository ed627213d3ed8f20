// Generations of a database that ended before every target had all of them: what the spool still keeps of each, until it is
// shipped or has to make room. Owns their folders. Shipping them is ship/former.ts.
import fs from 'node:fs';
import path from 'node:path';
import type { TargetId } from '../../../shared/ids.ts';
import type { Generation, Place } from '../../../shared/position.ts';
import { readRemains } from './continuity.ts';
import { readComposed } from '../spool/notes.ts';
import type { Trailer } from '../replica/trailer.ts';
import type { KeptHistory } from '../ship/shipment.ts';

/** The rest of a former generation. */
export interface Former {
  readonly generation: Generation;
  /** Where it ended. */
  readonly end: Place;
  /** Undefined where the notes of it are lost: it stays until each target told what it has of it. */
  readonly history: KeptHistory | undefined;
  /** Bytes on disk; none once it is removed. */
  readonly bytes: () => number;
  readonly isGone: () => boolean;
  /** A target needs nothing of it any more; its files go when no target does. */
  readonly onEnded: (targetId: TargetId) => void;
  /** Removes it, shipped or not. */
  readonly remove: () => void;
}

/** What is kept of generations other than the present one, oldest first. What nobody needs is removed. */
export async function openFormers({
  folder,
  present,
  targets,
  lastAtOf,
  timesIn,
  boot,
  by,
}: {
  /** The folder of all of the database's spools. */
  readonly folder: string;
  readonly present: Generation;
  /** Those that may not have all of them. */
  readonly targets: readonly TargetId[];
  /** When the newest was captured that a target has of a generation. */
  readonly lastAtOf: (generation: Generation) => number;
  /** When transactions of an index of a generation were made, as far as that is known, by where they end. */
  readonly timesIn: (generation: Generation, index: number) => ReadonlyMap<number, number>;
  readonly boot: string;
  readonly by: Trailer['by'];
}): Promise<readonly Former[]> {
  const formers: (Former & { readonly lastAt: number })[] = [];
  for (const name of fs.readdirSync(folder)) {
    if (name === present) continue;
    const generation = name as Generation;
    const place = path.join(folder, name);
    const remains = await readRemains(place, {
      generation,
      notBefore: lastAtOf(generation),
      boot,
      timesIn: (index) => timesIn(generation, index),
    });
    remains?.spool[Symbol.dispose]();
    if (remains === undefined || targets.length === 0) {
      fs.rmSync(place, { recursive: true, force: true });
      continue;
    }
    const { spool, commits, hashes, lastAt } = remains;
    const end: Place = { index: spool.index, offset: spool.offset };
    const waiting = new Set(targets);
    let isGone = false;
    const remove = () => {
      isGone = true;
      fs.rmSync(place, { recursive: true, force: true });
    };
    formers.push({
      lastAt,
      generation,
      end,
      history: hashes && {
        generation,
        spool,
        commits,
        // The state hashes within segments are kept of the present one only.
        toldIn: () => [],
        pageSize: hashes.pageSize,
        end: () => end,
        baseline: { place: end, at: lastAt, state: hashes.state, pages: hashes.pages },
        composed: readComposed(place),
        by,
      },
      bytes: () => (isGone ? 0 : spool.totalBytes),
      isGone: () => isGone,
      onEnded: (targetId) => {
        waiting.delete(targetId);
        if (waiting.size === 0 && !isGone) remove();
      },
      remove,
    });
  }
  return formers.sort((a, b) => a.lastAt - b.lastAt);
}
