// A place for tests of restores: a replica's folder, a folder for results, and a history that has something of everything.
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { restoreReplica } from '../../electron/engine/restore/restore.ts';
import { createFolderTarget, type FolderTarget } from '../../electron/engine/targets/folder.ts';
import type { Target } from '../../electron/engine/targets/target.ts';
import type { RestoreWish } from '../../shared/contract.ts';
import type { RestoreResult } from '../../shared/operations.ts';
import type { Position } from '../../shared/position.ts';
import { RealHistory, type RecordedPoint } from './replica-history.ts';
import { calm, scratchFolder } from './replica-scratch.ts';

export interface Place {
  readonly folder: string;
  readonly target: FolderTarget;
  /** Where results go; nothing is there yet. */
  readonly output: string;
}

export async function newPlace(): Promise<Place> {
  const folder = await scratchFolder();
  await mkdir(join(folder, 'restored'));
  return {
    folder,
    target: await createFolderTarget({ path: join(folder, 'replica') }),
    output: join(folder, 'restored/out.db'),
  };
}

/** Three indices, two snapshots, segments of several commits, growth and shrinking; nine commits. */
export async function writeHistory(
  { folder, target }: Place,
  options: { readonly isForeign?: boolean } = {},
): Promise<RealHistory> {
  const history = new RealHistory({ folder, target, ...options });
  history.commit(3);
  await history.snapshot();
  await history.ship();
  history.commit(5);
  history.commit();
  await history.ship();
  history.restart();
  history.commit(40);
  await history.ship();
  history.commit((database) => database.exec('DELETE FROM t WHERE id % 2'));
  history.commit(2);
  await history.ship();
  history.restart();
  history.commit();
  await history.ship();
  await history.snapshot();
  history.commit((database) => database.exec('UPDATE t SET n = n + 1'));
  history.commit((database) => database.exec('DELETE FROM t WHERE id > 3'));
  await history.ship();
  return history;
}

export async function restore(
  options: { readonly target: Target; readonly output: string },
  wish: RestoreWish,
): Promise<RestoreResult> {
  return restoreReplica({ target: options.target, wish, outputPath: options.output, signal: calm });
}

export function positionOf(history: RealHistory, { index, offset }: RecordedPoint): Position {
  return { generation: history.generation, index, offset };
}

/** What lies in the folder of the output, temporary files included. */
export async function leftovers({ folder }: Place): Promise<string[]> {
  return readdir(join(folder, 'restored'));
}
