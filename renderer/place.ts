// Where in the application one is, as part of the address, so that a reload keeps the place.
import type { DatabaseId } from '../shared/model.ts';

export type Place =
  | { readonly kind: 'overview' }
  | { readonly kind: 'add' }
  | { readonly kind: 'database'; readonly databaseId: DatabaseId }
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
    case 'activity':
    case 'settings':
      return `#/${place.kind}`;
  }
}

/** The inverse of {@link formatPlace}; what it does not know is the overview. */
export function parsePlace(hash: string): Place {
  const [, kind, id] = /^#\/([a-z]*)(?:\/(.+))?$/.exec(hash) ?? [];
  if (kind === 'database' && id !== undefined) return { kind, databaseId: decodeURIComponent(id) as DatabaseId };
  if (kind === 'add' || kind === 'activity' || kind === 'settings') return { kind };
  return { kind: 'overview' };
}
