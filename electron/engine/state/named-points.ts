// Which restore points of a database have names, as rows of the state database. That a point is there to be named, and who is
// told of it, is switchboard/naming.ts.
import { randomUUID } from 'node:crypto';
import type Database from 'better-sqlite3';
import type { DatabaseId, NamedPointId } from '../../../shared/ids.ts';
import { findNamed, isSameName, type NamedMoment, type NamedPoint } from '../../../shared/named-points.ts';
import type { Generation } from '../../../shared/position.ts';
import { remembered, RememberedRows } from './remembered.ts';

export class NamedPoints {
  readonly #prepare: Database.Database['prepare'];
  readonly #known = new RememberedRows<NamedPoint>((databaseId) => this.#read(databaseId));

  constructor(database: Database.Database) {
    this.#prepare = remembered(database);
  }

  /** Oldest first. */
  of(databaseId: DatabaseId): readonly NamedPoint[] {
    return this.#known.with(databaseId);
  }

  /** Those of a database may be others now. */
  forget(databaseId: DatabaseId): void {
    this.#known.forget(databaseId);
  }

  #read(databaseId: string | null): readonly NamedPoint[] {
    return this.#prepare<[string | null], RawNamedPoint>(
      'SELECT * FROM named_point WHERE database_id = ? ORDER BY at, generation, idx, offset',
    )
      .all(databaseId)
      .map(({ id, name, generation, idx, offset, at, named_at: namedAt }) => ({
        id: id as NamedPointId,
        name,
        position: { generation: generation as Generation, index: idx, offset },
        at,
        namedAt,
      }));
  }

  add(databaseId: DatabaseId, { name, position, at, namedAt }: NamedMoment): NamedPointId {
    this.#known.forget(databaseId);
    const { generation, index, offset } = position;
    const id = randomUUID() as NamedPointId;
    const row = [id, databaseId, name, generation, index, offset, at, namedAt];
    this.#prepare('INSERT INTO named_point VALUES (?, ?, ?, ?, ?, ?, ?, ?)').run(...row);
    return id;
  }

  /** Keeps what somebody else named too: a point that has a name here keeps that one, and a name that is taken gets a number. */
  adopt(databaseId: DatabaseId, moments: readonly NamedMoment[]): void {
    for (const moment of moments) {
      const known = this.of(databaseId);
      if (findNamed(known, moment.position) !== undefined) continue;
      this.add(databaseId, { ...moment, name: freeName(moment.name, known) });
    }
  }

  rename(id: NamedPointId, name: string): void {
    this.#known.forget();
    this.#prepare('UPDATE named_point SET name = ? WHERE id = ?').run(name, id);
  }

  remove(id: NamedPointId): void {
    this.#known.forget();
    this.#prepare('DELETE FROM named_point WHERE id = ?').run(id);
  }
}

function freeName(name: string, known: readonly NamedPoint[]): string {
  const isTaken = (candidate: string): boolean => known.some((one) => isSameName(one.name, candidate));
  let free = name;
  for (let n = 2; isTaken(free); n++) free = `${name} ${n}`;
  return free;
}

interface RawNamedPoint {
  readonly id: string;
  readonly name: string;
  readonly generation: string;
  readonly idx: number;
  readonly offset: number;
  readonly at: number;
  readonly named_at: number;
}
