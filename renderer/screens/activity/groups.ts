// Kinds of activity as people ask for them.
import type { ActivityEntry, ActivityKind } from '../../../shared/model.ts';
import type { ActivityGroup } from '../../store/store.ts';

const groups: Readonly<Record<ActivityKind, ActivityGroup>> = {
  'database-added': 'changes',
  'database-removed': 'changes',
  paused: 'changes',
  resumed: 'changes',
  'generation-started': 'history',
  snapshot: 'history',
  problem: 'problems',
  recovered: 'problems',
  restored: 'restores',
  'restore-failed': 'restores',
  'replica-changed': 'changes',
  'point-named': 'history',
  'name-removed': 'history',
};

export const groupNames: readonly { readonly key: ActivityGroup; readonly text: string }[] = [
  { key: 'problems', text: 'Problems' },
  { key: 'restores', text: 'Restores' },
  { key: 'history', text: 'Snapshots and histories' },
  { key: 'changes', text: 'Changes of protection' },
];

export function isInGroup(entry: ActivityEntry, group: ActivityGroup): boolean {
  return groups[entry.kind] === group;
}
