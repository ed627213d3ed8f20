// The record of a replica, as a computer named “desk” would have written it.
import type { ReplicaRecord } from '../../electron/engine/replica/record.ts';

/** One with all that a record has; what a test looks at is said by it. */
export function recordOf(facts: Partial<ReplicaRecord> = {}): ReplicaRecord {
  return {
    v: 1,
    database: 'shop.db',
    databaseId: 'd1',
    path: '/app/shop.db',
    machine: { name: 'desk', id: 'desk' },
    pageSize: 4096,
    createdAt: 1,
    by: '1',
    encryption: 'none',
    ...facts,
  };
}
