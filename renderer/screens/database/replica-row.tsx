// One destination of a database: up to when everything lies there, how far back it reaches, what is wrong, and what one can
// do about it.
import { Pencil, Power, Settings2, Trash2 } from 'lucide-react';
import type { ReactNode } from 'react';
import { capitalize, formatAgo, formatBytes, formatClock, formatInstantLocal } from '../../../shared/format.ts';
import type { DatabaseState, ReplicaState } from '../../../shared/databases.ts';
import { askToRemoveReplica, askToTakeOver, openReplicaSettings, setReplicaEnabled } from '../../actions/replicas.ts';
import { go } from '../../actions/window.ts';
import { Button } from '../../components/button.tsx';
import { ErrorText } from '../../components/error-text.tsx';
import { Icon } from '../../components/icon.tsx';
import { MenuButton } from '../../components/menu-button.tsx';
import { StateBadge } from '../../components/state-badge.tsx';
import { selectIsPending, selectIsSeen, selectNow, selectTarget } from '../../store/selectors.ts';
import { useStore, isTakeable } from '../../store/store.ts';
import styles from './destinations-card.module.css';
import { iconOf } from '../parts/destination-words.ts';
import { isBehind, retentionText } from './replica-words.ts';

interface ReplicaRowProps {
  readonly replica: ReplicaState;
  readonly database: DatabaseState;
}

export function ReplicaRow({ replica, database }: ReplicaRowProps): ReactNode {
  const now = useStore(selectNow);
  const isSeen = useStore(selectIsSeen);
  const target = useStore(selectTarget(replica.targetId));
  const name = target?.name ?? 'Destination';
  return (
    <li className={styles.destination}>
      <span className={styles.glyph}>
        <Icon of={iconOf(target, { isBroken: target?.problem !== undefined })} size={16} />
      </span>
      <div className={styles.words}>
        <div className={styles.name}>{name}</div>
        <div className={styles.url}>{readableUrl(replica.url)}</div>
      </div>
      <div className={styles.standing}>
        {isSeen && <Standing replica={replica} database={database} now={now} />}
        <More replica={replica} database={database} name={name} />
      </div>
      <div className={styles.rest}>
        <div className={styles.shipped}>{newestText(replica, now)}</div>
        <div className={styles.shipped}>{keptText(replica, now)}</div>
        {replica.isEnabled && <Problem replica={replica} database={database} />}
      </div>
    </li>
  );
}

function Problem({ replica, database }: ReplicaRowProps): ReactNode {
  const isPending = useStore(selectIsPending('replica'));
  const { problem, targetId } = replica;
  if (problem === undefined) return undefined;
  return (
    <div className={styles.problem}>
      <ErrorText error={problem} />
      {isTakeable(problem) && (
        <div className={styles.remedy}>
          <Button isDisabled={isPending} onPress={() => askToTakeOver({ databaseId: database.id, targetId })}>
            Take over…
          </Button>
        </div>
      )}
    </div>
  );
}

function More({ replica, database, name }: ReplicaRowProps & { readonly name: string }): ReactNode {
  const { targetId, isEnabled } = replica;
  const replicaName = { databaseId: database.id, targetId };
  const isOnly = database.replicas.length === 1;
  return (
    <MenuButton
      label={`More about ${name}`}
      items={[
        { text: 'Settings…', icon: Settings2, onPick: () => openReplicaSettings(replicaName) },
        {
          text: isEnabled ? 'Turn off' : 'Turn on',
          icon: Power,
          onPick: () => void setReplicaEnabled(replicaName, !isEnabled),
        },
        { text: 'Open the destination', icon: Pencil, onPick: () => go({ kind: 'destination', targetId }) },
        ...(isOnly
          ? []
          : [{ text: 'Remove…', icon: Trash2, isDanger: true, onPick: () => askToRemoveReplica(replicaName) }]),
      ]}
    />
  );
}

interface StandingProps extends ReplicaRowProps {
  readonly now: number;
}

function Standing({ replica, database, now }: StandingProps): ReactNode {
  if (!replica.isEnabled) return <StateBadge tone="paused">Turned off</StateBadge>;
  if (replica.problem !== undefined) return <StateBadge tone="attention">{behind(replica)}</StateBadge>;
  if (database.status.kind === 'paused') return <StateBadge tone="paused">Paused</StateBadge>;
  if (replica.shipped === undefined) return <StateBadge tone="working">Starting</StateBadge>;
  if (isBehind(replica, database, now)) return <StateBadge tone="working">{behind(replica)}</StateBadge>;
  return <StateBadge tone="good">Up to date</StateBadge>;
}

function behind(replica: ReplicaState): string {
  return replica.lagBytes > 0 ? `${formatBytes(replica.lagBytes)} behind` : 'Attention';
}

function newestText({ shipped }: ReplicaState, now: number): string {
  if (shipped === undefined) return 'Nothing lies there yet';
  return `Everything up to ${formatClock(shipped.at)}, ${formatAgo(shipped.at, now)}`;
}

function keptText({ oldestAt, retention }: ReplicaState, now: number): string {
  const kept = retentionText(retention);
  if (oldestAt === undefined) return capitalize(kept);
  return `Back to ${lower(formatInstantLocal(oldestAt, now, { precision: 'minute' }))} · ${kept}`;
}

/** A folder is known by its path, a bucket by its name. */
function readableUrl(url: string): string {
  const plain = url.replace(/\?.*$/, '');
  return plain.startsWith('file://') ? decodeURIComponent(plain.slice('file://'.length)) : plain;
}

function lower(text: string): string {
  return text.replace(/^(Today|Yesterday)/, (day) => day.toLowerCase());
}
