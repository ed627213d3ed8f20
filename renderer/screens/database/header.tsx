// A database's name, how it stands, and what one can do with it.
import { History, Play, Trash2 } from 'lucide-react';
import type { ReactNode } from 'react';
import { formatAgo, formatBytes } from '../../../shared/format.ts';
import type { DatabaseState } from '../../../shared/databases.ts';
import { statusWord } from '../../../shared/standing.ts';
import { askToRemove, pause, resume, stopDemo } from '../../actions/databases.ts';
import { openRestore } from '../../actions/restore.ts';
import { Button } from '../../components/button.tsx';
import { MenuButton } from '../../components/menu-button.tsx';
import { PauseBars } from '../../components/pause-bars.ts';
import { ProgressBar } from '../../components/progress-bar.tsx';
import { StateBadge } from '../../components/state-badge.tsx';
import { selectIsPending, selectIsSeen, selectNow } from '../../store/selectors.ts';
import { historyOf, useStore } from '../../store/store.ts';
import styles from './header.module.css';
import { PageHeader } from '../../components/page-header.tsx';
import { snapshotShare, snapshotText, toneOf, waitingText, whenText } from '../parts/status-words.ts';

export function DatabaseHeader({ database }: { readonly database: DatabaseState }): ReactNode {
  const now = useStore(selectNow);
  const isSeen = useStore(selectIsSeen);
  const isPending = useStore(selectIsPending('pause'));
  const point = useStore(({ view }) => historyOf(view, database.id).selection.point);
  const isDemo = useStore(({ remote }) => remote?.demo.isRunning === true && remote.demo.databaseId === database.id);
  const isPaused = database.status.kind === 'paused';
  const share = snapshotShare(database);
  const waiting = waitingText(database, now);
  const when = isSeen ? whenText(database, now) : undefined;
  return (
    <PageHeader
      title={database.name}
      beside={database.path}
      about={
        <>
          <span className={styles.fact}>
            <StateBadge tone={isSeen ? toneOf(database, now) : 'unknown'}>
              {isSeen ? statusWord(database, now) : 'State unknown'}
            </StateBadge>
          </span>
          {when !== undefined && <span className={styles.fact}>{when}</span>}
          {share !== undefined && (
            <span className={styles.fact}>
              <span className={styles.bar}>
                <ProgressBar label={`First snapshot of ${database.name}`} share={share} isSlim />
              </span>
              {snapshotText(database)}
            </span>
          )}
          <span className={styles.fact}>
            {database.newest === undefined
              ? 'no restore point yet'
              : `newest restore point ${formatAgo(database.newest.at, now)}`}
          </span>
          {isSeen && waiting !== undefined && <span className={styles.fact}>{waiting}</span>}
          <span className={styles.fact}>{formatBytes(database.sizeBytes)}</span>
        </>
      }
      actions={
        <>
          <Button
            icon={isPaused ? Play : PauseBars}
            isDisabled={isPending}
            onPress={() => void (isPaused ? resume(database.id) : pause(database.id))}
          >
            {isPaused ? 'Resume' : 'Pause'}
          </Button>
          <Button
            kind="primary"
            icon={History}
            isDisabled={point === undefined}
            onPress={() => point !== undefined && void openRestore(database.id, point)}
          >
            Restore…
          </Button>
          <MenuButton
            label={`More about ${database.name}`}
            items={[
              ...(isDemo ? [{ text: 'Stop the demo’s writer', icon: PauseBars, onPick: () => void stopDemo() }] : []),
              { text: 'Remove from protection…', icon: Trash2, isDanger: true, onPick: () => askToRemove(database.id) },
            ]}
          />
        </>
      }
    />
  );
}
