// Databases, their generations and what of those lies on targets have ids of many characters: where there are many rows, a
// number stands for them.
import type Database from 'better-sqlite3';
import type { DatabaseId, TargetId } from '../../../shared/ids.ts';
import type { Generation } from '../../../shared/position.ts';
import { remembered } from './remembered.ts';

/** A database; with `generation`: that of it; with `targetId` too: what of that lies there. */
export interface Named {
  readonly databaseId: DatabaseId;
  readonly generation?: Generation;
  readonly targetId?: TargetId;
}

export class Numbers {
  readonly #prepare: Database.Database['prepare'];
  readonly #known = new Map<string, number>();

  constructor(database: Database.Database) {
    this.#prepare = remembered(database);
  }

  /** Its number; undefined where nothing is kept under one. */
  find(named: Named): number | undefined {
    const names = namesOf(named);
    const key = names.join('/');
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const found = this.#prepare<string[], number>(
      'SELECT no FROM number WHERE database_id = ? AND generation = ? AND target_id = ?',
    )
      .pluck()
      .get(...names);
    if (found !== undefined) this.#known.set(key, found);
    return found;
  }

  /** Its number, from now on if it had none. */
  of(named: Named): number {
    const found = this.find(named);
    if (found !== undefined) return found;
    this.#prepare('INSERT INTO number (database_id, generation, target_id) VALUES (?, ?, ?)').run(...namesOf(named));
    return this.of(named);
  }

  /** Forgets everything that is kept under numbers of a target. */
  removeTarget({ databaseId, targetId }: Required<Omit<Named, 'generation'>>): void {
    this.#prepare('DELETE FROM number WHERE database_id = ? AND target_id = ?').run(databaseId, targetId);
    this.forget();
  }

  /** Gives the numbers of a generation back under which nothing is kept any more. */
  removeUnused({ databaseId, generation }: Required<Omit<Named, 'targetId'>>): void {
    this.#prepare(
      `DELETE FROM number WHERE database_id = ? AND generation = ?
         AND NOT EXISTS (SELECT 1 FROM run WHERE history = no)
         AND NOT EXISTS (SELECT 1 FROM segment WHERE held = no)
         AND NOT EXISTS (SELECT 1 FROM sparse WHERE held = no)
         AND NOT EXISTS (SELECT 1 FROM state_hash WHERE history = no)`,
    ).run(databaseId, generation);
    this.forget();
  }

  /** What was read or made may not be true any more. */
  forget(): void {
    this.#known.clear();
  }
}

function namesOf({ databaseId, generation = '' as Generation, targetId = '' as TargetId }: Named): readonly string[] {
  return [databaseId, generation, targetId];
}
