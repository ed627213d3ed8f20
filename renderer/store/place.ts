// Where in the application one is, as part of the address, so that a reload keeps the place.
import type { DatabaseId, TargetId } from '../../shared/ids.ts';

export type Place =
  | { readonly kind: 'overview' }
  /** With the path of a database, where one was handed to the application. */
  | { readonly kind: 'add'; readonly path?: string }
  | { readonly kind: 'database'; readonly databaseId: DatabaseId }
  | { readonly kind: 'destinations' }
  | { readonly kind: 'destination'; readonly targetId: TargetId }
  /** For one database, where one came from there. */
  | { readonly kind: 'new-destination'; readonly databaseId?: DatabaseId }
  | { readonly kind: 'activity' }
  | { readonly kind: 'settings' };

/** The address of a place: `#/database/…`. */
export function formatPlace(place: Place): string {
  switch (place.kind) {
    case 'overview':
      return '#/';
    case 'database':
      return `#/database/${encodeURIComponent(place.databaseId)}`;
    case 'add':
      return place.path === undefined ? '#/add' : `#/add/${encodeURIComponent(place.path)}`;
    case 'destination':
      return `#/destination/${encodeURIComponent(place.targetId)}`;
    case 'new-destination':
      return place.databaseId === undefined
        ? '#/new-destination'
        : `#/new-destination/${encodeURIComponent(place.databaseId)}`;
    case 'destinations':
    case 'activity':
    case 'settings':
      return `#/${place.kind}`;
  }
}

/** The inverse of {@link formatPlace}; what it does not know is the overview. */
export function parsePlace(hash: string): Place {
  const [, kind, rest] = /^#\/([a-z-]*)(?:\/(.+))?$/.exec(hash) ?? [];
  const detail = rest === undefined ? undefined : decode(rest);
  if (kind === 'database' && detail !== undefined) return { kind, databaseId: detail as DatabaseId };
  if (kind === 'add') return detail === undefined ? { kind } : { kind, path: detail };
  if (kind === 'destination' && detail !== undefined) return { kind, targetId: detail as TargetId };
  if (kind === 'new-destination') return detail === undefined ? { kind } : { kind, databaseId: detail as DatabaseId };
  if (kind === 'destinations' || kind === 'activity' || kind === 'settings') return { kind };
  return { kind: 'overview' };
}

/** Undefined for what no address of ours holds: a percent sign that stands for nothing. */
function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
