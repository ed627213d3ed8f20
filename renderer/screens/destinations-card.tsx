// Where this database's history lies: up to which moment, how far behind, what is wrong.
import { Folder } from 'lucide-react';
import type { ReactNode } from 'react';
import { formatAgo, formatBytes, formatClock, formatDuration } from '../../shared/format.ts';
import type { DatabaseState, ReplicaState } from '../../shared/model.ts';
import { Card } from '../components/card.tsx';
import { ErrorText } from '../components/error-text.tsx';
import { Icon } from '../components/icon.tsx';
import { StateBadge } from '../components/state-badge.tsx';
import { selectIsSeen, selectNow } from '../selectors.ts';
import { useStore } from '../store.ts';
import { momentMs } from './status-words.ts';
import styles from './destinations-card.module.css';

export function DestinationsCard({ database }: { readonly database: DatabaseState }): ReactNode {
  return (
    <Card heading={database.replicas.length === 1 ? 'Destination' : 'Destinations'}>
      <ul className={styles.list}>
        {database.replicas.map((replica) => (
          <Destination key={replica.targetId} replica={replica} database={database} />
        ))}
      </ul>
      {database.locked.maxMs > 0 && (
        <p className={styles.effect}>
          Effect on the application: writers waited {formatDuration(database.locked.maxMs)} at most,{' '}
          {formatDuration(database.locked.totalMs)} in total.
        </p>
      )}
    </Card>
  );
}

interface DestinationProps {
  readonly replica: ReplicaState;
  readonly database: DatabaseState;
}

function Destination({ replica, database }: DestinationProps): ReactNode {
  const now = useStore(selectNow);
  const isSeen = useStore(selectIsSeen);
  const target = useStore(({ remote }) => remote?.targets.find((one) => one.id === replica.targetId));
  return (
    <li className={styles.destination}>
      <span className={styles.glyph}>
        <Icon of={Folder} size={16} />
      </span>
      <div className={styles.words}>
        <div className={styles.name}>{target?.name ?? 'Folder'}</div>
        <div className={styles.url}>{readableUrl(replica.url)}</div>
        <div className={styles.shipped}>
          {replica.shipped === undefined
            ? 'Nothing lies there yet'
            : `Everything up to ${formatClock(replica.shipped.at)}, ${formatAgo(replica.shipped.at, now)}`}
        </div>
        {replica.problem !== undefined && (
          <div className={styles.problem}>
            <ErrorText error={replica.problem} />
          </div>
        )}
      </div>
      {isSeen && <Standing replica={replica} database={database} now={now} />}
    </li>
  );
}

interface StandingProps {
  readonly replica: ReplicaState;
  readonly database: DatabaseState;
  readonly now: number;
}

function Standing({ replica, database, now }: StandingProps): ReactNode {
  const isMoment = database.lag.sinceAt === undefined || now - database.lag.sinceAt < momentMs;
  if (replica.problem !== undefined) return <StateBadge tone="attention">{behind(replica)}</StateBadge>;
  if (database.status.kind === 'paused') return <StateBadge tone="paused">Paused</StateBadge>;
  if (replica.shipped === undefined) return <StateBadge tone="working">Starting</StateBadge>;
  if (replica.lagBytes > 0 && !isMoment) return <StateBadge tone="working">{behind(replica)}</StateBadge>;
  return <StateBadge tone="good">Up to date</StateBadge>;
}

function behind(replica: ReplicaState): string {
  return replica.lagBytes > 0 ? `${formatBytes(replica.lagBytes)} behind` : 'Attention';
}

/** A folder is known by its path. */
function readableUrl(url: string): string {
  return url.startsWith('file://') ? decodeURIComponent(url.slice('file://'.length)) : url;
}
