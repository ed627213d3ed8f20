// What happened, in sentences: icon, sentence, where, when.
import {
  Camera,
  CircleAlert,
  CircleCheck,
  CirclePause,
  CirclePlay,
  CircleX,
  DatabaseZap,
  Flag,
  FlagOff,
  FolderSync,
  History,
  type LucideIcon,
  Plus,
  Trash2,
} from 'lucide-react';
import type { ReactNode } from 'react';
import { formatAgo, formatInstantLocal, formatInstantUtc } from '../../shared/format.ts';
import type { ActivityEntry, ActivityKind } from '../../shared/model.ts';
import { Icon } from './icon.tsx';
import { classNames } from './class-names.ts';
import styles from './activity-list.module.css';

interface ActivityListProps {
  readonly entries: readonly ActivityEntry[];
  readonly now: number;
  readonly label: string;
  /** The name and address of an entry's database; without it, entries do not say where they belong. */
  readonly place?: (entry: ActivityEntry) => { readonly name: string; readonly href: string } | undefined;
}

const icons: Readonly<Record<ActivityKind, LucideIcon>> = {
  'database-added': Plus,
  'database-removed': Trash2,
  'generation-started': DatabaseZap,
  snapshot: Camera,
  problem: CircleAlert,
  recovered: CircleCheck,
  paused: CirclePause,
  resumed: CirclePlay,
  restored: History,
  'restore-failed': CircleX,
  'replica-changed': FolderSync,
  'point-named': Flag,
  'name-removed': FlagOff,
};

export function ActivityList({ entries, now, label, place }: ActivityListProps): ReactNode {
  return (
    <ul className={styles.list} aria-label={label}>
      {entries.map((entry) => {
        const where = place?.(entry);
        return (
          <li key={entry.id} className={styles.entry}>
            <span className={classNames(styles.icon, styles[entry.level])}>
              <Icon of={icons[entry.kind]} />
            </span>
            <span className={styles.text}>
              {entry.text}
              {where !== undefined && (
                <a href={where.href} className={styles.place}>
                  {where.name}
                </a>
              )}
            </span>
            <time
              className={styles.time}
              dateTime={new Date(entry.at).toISOString()}
              title={`${formatInstantLocal(entry.at, now)} · ${formatInstantUtc(entry.at)}`}
            >
              {formatAgo(entry.at, now)}
            </time>
          </li>
        );
      })}
    </ul>
  );
}
