// Names of restore points: gives them, changes them, takes them away, and tells those whom it concerns: retention, which keeps
// what has a name, and the records at the targets. The rows are state/named-points.ts.
import path from 'node:path';
import type { Parsed, Result } from '../../../shared/contract.ts';
import { AppError } from '../../../shared/errors.ts';
import { formatTimestampLocal } from '../../../shared/format.ts';
import type { RestorePoint } from '../../../shared/history.ts';
import type { DatabaseId, NamedPointId } from '../../../shared/ids.ts';
import { findNamed, isSameName, type NamedPoint } from '../../../shared/named-points.ts';
import type { Position } from '../../../shared/position.ts';
import type { Activity } from './activity.ts';
import type { Clock } from '../basics/clock.ts';
import type { Points } from '../history/points.ts';
import type { Protection } from '../protection/protection.ts';
import type { DatabaseRow } from '../state/rows.ts';
import type { Store } from '../state/store.ts';

export interface NamingOptions {
  readonly store: Store;
  readonly points: Points;
  readonly activity: Activity;
  readonly clock: Clock;
  /** One database; fails with `database-not-found`. */
  readonly rowOf: (databaseId: DatabaseId) => DatabaseRow;
  /** Undefined for one that is paused. */
  readonly protectionOf: (databaseId: DatabaseId) => Protection | undefined;
  readonly onChange: (databaseId: DatabaseId) => void;
}

/** The state that is pushed and the record at each target hold all names of a database. */
const mostNames = 200;

export class Naming {
  readonly #options: NamingOptions;

  constructor(options: NamingOptions) {
    this.#options = options;
  }

  /** Names a restore point. Fails with `point-unknown`, `point-named`, `name-taken` or `too-many-names`. */
  name({ databaseId, position, name }: Parsed<'namePoint'>): Result<'namePoint'> {
    const { store, clock } = this.#options;
    const row = this.#options.rowOf(databaseId);
    const database = path.basename(row.path);
    const point = this.pointAt({ databaseId, position });
    const known = store.namedPoints.of(databaseId);
    const before = findNamed(known, position);
    if (before !== undefined) throw new AppError('point-named', { database, name: before.name });
    mustBeFree(name, known, database);
    if (known.length >= mostNames) throw new AppError('too-many-names', { database, count: known.length });
    const namedPointId = store.namedPoints.add(databaseId, { name, position, at: point.at, namedAt: clock.now() });
    // Before anything else can happen: what retention is just deleting by an older decision stops.
    this.#changed(row, { mayDelete: false });
    this.#note(row, {
      kind: 'point-named',
      text: `The state of ${database} as of ${formatTimestampLocal(point.at)} was named “${name}”. It stays until the name is removed.`,
    });
    return { namedPointId };
  }

  /** Fails with `named-point-unknown` and `name-taken`. */
  rename({ databaseId, namedPointId, name }: Parsed<'renamePoint'>): void {
    const { store } = this.#options;
    const row = this.#options.rowOf(databaseId);
    const before = this.#find(row, namedPointId);
    if (before.name === name) return;
    const others = store.namedPoints.of(databaseId).filter(({ id }) => id !== namedPointId);
    mustBeFree(name, others, path.basename(row.path));
    store.namedPoints.rename(namedPointId, name);
    this.#changed(row, { mayDelete: false });
  }

  /** Retention decides at once whether the point stays. Fails with `named-point-unknown`. */
  remove({ databaseId, namedPointId }: Parsed<'removePointName'>): void {
    const row = this.#options.rowOf(databaseId);
    const { name, at } = this.#find(row, namedPointId);
    this.#options.store.namedPoints.remove(namedPointId);
    this.#changed(row, { mayDelete: true });
    this.#note(row, {
      kind: 'name-removed',
      text: `The name “${name}” was removed from the state of ${path.basename(row.path)} as of ${formatTimestampLocal(at)}. Retention decides how long it stays.`,
    });
  }

  /** The restore point at exactly this position; fails with `point-unknown`. */
  pointAt({ databaseId, position }: { readonly databaseId: DatabaseId; readonly position: Position }): RestorePoint {
    const point = this.#options.points.find(databaseId, position);
    if (point !== undefined) return point;
    throw new AppError('point-unknown', { database: path.basename(this.#options.rowOf(databaseId).path) });
  }

  #find(row: DatabaseRow, id: NamedPointId): NamedPoint {
    const found = this.#options.store.namedPoints.of(row.id).find((one) => one.id === id);
    if (found === undefined) throw new AppError('named-point-unknown', { database: path.basename(row.path) });
    return found;
  }

  #changed(row: DatabaseRow, { mayDelete }: { readonly mayDelete: boolean }): void {
    this.#options.protectionOf(row.id)?.namesChanged({ mayDelete });
    this.#options.onChange(row.id);
  }

  #note(row: DatabaseRow, entry: { readonly kind: 'point-named' | 'name-removed'; readonly text: string }): void {
    this.#options.activity.note({ level: 'info', databaseId: row.id, ...entry });
  }
}

function mustBeFree(name: string, others: readonly NamedPoint[], database: string): void {
  const taken = others.find((one) => isSameName(one.name, name));
  if (taken === undefined) return;
  throw new AppError('name-taken', { database, name: taken.name, at: formatTimestampLocal(taken.at) });
}
